"""Where jobs run and in what order: GPUs by measured memory, the CPU by count, the longest jobs first."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from joblib import cpu_count

from bench import registry
from bench.run.plan import PlannedJob
from bench.spec import BenchError, Job
from bench.store.record import Record

HEADROOM = 1.2  # of a measured peak: the allocator keeps more than the tensors take
CONTEXT_MIB = 600.0  # what a process takes of a GPU before its first tensor


def find_gpus(text: str) -> dict[str, float]:
    """Number and free MiB of the GPUs that "auto", "none" or a list such as "0,1" names, without importing torch.

    Raises:
        BenchError: for a GPU that is not here.
    """
    if text == "none":
        return {}
    here = {}
    if tool := shutil.which("nvidia-smi"):
        query = [tool, "--query-gpu=index,memory.free", "--format=csv,noheader,nounits"]
        found = subprocess.run(query, capture_output=True, text=True)
        if found.returncode == 0:  # a tool without a driver finds none
            rows = [[word.strip() for word in line.split(",")] for line in found.stdout.splitlines()]
            here = {index: float(free) for index, free in rows if free.isdigit()}  # "[N/A]": shares the host's memory
    if text == "auto":
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(here)).replace(" ", "").split(",")
        return {index: free for index, free in here.items() if index in visible}
    for index in text.split(","):
        if index not in here:
            raise BenchError(f"GPU {index!r} is not here ({len(here)} found); use --gpus auto or --gpus none")
    return {index: here[index] for index in text.split(",")}


def default_jobs(threads: int) -> int:
    """CPU jobs at a time: as many as have their threads on cores of their own."""
    return max(1, cpu_count() // threads)


def kind(job: Job) -> tuple:
    """Jobs of a kind need the same memory: data, model and sizes are alike."""
    sizes = {k: v for k, v in job.hyper.items() if not isinstance(v, float)}  # rates and weights take no memory
    return job.data_hash, job.model, job.preset, repr(sorted(sizes.items())), job.protocol.name


class Slot(NamedTuple):
    gpu: str  # its number; "" is the CPU
    mib: float  # set aside on it


@dataclass(kw_only=True)
class Slots:
    """Hands out devices; ``take`` waits until one is free for the job.

    Args:
        cpus: jobs at a time on the CPU.
        total: jobs at a time, wherever they run; ``None`` for no other limit.
        gpus: GPU number to MiB that jobs may share.
        per_gpu: jobs a GPU; ``None`` shares it by memory, the first job of a kind having it to itself.
        measured: peak MiB of a kind, where known.
    """

    cpus: int
    total: int | None = None
    gpus: dict[str, float] = field(default_factory=dict)
    per_gpu: int | None = None
    measured: dict[tuple, float] = field(default_factory=dict)

    def __post_init__(self):
        self.free = dict(self.gpus)
        self.changed = threading.Condition()
        self.free_cpus = self.cpus
        self.line: list[object] = []  # of those that wait for a GPU: first come, first served

    @property
    def most(self) -> int:
        """Jobs at a time, at most."""
        most = self.cpus + len(self.gpus) * (self.per_gpu or 8)
        return min(most, self.total or most)

    def need(self, work: PlannedJob, index: str, *, alone: bool) -> float:
        """MiB set aside for ``work`` on that GPU."""
        whole = self.gpus[index]
        if alone:
            return whole
        if self.per_gpu:
            return whole / self.per_gpu
        peak = self.measured.get(kind(work.job))
        return whole if peak is None else min(whole, HEADROOM * peak + CONTEXT_MIB)

    def fit(self, work: PlannedJob, *, alone: bool) -> list[str]:
        """GPUs that may hold ``work``, the freest first: with room for its measured peak, or else the largest; for a
        second try alone, those that are about as large as the largest."""
        largest = max(self.gpus.values())
        least = 0.9 * largest if alone else min(largest, self.measured.get(kind(work.job), 0.0) + CONTEXT_MIB)
        return sorted((i for i in self.gpus if self.gpus[i] >= least), key=lambda i: -self.free[i])

    def take(self, work: PlannedJob, *, alone: bool = False) -> Slot:
        """A slot for ``work``; a GPU of its own if ``alone``. Floors train nothing and stay on the CPU."""
        card, _ = registry.find(work.job.model)
        with self.changed:
            ticket = object()
            if self.gpus and not card.is_floor:
                self.line.append(ticket)
            while True:
                if card.is_floor or not self.gpus:
                    if self.free_cpus:
                        self.free_cpus -= 1
                        return Slot("", 0.0)
                elif self.line[0] is ticket:
                    for index in self.fit(work, alone=alone):
                        need = self.need(work, index, alone=alone)
                        if need <= self.free[index] + 1e-6:
                            self.free[index] -= need
                            self.line.remove(ticket)
                            self.changed.notify_all()
                            return Slot(index, need)
                self.changed.wait()

    def give_back(self, slot: Slot, work: PlannedJob, record: Record | None) -> None:
        """Free a slot; what the job took at its peak decides what the next of its kind is given."""
        with self.changed:
            if slot.gpu:
                self.free[slot.gpu] += slot.mib
                if record is not None and "peak_memory_mib" in record.facts:
                    peak = record.facts["peak_memory_mib"]
                    self.measured[kind(work.job)] = max(peak, self.measured.get(kind(work.job), 0.0))
            else:
                self.free_cpus += 1
            self.changed.notify_all()


def estimates(works: Sequence[PlannedJob], records: Iterable[Record]) -> dict[str, float]:
    """Seconds by key that jobs of the same model and budget took, on the same data set if there are such.

    Infinite for a model never timed.
    """
    taken: dict[tuple, dict[str, float]] = {}
    for r in records:
        if r.status == "done":
            spent = r.seconds.get("train", 0.0) + r.seconds.get("evaluate", 0.0)
            taken.setdefault((r.job.model, r.job.budget.name), {})[r.job.dataset] = spent

    def estimate(job: Job) -> float:
        like = taken.get((job.model, job.budget.name), {})
        return like.get(job.dataset, max(like.values(), default=float("inf")))

    return {work.job.key: estimate(work.job) for work in works}


def longest_first(works: Sequence[PlannedJob], records: Iterable[Record]) -> list[PlannedJob]:
    """``works`` by their estimates; those of a model never timed come first: they may be long, and are then known."""
    seconds = estimates(works, records)
    return sorted(works, key=lambda work: seconds[work.job.key], reverse=True)  # stable: equals stay as asked for


def measured(records: Iterable[Record]) -> dict[tuple, float]:
    """Peak MiB of the kinds of job that ran on a GPU before."""
    on_gpu = [r for r in records if r.status == "done" and r.provenance.get("device", "cpu") != "cpu"]
    return {kind(r.job): r.facts["peak_memory_mib"] for r in on_gpu}
