"""Runs many jobs at a time: each is locked, run, tried again where that helps, and recorded, however it ended."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.run.clock import Clock
from bench.run.due import lacks_weights
from bench.run.events import ELSEWHERE, Event, Listener
from bench.run.plan import PlannedJob
from bench.run.slots import Slot, Slots
from bench.spec import Job
from bench.store.record import STATUSES, Record
from bench.store.store import Store, sweep_halves

RETRIES = 1  # for a job whose process was killed, as a rule by the system for want of memory
POLL = 0.5  # seconds between two looks at jobs that another runner has
THREADS = 2  # per job: fixed, so that results do not depend on the size of the machine


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one attempt at a job ended."""

    record: Record | None = None  # that it left in the store
    reason: str = ""  # why there is no record
    is_killed: bool = False  # its process was ended from outside, so that a second attempt may succeed
    is_stopped: bool = False  # it ended early on request, and a later start goes on with it


@dataclass(kw_only=True)
class Executor(ABC):
    """Where jobs run: in processes of this machine (``bench.run.local``) or on a cluster (``bench.run.dask``)."""

    store: Store  # of the records and logs of the jobs
    threads: int = THREADS  # of torch, per job
    timeout: float | None = None  # seconds that a job may take
    checkpoint_every: int = 0  # epochs between two writes of a job's state; 0 for none

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Return a context in which jobs can be run."""
        yield

    @abstractmethod
    def execute(self, planned: PlannedJob, slot: Slot, listener: Listener) -> Outcome:
        """Run one job in ``slot`` to its end; called from many threads. Raises BenchError when its record cannot be
        written, which would be so for the next job, too."""

    @abstractmethod
    def ask(self) -> None:
        """Ask all jobs at work to write their state and end."""

    @abstractmethod
    def kill(self) -> None:
        """End all jobs at work."""


@dataclass(kw_only=True)
class Pool:
    """Runs jobs on an executor, as many at a time as there are slots."""

    executor: Executor
    slots: Slots
    clock: Clock = field(default_factory=Clock)
    listener: Listener = lambda planned, event: None  # called from many threads
    # called with a job that ended; returns what runs next in its place, such as a search's next trial
    follow: Callable[[PlannedJob], PlannedJob | None] = lambda planned: None
    estimate: Callable[[Job], float] = lambda job: 0.0  # seconds that a job will take, for the time limit of ``clock``
    # those of the records before the run, by key; a record that changed since is another runner's
    stamps: dict[str, tuple[int, int] | None] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return self.executor.store

    def run(self, planned: Sequence[PlannedJob]) -> list[str]:
        """Run the jobs; return their final states in order: done, skipped, failed, stopped, or left if not begun."""
        self.stamps = {one.job.key: self.store.stamp(one.job) for one in planned} | self.stamps
        states, waiting = {}, list(planned)
        with self.executor.ready(), self.clock.watching(self.executor.ask, self.executor.kill):
            while waiting:
                with ThreadPoolExecutor(min(self.slots.most, len(waiting))) as threads:  # they only wait
                    ended = list(threads.map(self.chain, waiting))
                for one, state in zip(waiting, ended, strict=True):
                    if state == "elsewhere" and one.job.key not in states:  # told once, however long it lasts
                        self.listener(one, Event(stage=ELSEWHERE))
                    states[one.job.key] = state
                waiting = [one for one in waiting if states[one.job.key] == "elsewhere"]
                time.sleep(POLL if waiting else 0)  # another runner may finish these, or die over them
        return [states[one.job.key] for one in planned]

    def chain(self, planned: PlannedJob) -> str:
        """Run a job, then those that follow from it, one after another; return the state of the last."""
        try:
            state = self.run_one(planned)
            while state in STATUSES and (planned := self.follow(planned)) is not None:
                self.stamps[planned.job.key] = self.store.stamp(planned.job)
                state = self.run_one(planned)
            return state
        except BaseException:  # such as a record that cannot be written: no job could go on
            self.clock.stop()
            self.executor.kill()
            raise

    def run_one(self, planned: PlannedJob) -> str:
        """Run a job to its end unless another runner has it ("elsewhere"); return its state."""
        job = planned.job
        if self.clock.is_stopping:
            return "left"
        with self.store.lock(job) as is_ours:
            if not is_ours:
                return "elsewhere"
            record = self.store.find(job)
            is_new = record is not None and self.store.stamp(job) != self.stamps[job.key]  # another runner's
            if not is_new or lacks_weights(self.store, planned, record):
                return self.attempts(planned)
        self.listener(planned, Event(state=record.status, reason=record.reason))
        return record.status

    def attempts(self, planned: PlannedJob) -> str:
        """Run a locked job, a second time where that may help, make sure it has a record, and return its state."""
        if not self.may_begin(planned):
            return "left"
        is_alone, spent = False, 0.0
        for attempt in range(1 + RETRIES):
            with self.slots.taken(planned, alone=is_alone) as slot:
                if not attempt:
                    if not self.may_begin(planned):  # once more: it may have waited long for its slot
                        return "left"
                    self.store.start_log(planned.job)
                elif self.clock.is_stopping:
                    outcome = Outcome(is_stopped=True)
                    break
                begun = time.perf_counter()
                outcome = self.executor.execute(planned, slot, self.listener)
                sweep_halves(self.store.path(planned.job))
                spent += time.perf_counter() - begun
                self.slots.learn(slot, outcome.record)
            is_alone = bool(slot.gpu) and not is_alone and is_out_of_memory(outcome.record)
            if not is_alone and not (outcome.is_killed and not self.clock.is_stopping):
                break
        if outcome.is_stopped or outcome.is_killed and self.clock.is_stopping:
            self.listener(planned, Event(state="stopped", reason=outcome.reason if outcome.is_stopped else ""))
            return "stopped"
        record = outcome.record or self.bury(planned, outcome.reason, seconds=spent)
        if record.status != "failed":  # its process may have ended before it removed the checkpoint
            with suppress(OSError):  # the record stands, whether or not the file can be removed
                self.store.checkpoint(planned.job).unlink()
        self.listener(planned, Event(state=record.status, reason=record.reason))
        return record.status

    def may_begin(self, planned: PlannedJob) -> bool:
        """Return whether the run has time for the job and is not stopping."""
        is_begun = self.store.checkpoint(planned.job).exists()
        has_time = self.clock.has_time_for(self.estimate(planned.job), is_begun=is_begun)
        return has_time and not self.clock.is_stopping

    def bury(self, planned: PlannedJob, reason: str, *, seconds: float) -> Record:
        """Write and return a failed record for a job that ended without a record."""
        job, log, settings, text = planned.job, self.store.log(planned.job), {}, ""
        with suppress(OSError):  # it may be gone
            text = log.read_text(errors="replace")
        with suppress(Exception):  # a model file that cannot be imported, which may be what the job died of, has none
            settings = planned.settings
        record = Record(
            job=job,
            key=job.key,
            status="failed",
            reason=reason,
            traceback="".join(text.splitlines(keepends=True)[-12:]),
            log=str(log.relative_to(self.store.root)),
            settings=settings,
            seconds={"spent": seconds},
            facts=planned.facts,
            provenance={"start": datetime.now(UTC).isoformat(timespec="milliseconds")},
        )
        self.store.write(record)
        return record


def is_out_of_memory(record: Record | None) -> bool:
    """Return whether the job failed for want of memory on its GPU: torch found none, or a library that it calls could
    not even make its handle, as on a GPU that is all but full."""
    errors = ("OutOfMemoryError", "out of memory", "STATUS_ALLOC_FAILED", "insufficient resources", "Create(handle)")
    return record is not None and any(error in record.reason for error in errors)
