"""Jobs on other machines: each is a Dask task, run by a pool of one on a worker (``bench.run.worker``).

Tasks are submitted one by one instead of through joblib's Dask backend. With one single-threaded worker, that backend
is a plain loop on the caller's machine; it waits for ever for a task whose workers died, and all its calls ask for
the same resources.
"""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from typing import Any

import pandas as pd

from bench.data.tables import first_line
from bench.files import expanded, write_whole
from bench.run import worker
from bench.run.events import Event, Listener
from bench.run.plan import PlannedJob
from bench.run.pool import POLL, Executor, Outcome
from bench.run.slots import Slot
from bench.spec import DATA_SETS, BenchError
from bench.store.record import Record

EXTRA = "--cluster needs the package distributed: pip install -e '.[cluster]' in a checkout"
MOST = 1000  # jobs submitted at a time, each with a thread that waits for it
ANSWER = 10  # seconds that a scheduler has to answer
PATIENCE = 600  # seconds that the first worker has to join


@dataclass(kw_only=True)
class Cluster(Executor):
    """Runs jobs on the workers of the Dask scheduler that ``client`` is connected to; this machine keeps locks and
    records. Jobs that train ask for one "GPU" where a worker offers that resource, if ``is_gpu_wanted``."""

    client: Any
    is_gpu_wanted: bool = True
    topic: str = field(default_factory=lambda: f"mcln-bench-{uuid.uuid4().hex}")
    away: dict[str, tuple[PlannedJob, Listener]] = field(default_factory=dict)  # submitted, by key
    ending: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def ready(self) -> Iterator[None]:
        self.client.subscribe_topic(self.topic, self.hear)
        try:
            yield
        finally:
            self.client.unsubscribe_topic(self.topic)

    def hear(self, message: tuple[float, dict]) -> None:
        """Pass on an event that a worker sent; an event that arrives after the job's end is ignored."""
        content = message[1]
        if content["key"] in self.away:
            planned, listener = self.away[content["key"]]
            listener(planned, Event(**content["event"]))

    def ask(self) -> None:
        """End all jobs at once: their checkpoints stay on the workers, so there is no state to wait for."""
        self.kill()

    def kill(self) -> None:
        self.ending.set()

    def execute(self, planned: PlannedJob, slot: Slot, listener: Listener) -> Outcome:
        job = planned.job
        self.away[job.key] = planned, listener
        try:
            result = self.wait(self.submit(planned))
        except Exception as error:  # noqa: BLE001 - dead workers, other versions: a fault must end as the record
            line = str(error).partition("\n")[0]
            return Outcome(reason=f"on the cluster: {type(error).__name__}: {line}")
        finally:
            del self.away[job.key]
        if result is None:
            return Outcome(is_stopped=True, reason="" if self.ending.is_set() else "the scheduler is gone")
        record, ranks = Record.model_validate_json(result["record"]), result["ranks"]
        with self.store.writing():
            self.store.log(job).write_text(result["log"])
            if content := result["weights"]:
                write_whole(self.store.weights(job), [content], is_durable=True)
        self.store.write(record, None if ranks is None else pd.read_parquet(BytesIO(ranks)))
        self.store.checkpoint(job).unlink(missing_ok=True)  # left by a run on this machine
        return Outcome(record=record)

    def submit(self, planned: PlannedJob):
        """Submit the job's task, and return its future."""
        is_gpu_asked = self.is_gpu_wanted and not planned.card.is_floor and self.offers_gpu()
        order = {
            "threads": self.threads,
            "timeout": self.timeout,
            "checkpoint_every": self.checkpoint_every,
            "topic": self.topic,
            "is_gpu_asked": is_gpu_asked,
            **asdict(with_full_paths(planned)),
        }
        # unique, as Dask would take a second task of the same name for the first
        name = f"{planned.job.model}-{planned.job.key}-{uuid.uuid4().hex}"
        resources = {"GPU": 1} if is_gpu_asked else None
        return self.client.submit(worker.run, order, key=name, pure=False, resources=resources)

    def offers_gpu(self) -> bool:
        """Return whether any worker that is there now has the resource "GPU"."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        return any(info["resources"].get("GPU") for info in workers)

    def wait(self, future) -> dict | None:
        """Return the result of the task; None where the run is to end, or the scheduler is gone."""
        ended = threading.Event()
        future.add_done_callback(lambda _: ended.set())
        while not ended.wait(POLL):
            if self.ending.is_set():
                future.cancel()  # the worker sees it and ends the job
                return None
        return None if future.cancelled() else future.result()


def with_full_paths(planned: PlannedJob) -> PlannedJob:
    """Return the job with the full paths of its folders, since a worker runs in another folder."""
    location = planned.location if planned.location in DATA_SETS else str(expanded(planned.location).resolve())
    return replace(planned, location=location, data_dir=planned.data_dir and expanded(planned.data_dir).resolve())


@contextmanager
def connected(address: str, *, gpus: str, jobs_per_gpu: int | None, **options) -> Iterator[Cluster]:
    """Yield the executor behind the Dask scheduler at ``address``; ``options`` are those of ``Executor``."""
    if gpus not in ("auto", "none") or jobs_per_gpu:
        raise BenchError("with --cluster, workers offer GPUs (--resources GPU=N); use --gpus auto or none")
    try:
        from distributed import Client
        from distributed.comm import resolve_address
    except ImportError:
        raise BenchError(EXTRA) from None
    try:
        resolve_address(address)  # first, as a client with a malformed address complains once more when Python ends
        client = Client(address, timeout=ANSWER, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # TypeError: TLS without certificates
        remedy = "set the certificates (docs/cluster.md)" if address.startswith("tls:") else "start one: dask scheduler"
        raise BenchError(f"no Dask scheduler answers at --cluster {address} ({first_line(error)}); {remedy}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise BenchError(f"no worker joined --cluster {address} in {PATIENCE} s; start some: dask worker") from None
        print(f"cluster {address}: {sum(client.nthreads().values())} jobs at a time")
        yield Cluster(client=client, is_gpu_wanted=gpus == "auto", **options)
