"""Hands out the places where jobs run: GPUs are shared by measured memory, the CPU by the number of jobs."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from joblib import cpu_count

from bench.run.gpus import CONTEXT_MIB
from bench.run.plan import PlannedJob
from bench.spec import Job
from bench.store.record import Record

HEADROOM = 1.2  # times a measured peak, as the allocator keeps more than the tensors take


def default_jobs(threads: int) -> int:
    """Return how many CPU jobs run at a time: as many as can have a core for each of their threads."""
    return max(1, cpu_count() // threads)


def kind(job: Job) -> tuple:
    """Return the kind of a job: jobs of one kind need the same memory, as data, model and sizes are alike."""
    sizes = {k: v for k, v in job.hyper.items() if not isinstance(v, float)}  # rates and weights take no memory
    return job.data_hash, job.model, job.preset, repr(sorted(sizes.items())), job.protocol.name


class Slot(NamedTuple):
    gpu: str  # its name, as ``CUDA_VISIBLE_DEVICES`` takes it; "" is the CPU
    mib: float  # set aside on it


@dataclass(kw_only=True)
class Slots:
    """Hands out devices; ``take`` waits until one is free for the job."""

    cpus: int  # jobs at a time on the CPU
    total: int | None = None  # jobs at a time, wherever they run
    gpus: dict[str, float] = field(default_factory=dict)  # name of a GPU to the MiB that jobs may share
    per_gpu: int | None = None  # jobs; None: they share it by memory, and the first job of a kind has it to itself
    measured: dict[tuple, float] = field(default_factory=dict)  # peak MiB by kind of job, where known

    def __post_init__(self):
        self.free = dict(self.gpus)
        self.changed = threading.Condition()
        self.free_cpus = self.cpus
        self.line: list[object] = []  # tickets of jobs that wait for a GPU: first come, first served

    @property
    def most(self) -> int:
        """How many jobs run at a time at most."""
        most = self.cpus + len(self.gpus) * (self.per_gpu or 8)
        return min(most, self.total or most)

    def together(self, planned: Sequence[PlannedJob]) -> int:
        """Return how many jobs run at a time, as far as memory is known; with GPUs, of those that train, if any."""
        trained = [one for one in planned if not one.card.is_floor] if self.gpus else []
        shares = [[self.need(one, i) / self.gpus[i] for one in trained] for i in self.gpus if self.gpus[i]]
        n = int(sum(len(trained) / sum(share) for share in shares) + 1e-6) if trained else self.cpus
        return max(1, min(n, self.most))

    def need(self, planned: PlannedJob, index: str) -> float:
        """Return the MiB to set aside for the job on that GPU, if it may share it."""
        whole = self.gpus[index]
        if self.per_gpu:
            return whole / self.per_gpu
        peak = self.measured.get(kind(planned.job))
        return whole if peak is None else min(whole, HEADROOM * peak + CONTEXT_MIB)

    def take(self, planned: PlannedJob, *, alone: bool = False) -> Slot:
        """Wait for a slot for the job, a GPU of its own if ``alone``, and return it."""
        with self.changed:
            if planned.card.is_floor or not self.gpus:  # a floor trains nothing
                self.changed.wait_for(lambda: self.free_cpus)
                self.free_cpus -= 1
                return Slot("", 0.0)
            ticket = object()
            self.line.append(ticket)
            while self.line[0] is not ticket or (slot := self.free_gpu(planned, alone=alone)) is None:
                self.changed.wait()
            self.free[slot.gpu] -= slot.mib
            self.line.remove(ticket)
            self.changed.notify_all()
            return slot

    def free_gpu(self, planned: PlannedJob, *, alone: bool) -> Slot | None:
        """Return the slot that the job could have now, or None, on the freest of the GPUs that may hold it: those with
        room for its measured peak, or else the largest; for a second try alone, those about as large as the largest."""
        largest = max(self.gpus.values())
        least = 0.9 * largest if alone else min(largest, self.measured.get(kind(planned.job), 0.0) + CONTEXT_MIB)
        for index in sorted(self.gpus, key=lambda i: -self.free[i]):
            need = self.gpus[index] if alone else self.need(planned, index)
            if self.gpus[index] >= least and need <= self.free[index] + 1e-6:
                return Slot(index, need)
        return None

    @contextmanager
    def taken(self, planned: PlannedJob, *, alone: bool = False) -> Iterator[Slot]:
        """Hold a slot from ``take`` for the length of a context."""
        slot = self.take(planned, alone=alone)
        try:
            yield slot
        finally:
            with self.changed:
                if slot.gpu:
                    self.free[slot.gpu] += slot.mib
                else:
                    self.free_cpus += 1
                self.changed.notify_all()

    def learn(self, slot: Slot, record: Record | None) -> None:
        """Take in the peak of a job's GPU memory, which decides how much the next job of its kind is given."""
        if slot.gpu and record is not None and "peak_memory_mib" in record.facts:
            peak, job_kind = record.facts["peak_memory_mib"], kind(record.job)
            with self.changed:
                self.measured[job_kind] = max(peak, self.measured.get(job_kind, 0.0))


def measured(records: Iterable[Record]) -> dict[tuple, float]:
    """Return the peak MiB by kind of the jobs that ran on a GPU before."""
    return {kind(r.job): r.facts["peak_memory_mib"] for r in records if r.status == "done" and ran_on_gpu(r)}


def ran_on_gpu(record: Record) -> bool:
    return record.provenance.get("device", "cpu") != "cpu"
