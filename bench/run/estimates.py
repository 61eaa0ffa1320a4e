"""Estimates how long jobs will take: as long as similar jobs took, else by measured seconds per epoch."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import pandas as pd

from bench.run.plan import PlannedJob
from bench.spec import Job
from bench.store.frame import held_up_seconds
from bench.store.record import Record

LONG = 1800.0  # seconds; a run that will take longer says so before it starts
MEASURED = Path(__file__).with_name("seconds.csv")
BEAUTY_PAIRS = 123_742  # in train; a data set that was not measured is taken to need as long as Beauty per pair


@cache
def measured() -> dict[tuple[str, str], tuple[float, float]]:
    """Return seconds per epoch and per evaluation, by data set and by model with its preset or without."""
    table = pd.read_csv(MEASURED, comment="#")
    return {(row.dataset, row.model): (row.epoch, row.evaluation) for row in table.itertuples()}


def by_measurement(job: Job, n_pairs: int | None) -> float:
    """Return the seconds of a job on ``n_pairs`` train pairs that runs to its last epoch; infinite if not known."""
    if n_pairs is None:
        return math.inf
    dataset = job.dataset.removesuffix("-sim")
    places = ((dataset, 1.0), ("beauty", n_pairs / BEAUTY_PAIRS))
    for model in (f"{job.model}:{job.preset}", job.model):
        for place, scale in places:
            if (place, model) in measured():
                per_epoch, per_evaluation = measured()[place, model]
                evaluations = job.budget.epochs / job.budget.eval_every if per_epoch else 1
                return scale * (per_epoch * job.budget.epochs + per_evaluation * evaluations)
    return math.inf


class Estimates:
    """Estimates the seconds that a job will take, infinite where that is not known.

    The estimate is the time of the last job of the same model, preset and budget on the same data set, without the time
    for which it was held up: the last with the same changed settings, else the last with none, else the last of all.
    Where there is none, the estimate follows from the measured seconds, for data whose train pairs ``sizes`` has by
    their hash, else from the slowest other data set.
    """

    def __init__(self, records: Iterable[Record], sizes: Mapping[str, int] | None = None):
        self.sizes = sizes or {}
        self.taken: dict[tuple[str, str], dict[str, dict[str, float]]] = {}  # by row and budget, data set, run
        for r in sorted(records, key=lambda r: r.provenance.get("start", "")):
            if r.status == "done":
                spent = r.seconds.get("train", 0.0) - held_up_seconds(r) + r.seconds.get("evaluate", 0.0)
                here = self.taken.setdefault((r.job.row, r.job.budget.name), {}).setdefault(r.job.dataset, {})
                here.pop(r.job.run, None)  # so that the latest run is the last entry
                here[r.job.run] = spent

    def __call__(self, job: Job) -> float:
        similar = {}  # seconds of the most similar job, by data set
        for dataset, runs in self.taken.get((job.row, job.budget.name), {}).items():
            similar[dataset] = runs.get(job.run, runs.get(job.row, [*runs.values()][-1]))
        if job.dataset in similar:
            return similar[job.dataset]
        seconds = by_measurement(job, self.sizes.get(job.data_hash))
        return seconds if seconds < math.inf else max(similar.values(), default=math.inf)


def longest_first(planned: Sequence[PlannedJob], estimate: Callable[[Job], float]) -> list[PlannedJob]:
    """Return the jobs by falling estimate; jobs without one come first: they may be long, and are known thereafter."""
    return sorted(planned, key=lambda one: estimate(one.job), reverse=True)  # stable: equals keep their order


def whole(seconds: Sequence[float], at_a_time: int, *, like: Sequence[float] = ()) -> float | None:
    """Return the seconds that all jobs take together, ``at_a_time`` at once; None where nothing is known.

    A job that is not known (infinite) counts as the mean of those that are, and of those in ``like``, which are over.
    """
    known = [s for s in [*seconds, *like] if s < math.inf]
    if not known:
        return None
    filled = [s if s < math.inf else sum(known) / len(known) for s in seconds]
    return max([*filled, sum(filled) / at_a_time])


def spell(seconds: float) -> str:
    """Return seconds in words, rounded to a useful precision: 42 s, 12 min, 3.5 h."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"
