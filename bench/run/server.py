"""What the processes of jobs are forked from, how they begin and how they are ended."""

import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["bench.run.child"])
# glibc hands every large matrix back to the kernel and faults its pages in anew: a tenth to a fifth of a step
KEEP_PAGES = dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(2**30))


def start_server(threads: int) -> None:
    """Start what processes are forked from, if it does not run yet, with what libraries read as they start."""
    before = dict(os.environ)
    count = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    here = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # the server imports what we did, wherever it is
    is_main = threading.current_thread() is threading.main_thread()
    held = signal.signal(signal.SIGINT, signal.SIG_IGN) if is_main else None  # Ctrl-C is ours: the server inherits this
    os.environ.update({**KEEP_PAGES, **before, **count, **here})
    try:
        forkserver.ensure_running()
    finally:
        if is_main:
            signal.signal(signal.SIGINT, held)
        os.environ.clear()
        os.environ.update(before)


def kill(process: BaseProcess) -> None:
    """End a job with everything it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # ended, or not yet a group of its own
        process.kill()


def child_main(order: dict, runner: Connection) -> None:
    from bench.run import child  # here, so that the runner itself never imports torch

    child.main(order, runner)


def death(returncode: int) -> str:
    """Why a process ended, in words."""
    if returncode < 0:
        name = signal.Signals(-returncode).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"process killed by {name}{hint}"
    return f"process ended with exit code {returncode} and left no record"
