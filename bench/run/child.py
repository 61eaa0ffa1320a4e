"""The job's own process: forked from a server that has imported everything, cut loose, and told what to run."""

import os
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from bench.nn import recommender  # noqa: F401 - imported once by the server, before any model asks for it
from bench.run import job
from bench.run.plan import PlannedJob
from bench.spec import BenchError
from bench.store.store import Store


def main(order: dict, runner: Connection) -> None:
    """Run ``order``; events go to ``runner``, whatever is printed into the job's log."""
    os.setsid()  # a group of its own, so that it can be ended with all it starts
    os.environ.clear()
    os.environ.update(order["environment"])
    with open(order["log"], "a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    threading.Thread(target=end_with, args=(runner,), daemon=True).start()
    torch.set_num_threads(order["threads"])
    work = PlannedJob.of(order)

    def tell(entry: dict) -> None:
        """To the runner, and every evaluation to the log as well."""
        try:
            runner.send(entry)
        except OSError:  # the runner is gone, and ``end_with`` not yet awake: no fault of the job, so no record
            os._exit(3)
        if entry.get("value") is not None:
            print(f"epoch {entry['epoch']} of {entry['of']}: {entry['value']:.4f}", file=sys.stderr, flush=True)

    store, every = Store(Path(order["results"])), order["checkpoint_every"]
    try:
        job.run(work, store, device=order["device"], checkpoint_every=every, tell=tell)
    except BenchError as error:  # the record cannot be written, nor could that of the next job
        runner.send({"end": str(error)})


def end_with(runner: Connection) -> None:
    """The runner sends nothing: when its end closes, the reason to go on is gone."""
    try:
        runner.recv()
    except (EOFError, OSError):
        os._exit(3)
