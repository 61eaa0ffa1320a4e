"""What a Dask worker does with one job: a pool of one, in a scratch folder, watched for the caller's wish to stop."""

import math
import multiprocessing
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import registry
from bench.run.plan import PlannedJob
from bench.run.pool import POLL, Pool
from bench.run.server import start_server
from bench.run.slots import Slots, find_gpus
from bench.spec import ENGINE, BenchError, Job
from bench.store.store import Store

STARTING = threading.Lock()
start_once = cache(start_server)


def run(order: dict) -> dict:
    """Run ``order`` to its record: {"record": JSON, "ranks": parquet or None, "log": text}.

    The job's process, its timeout and its retry from a checkpoint are those of any pool, on this worker.

    Raises:
        Reschedule: when this worker is to end, or nobody waits for the job any more.
        BenchError: when this worker has other code than the caller, or offers GPUs that it has not.
    """
    from distributed import Reschedule, get_worker

    worker = get_worker()
    work = PlannedJob.of(order)
    ready(order["threads"])
    check_code(work.job)
    with TemporaryDirectory(dir=worker.local_directory, prefix="mcln-bench-") as scratch:
        pool = Pool(
            store=Store(Path(scratch)),
            slots=places(worker, is_gpu_asked=order["is_gpu_asked"]),
            threads=order["threads"],
            timeout=order["timeout"],
            checkpoint_every=order["checkpoint_every"],
            tell=partial(tell, worker, order["topic"]),
            stamps={work.job.key: None},
        )
        with watched(worker, pool):
            state = pool.one(work)
        if state == "stopped":
            raise Reschedule
        return packed(pool.store, work)


def packed(store: Store, work: PlannedJob) -> dict:
    """The files of a record."""
    record = store.find(work.job)
    return {
        "record": record.model_dump_json(),
        "ranks": store.ranks(work.job).to_parquet(index=False) if record.ranks_sha256 else None,
        "log": store.log(work.job).read_text(errors="replace"),
    }


def tell(worker, topic: str, work: PlannedJob, event: dict) -> None:
    """Pass ``event`` on, the worker's name before the device; how it ended tells the one that has the record."""
    if event.get("state") in (None, "started"):
        named = {"device": f"{worker.name} {event['device']}"} if "device" in event else {}
        worker.log_event(topic, {"key": work.job.key, "event": {**event, **named}})


def trains(work: PlannedJob) -> bool:
    """Floors train nothing and stay on the CPU."""
    return not registry.find(work.job.model)[0].is_floor


def check_code(job: Job) -> None:
    """A record says which code made it: the worker must have that code."""
    card, _ = registry.find(job.model)
    if (card.source, ENGINE) != (job.source, job.engine):
        raise BenchError(f"worker on {socket.gethostname()} has another revision of {job.model}; install the caller's")


def ready(threads: int) -> None:
    """Once a worker: one server to fork from, whose start must not change the environment while other tasks read it."""
    multiprocessing.current_process().daemon = False  # a nanny's worker may then start processes, which end with it
    with STARTING:
        start_once(threads)
        registry.cards()  # in Python 3.11, ast.parse in two threads at once can raise SystemError


def places(worker, *, is_gpu_asked: bool) -> Slots:
    """Dask counts the jobs; which of the worker's GPUs one takes is for all its tasks to agree on."""
    if not is_gpu_asked:
        return Slots(cpus=1)
    with STARTING:
        return gpu_slots(int(worker.state.total_resources["GPU"]))


@cache
def gpu_slots(n_jobs: int) -> Slots:
    """The visible GPUs, shared evenly by ``n_jobs`` at a time.

    Raises:
        BenchError: when there is none.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = visible.split(",") if visible else list(find_gpus("auto"))
    if not gpus:
        raise BenchError(f"worker on {socket.gethostname()} offers GPU={n_jobs} and has none; start it without")
    return Slots(cpus=1, gpus=dict.fromkeys(gpus, 1.0), per_gpu=math.ceil(n_jobs / len(gpus)))


@contextmanager
def watched(worker, pool: Pool) -> Iterator[None]:
    """Stop ``pool`` once the caller gave the task up or died, or the worker closes: Dask itself lets tasks run on."""
    key, is_over = worker.get_current_task(), threading.Event()

    def watch() -> None:
        while not is_over.wait(POLL):
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled" or worker.status.name in ("closing", "closed", "failed"):
                return pool.stop()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
