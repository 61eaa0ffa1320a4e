"""Runs one job on a Dask worker: a pool of one in a scratch folder, ended when the caller no longer waits."""

import math
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import registry
from bench.run.clock import Clock
from bench.run.events import Event, Listener
from bench.run.gpus import find_gpus
from bench.run.local import Local, start_server
from bench.run.plan import PlannedJob
from bench.run.pool import Pool
from bench.run.slots import Slots
from bench.spec import BenchError, Job
from bench.store.record import STATUSES
from bench.store.store import Store

STARTING = threading.Lock()
TELLING = 0.5  # seconds between two epochs that a job reports: a thousand small epochs per second would flood Dask
start_once = cache(start_server)


def run(order: dict) -> dict:
    """Run ``order`` to its record: {"record": JSON, "ranks": parquet or None, "weights": bytes, "log": text}.

    The job's process, its timeout and its retry from a checkpoint are those of any pool, on this worker. When the
    worker is to end, or nobody waits for the job any more, Dask is told to reschedule it.
    """
    from distributed import Reschedule, get_worker

    worker = get_worker()
    planned = PlannedJob.of(order)
    make_ready(order["threads"])
    check_code(planned.job)
    with TemporaryDirectory(dir=worker.local_directory, prefix="mcln-bench-") as scratch:
        limits = {name: order[name] for name in ("threads", "timeout", "checkpoint_every")}
        pool = Pool(
            executor=Local(store=Store(Path(scratch)), **limits),
            slots=slots_of(worker, is_gpu_asked=order["is_gpu_asked"]),
            clock=Clock(grace=0.0, is_given_up=given_up(worker)),
            listener=teller(worker, order["topic"]),
            stamps={planned.job.key: None},
        )
        with pool.clock.watching(pool.executor.ask, pool.executor.kill):
            state = pool.run_one(planned)
        if state not in STATUSES:
            raise Reschedule
        return packed(pool.store, planned.job)


def packed(store: Store, job: Job) -> dict:
    """Return the content of a record's files, as ``run`` does."""
    record, weights = store.find(job), store.weights(job)
    return {
        "record": record.model_dump_json(),
        "weights": weights.read_bytes() if weights.exists() else b"",
        "ranks": store.ranks(job).to_parquet(index=False) if record.ranks_sha256 else None,
        "log": store.log(job).read_text(errors="replace"),
    }


def teller(worker, topic: str) -> Listener:
    """Return a listener that passes events on to the caller, with the worker's name before the device.

    The end of the job is not passed on, as the caller reports that itself once it has the record. Of epochs that follow
    one another within TELLING seconds, only the first is passed on.
    """
    last = -math.inf

    def tell(planned: PlannedJob, event: Event) -> None:
        nonlocal last
        if event.device:
            event = replace(event, device=f"{worker.name} {event.device}")
        if event.epoch:
            if time.monotonic() - last < TELLING:
                return
            last = time.monotonic()
        if event.state is None:
            worker.log_event(topic, {"key": planned.job.key, "event": asdict(event)})

    return tell


def check_code(job: Job) -> None:
    """Raise BenchError unless the worker has the code that the job, and so its record, names."""
    card, _ = registry.find(job.model)
    if not card.is_code_of(job):
        raise BenchError(f"worker on {socket.gethostname()} has another revision of {job.model}; install the caller's")


def make_ready(threads: int) -> None:
    """Start the server that jobs are forked from, once per worker: a start changes the environment for a while, which
    must not happen later, while other tasks read it."""
    multiprocessing.current_process().daemon = False  # a nanny's worker may then start processes, which end with it
    with STARTING:
        start_once(threads)
        registry.cards()  # in Python 3.11, ast.parse in two threads at once can raise SystemError


def slots_of(worker, *, is_gpu_asked: bool) -> Slots:
    """Return one slot on the CPU, as Dask counts the jobs, or the GPU slots that all tasks of the worker share."""
    if not is_gpu_asked:
        return Slots(cpus=1)
    with STARTING:
        return gpu_slots(int(worker.state.total_resources["GPU"]))


@cache
def gpu_slots(n_jobs: int) -> Slots:
    """Return the slots of the visible GPUs, shared evenly by ``n_jobs`` at a time."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = visible.split(",") if visible else list(find_gpus("auto"))
    if not gpus:
        raise BenchError(f"worker on {socket.gethostname()} offers GPU={n_jobs} and has none; start it without")
    return Slots(cpus=1, gpus=dict.fromkeys(gpus, 1.0), per_gpu=math.ceil(n_jobs / len(gpus)))


def given_up(worker) -> Callable[[], bool]:
    """Return a check of whether the task's caller gave up or died, or the worker closes: Dask lets tasks run on."""
    key = worker.get_current_task()

    def is_given_up() -> bool:
        task = worker.state.tasks.get(key)
        is_closing = worker.status.name in ("closing", "closed", "failed")
        return task is None or task.state == "cancelled" or is_closing

    return is_given_up
