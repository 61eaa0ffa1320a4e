"""How long jobs will take: by what jobs like them took, else by seconds per epoch that were measured once."""

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
BEAUTY_PAIRS = 123_742  # in train; data sets that were not measured take as long as Beauty per pair


@cache
def measured() -> dict[tuple[str, str], tuple[float, float]]:
    """Data set and model, with its preset or without, to seconds per epoch and per evaluation."""
    table = pd.read_csv(MEASURED, comment="#")
    return {(row.dataset, row.model): (row.epoch, row.evaluation) for row in table.itertuples()}


def by_measurement(job: Job, n_pairs: int | None) -> float:
    """Seconds of a job on ``n_pairs`` train pairs if it goes on to its last epoch; infinite where that is not known."""
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
    """Seconds that a job will take, infinite where that is not known.

    It takes as long as the last one of its model, preset and budget took on the same data set, less what held that up:
    of those with the same changed settings, else of those with none, else of any. Where there is none, it takes what
    follows from the measured seconds; else as long as such a job took on the slowest other data set.

    Args:
        sizes: train pairs by the hash of the data; jobs on other data are not estimated by measured seconds.
    """

    def __init__(self, records: Iterable[Record], sizes: Mapping[str, int] | None = None):
        self.sizes = sizes or {}
        self.taken: dict[tuple[str, str], dict[str, dict[str, float]]] = {}  # row and budget, data set, run
        for r in sorted(records, key=lambda r: r.provenance.get("start", "")):
            if r.status == "done":
                spent = r.seconds.get("train", 0.0) - held_up_seconds(r) + r.seconds.get("evaluate", 0.0)
                here = self.taken.setdefault((r.job.row, r.job.budget.name), {}).setdefault(r.job.dataset, {})
                here.pop(r.job.run, None)  # so that the last one stands last
                here[r.job.run] = spent

    def __call__(self, job: Job) -> float:
        found = self.taken.get((job.row, job.budget.name), {})
        like = {place: took.get(job.run, took.get(job.row, [*took.values()][-1])) for place, took in found.items()}
        if job.dataset in like:
            return like[job.dataset]
        seconds = by_measurement(job, self.sizes.get(job.data_hash))
        return seconds if seconds < math.inf else max(like.values(), default=math.inf)


def longest_first(planned: Sequence[PlannedJob], estimate: Callable[[Job], float]) -> list[PlannedJob]:
    """The jobs by their estimates; those not known come first: they may be long, and are then known."""
    return sorted(planned, key=lambda one: estimate(one.job), reverse=True)  # stable: equals stay as asked for


def whole(seconds: Sequence[float], at_a_time: int, *, like: Sequence[float] = ()) -> float | None:
    """Seconds of all jobs, so many at a time; None where nothing is known.

    A job not known counts as the mean of those that are, and of those in ``like``, which are over.
    """
    known = [s for s in [*seconds, *like] if s < math.inf]
    if not known:
        return None
    filled = [s if s < math.inf else sum(known) / len(known) for s in seconds]
    return max([*filled, sum(filled) / at_a_time])


def spell(seconds: float) -> str:
    """Seconds in words, rounded to a useful precision: 42 s, 12 min, 3.5 h."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"
