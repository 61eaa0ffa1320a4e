"""The pool on other machines: every job is a Dask task, run by a pool of one on a worker and sent back whole.

Tasks are submitted one by one instead of through joblib's Dask backend: of one single-threaded worker that makes a
plain loop on the caller's machine, it waits for ever for a task whose workers died, and all its calls ask for the
same resources.
"""

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from bench.data import sources
from bench.run import remote
from bench.run.plan import PlannedJob
from bench.run.pool import POLL, Pool
from bench.run.slots import Slots
from bench.spec import BenchError
from bench.store.record import Record

EXTRA = "--cluster needs the package distributed: pip install 'mcln-bench[cluster]'"
MOST = 1000  # jobs submitted at a time: each has a thread that waits
ANSWER = 10  # seconds that a scheduler has to answer
PATIENCE = 600  # and the first worker to join


@dataclass(kw_only=True)
class Cluster(Pool):
    """A pool whose jobs run where the scheduler of ``client`` sends them; this machine keeps locks and records.

    Args:
        client: connected to the scheduler.
        is_gpu_wanted: jobs that train ask for one "GPU" where a worker offers that resource.
    """

    client: Any
    is_gpu_wanted: bool = True
    topic: str = field(default_factory=lambda: f"mcln-bench-{uuid.uuid4().hex}")
    away: dict[str, PlannedJob] = field(default_factory=dict)  # jobs submitted, by key

    def run(self, works: Sequence[PlannedJob]) -> list[str]:
        self.slots = Slots(cpus=max(1, min(self.slots.cpus, len(works))))
        self.client.subscribe_topic(self.topic, self._hear)
        try:
            return super().run(works)
        finally:
            self.client.unsubscribe_topic(self.topic)

    def warm(self) -> None:
        """Nothing is forked here."""

    def _hear(self, event: tuple[float, dict]) -> None:
        """Pass on what a worker tells; what comes after the job's end is late."""
        message = event[1]
        if (work := self.away.get(message["key"])) is not None:
            self.tell(work, message["event"])

    def _run(self, work: PlannedJob) -> str:
        log, reason = self.store.start_log(work.job), ""
        self.away[work.job.key] = work
        try:
            outcome = self._wait(self._submit(work))
        except Exception as error:  # noqa: BLE001 - dead workers, other versions: it must end as the job's record
            outcome, reason = None, f"on the cluster: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        finally:
            del self.away[work.job.key]
        if outcome is None and not reason:
            self.tell(work, {"state": "stopped", "reason": "" if self.stopping.is_set() else "no scheduler any more"})
            return "stopped"
        if outcome is None:
            record = self._bury(work, reason, log)
        else:
            with self.store.writing():
                log.write_text(outcome["log"])
            record = Record.model_validate_json(outcome["record"])
            self._keep(work, record, outcome["ranks"])
        self.tell(work, {"state": record.status, "reason": record.reason})
        return record.status

    def _keep(self, work: PlannedJob, record: Record, ranks: bytes | None) -> None:
        self.store.write(record, None if ranks is None else pd.read_parquet(BytesIO(ranks)))
        self.store.checkpoint(work.job).unlink(missing_ok=True)  # of a run on this machine

    def _submit(self, work: PlannedJob):
        order = {
            "threads": self.threads,
            "timeout": self.timeout,
            "checkpoint_every": self.checkpoint_every,
            "topic": self.topic,
            "is_gpu_asked": self.is_gpu_wanted and remote.trains(work) and self.offers_gpu(),
            **elsewhere(work).payload(),
        }
        name = f"{work.job.model}-{work.job.key}-{uuid.uuid4().hex}"  # a second call must not meet the first's task
        resources = {"GPU": 1} if order["is_gpu_asked"] else None
        return self.client.submit(remote.run, order, key=name, pure=False, resources=resources)

    def offers_gpu(self) -> bool:
        """Whether any worker that is there now has the resource "GPU"."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        return any(worker["resources"].get("GPU") for worker in workers)

    def _wait(self, future) -> dict | None:
        """What the task returned; None where the run is stopped, or the scheduler is gone."""
        ended = threading.Event()
        future.add_done_callback(lambda _: ended.set())
        while not ended.wait(POLL):
            if self.stopping.is_set():
                future.cancel()  # the worker sees it and ends the job
                return None
        return None if future.cancelled() else future.result()


def elsewhere(work: PlannedJob) -> PlannedJob:
    """``work`` with its folders in full: a worker stands in a folder of its own."""
    location = work.location if work.location in sources.names() else in_full(work.location)
    return replace(work, location=location, data_dir=work.data_dir and in_full(work.data_dir))


def in_full(folder: str) -> str:
    return str(Path(folder).expanduser().resolve())


@contextmanager
def connected(address: str, *, gpus: str, jobs: int | None, jobs_per_gpu: int | None, **options) -> Iterator[Cluster]:
    """The pool behind the Dask scheduler at ``address``; ``options`` are those of ``Pool``.

    Raises:
        BenchError: when the extra is not installed, the scheduler does not answer, or a flag says what only the
            workers can say.
    """
    if gpus not in ("auto", "none") or jobs_per_gpu:
        raise BenchError("with --cluster, workers offer GPUs (--resources GPU=N); use --gpus auto or none")
    try:
        from distributed import Client
    except ImportError:
        raise BenchError(EXTRA) from None
    try:
        client = Client(address, timeout=ANSWER, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BenchError(
            f"no Dask scheduler answers at --cluster {address} ({type(error).__name__}); start one: dask scheduler"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise BenchError(f"no worker joined --cluster {address} in {PATIENCE} s; start some: dask worker") from None
        print(f"cluster {address}: {sum(client.nthreads().values())} jobs at a time")
        slots = Slots(cpus=jobs or MOST)
        yield Cluster(client=client, is_gpu_wanted=gpus == "auto", slots=slots, **options)
