"""The process of one job, forked from a server that has already imported everything that jobs need."""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from multiprocessing.connection import Connection
from pathlib import Path

import torch
import torch._dynamo  # every optimiser of torch imports it, which takes seconds; here the server does, for all jobs
from threadpoolctl import threadpool_limits

from bench.nn import recommender  # noqa: F401 - imported once by the server, before any model asks for it
from bench.run import job
from bench.run.clock import SIGNALS
from bench.run.events import Event
from bench.run.plan import PlannedJob
from bench.run.provenance import code_revision
from bench.spec import BenchError
from bench.store.store import Store
from bench.train.checkpoint import Stopped

code_revision()  # by the server too, for its jobs: their records name the code that it imported, not what came later


class Patience:
    """Tells after each epoch whether the job is to write its state and end: if it was asked to, or if another epoch,
    as long as the longest so far, would end after the deadline."""

    def __init__(self, deadline: float):
        self.deadline, self.last, self.durations = deadline, time.monotonic(), []
        self.is_asked = threading.Event()

    def is_over(self) -> bool:
        now = time.monotonic()
        self.durations.append(now - self.last)
        self.last = now
        longest = max(self.durations[1:] or self.durations)  # the first one includes all that came before the epochs
        return self.is_asked.is_set() or now + longest > self.deadline


class Log(FileIO):
    """The file that a job prints into. What does not fit on a full disk is lost, and the job goes on."""

    def write(self, content) -> int:
        with suppress(OSError):
            return super().write(content)
        return len(content)


def main(order: dict, runner: Connection) -> None:
    """Run the job of ``order``; send its events to ``runner``, and all that is printed into the job's log."""
    os.setsid()  # a process group of its own, so that the job can be ended with all that it starts
    os.environ.clear()
    os.environ.update(order["environment"])
    with open(order["log"], "a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    kept = BufferedWriter(Log(1, "a", closefd=False))
    sys.stdout = sys.stderr = TextIOWrapper(kept, "utf-8", "backslashreplace", line_buffering=True)
    patience = Patience(order["deadline"])
    signal.signal(signal.SIGTERM, lambda *_: patience.is_asked.set())
    for number in (signal.SIGINT, signal.SIGHUP):  # the runner gets them too, and decides
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # which the server blocks (``bench.run.local.start_server``)
    threading.Thread(target=obey, args=(runner, patience), daemon=True).start()
    torch.set_num_threads(order["threads"])
    threadpool_limits(order["threads"])  # for NumPy's products, whatever the server was started with
    planned, store = PlannedJob.of(order), Store(Path(order["results"]))

    def tell(event: Event) -> None:
        """Send an event to the runner, and print every stage and evaluation into the log as well."""
        try:
            runner.send(event)
        except OSError:  # the runner is gone, and ``obey`` not yet awake: no fault of the job, so no record
            os._exit(3)
        if event.stage or event.value is not None:
            print(event.stage or f"epoch {event.epoch} of {event.of}: {event.value:.4f}", file=sys.stderr, flush=True)

    try:
        options = {"device": order["device"], "checkpoint_every": order["checkpoint_every"]}
        job.run(planned, store, tell=tell, stop=patience.is_over, **options)
    except Stopped as stopped:
        tell(Event(state="stopped", reason=str(stopped)))
    except BenchError as error:  # the record cannot be written, nor could that of the next job
        tell(Event(fatal=str(error)))


def obey(runner: Connection, patience: Patience) -> None:
    """Stop the job when the runner asks; end the process when the runner's end closes, as nobody waits for it then."""
    try:
        while runner.recv():
            patience.is_asked.set()
    except (EOFError, OSError):
        os._exit(3)
