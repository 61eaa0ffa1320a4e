"""Runs jobs on this machine, each in a process forked from one server that has imported torch and the like once."""

import math
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType

from bench.run.clock import SIGNALS
from bench.run.events import Event, Listener
from bench.run.gpus import alone
from bench.run.plan import PlannedJob
from bench.run.pool import POLL, Executor, Outcome
from bench.run.slots import Slot
from bench.spec import BenchError

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["bench.run.child"])
# else glibc hands every large matrix back to the kernel and faults its pages in anew: a tenth to a fifth of a step
KEEP_PAGES = dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(2**30))
SERVER_DIED = 255  # the exit code that multiprocessing reports where the server was killed, and the job's own is lost
WITH_SERVER = "the process that jobs are forked from was killed (out of memory?)"
AT_START = "the process that jobs are forked from ended before it could fork one: it was killed, or printed an error"
STARTING = threading.Lock()  # held while a process starts, so that one starts at a time
STOP = "stop"  # the only message from a runner to a job


def start_server(threads: int) -> None:
    """Start the server from which jobs are forked, if it does not run yet, with the environment that libraries read.

    Only the runner is to end it, so it inherits blocked signals: those to the whole process group do not reach it. Its
    jobs unblock them (``bench.run.child.main``). A signal that comes meanwhile is handled afterwards.
    """
    before = dict(os.environ)
    count = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    here = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # so that the server imports the same modules
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    os.environ.update({**KEEP_PAGES, **before, **count, **here})
    try:
        resource_tracker.ensure_running()  # else the server's start starts it, which unblocks some signals again
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        forkserver.ensure_running()
    except OSError as error:  # the path of a socket has a limit, which a long TMPDIR exceeds
        place = tempfile.gettempdir()
        raise BenchError(f"no socket can be made in {place} ({error}); set TMPDIR to a shorter path") from None
    finally:
        os.environ.clear()
        os.environ.update(before)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@dataclass(kw_only=True)
class Local(Executor):
    """Runs each job in a process of this machine."""

    deadline: float = math.inf  # when jobs must have written their state, on the clock of ``time.monotonic``
    live: dict[str, tuple[BaseProcess, Connection]] = field(default_factory=dict)  # by key of the job
    has_forked: bool = False  # whether the server has forked any job, so that it can import what jobs need

    @contextmanager
    def ready(self) -> Iterator[None]:
        start_server(self.threads)
        yield

    def ask(self) -> None:
        for _, connection in list(self.live.values()):
            with suppress(OSError):  # the job has just ended
                connection.send(STOP)

    def kill(self) -> None:
        for process, _ in list(self.live.values()):
            kill(process)

    def execute(self, planned: PlannedJob, slot: Slot, listener: Listener) -> Outcome:
        before = self.store.stamp(planned.job)
        try:
            process, ours = self.start(planned, slot)
        except (EOFError, ConnectionError):  # the server was killed before it had forked the job
            return self.after_server()
        self.live[planned.job.key] = process, ours
        is_late = threading.Event()
        limit = threading.Timer(self.timeout or 0, lambda: (is_late.set(), kill(process)))
        if self.timeout:
            limit.start()
        last = Event()
        try:
            listener(planned, Event(device=f"GPU {slot.gpu}" if slot.gpu else "CPU"))
            for event in events_from(ours, process):
                last = event
                if event.fatal:
                    raise BenchError(event.fatal)
                if event.state is None:
                    listener(planned, event)
        finally:
            process.join()
            del self.live[planned.job.key]
            ours.close()
            limit.cancel()
        if self.store.stamp(planned.job) != before and (record := self.store.find(planned.job)) is not None:
            return Outcome(record=record)
        if last.state == "stopped":
            return Outcome(is_stopped=True, reason=last.reason)
        if is_late.is_set():
            return Outcome(reason=f"timeout: over {self.timeout:g} s")
        if process.exitcode == SERVER_DIED:
            return self.after_server()
        log = self.store.log(planned.job)
        return Outcome(reason=why_it_died(process.exitcode, log=str(log)), is_killed=process.exitcode < 0)

    def start(self, planned: PlannedJob, slot: Slot) -> tuple[BaseProcess, Connection]:
        """Start the process of a job; return it, and our end of the connection to it."""
        ours, theirs = FORKS.Pipe()
        with theirs, without_main():  # one at a time, also because the environment is another while a server starts
            process = FORKS.Process(target=child_main, args=(self.order(planned, slot), theirs), daemon=True)
            process.start()
        self.has_forked = True
        return process, ours

    def after_server(self) -> Outcome:
        """Start the server again after it was killed; return the outcome of a job that ended with it."""
        time.sleep(POLL)  # until the kernel counts it as dead, and its other jobs have seen that nobody waits for them
        with STARTING:  # else multiprocessing starts it with the next job, in the runner's environment
            start_server(self.threads)
        return Outcome(reason=WITH_SERVER if self.has_forked else AT_START, is_killed=True)

    def order(self, planned: PlannedJob, slot: Slot) -> dict:
        """Return all that the job's process needs to know."""
        return {
            "results": str(self.store.root),
            "log": str(self.store.log(planned.job)),
            "device": "cuda:0" if slot.gpu else "cpu",
            "threads": self.threads,
            "checkpoint_every": self.checkpoint_every,
            "deadline": self.deadline,
            "environment": {**os.environ, **alone(slot.gpu)},
            **asdict(planned),
        }


@contextmanager
def without_main() -> Iterator[None]:
    """While this context is open, processes start without the main module. multiprocessing would run that again in the
    process, and it may be a user's script that does more than calling ``bench.run``."""
    with STARTING:
        main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def events_from(connection: Connection, process: BaseProcess) -> Iterator[Event]:
    """Yield the events of a job until it ends, even if it ends in the middle of a message, or if a process that it
    started outlives it and holds the other end of the ``connection``."""
    with suppress(EOFError, OSError):
        while connection in wait([connection, process.sentinel]):
            yield connection.recv()


def kill(process: BaseProcess) -> None:
    """End a job with everything that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has ended, or does not have its own process group yet
        process.kill()


def child_main(order: dict, runner: Connection) -> None:
    from bench.run import child  # here, so that the runner itself never imports torch

    child.main(order, runner)


def why_it_died(exit_code: int, *, log: str) -> str:
    """Return in words why a process left no record."""
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        return f"process killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    if exit_code:
        return f"process ended with exit code {exit_code} and left no record"
    return f"{log} says why; the finished record is kept"
