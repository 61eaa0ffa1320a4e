"""Turns records into the data frame from which reports are made, and chooses lines of it."""

import math
import statistics
from itertools import pairwise
from typing import Any

import pandas as pd

from bench.spec import BenchError, unknown
from bench.store.record import Record

HELD_UP = 3  # times the median: epochs that take longer are assumed to have shared the machine with other work


def stretches(record: Record) -> list[tuple[int, float]]:
    """Return epochs and seconds per epoch from each evaluation to the next, without preparations before the first."""
    steps = [
        (end["epoch"] - begin["epoch"], end["seconds"] - begin.get("seconds", 0.0))  # 0 before any training
        for begin, end in pairwise(record.curve)
    ]
    return [(int(epochs), seconds / epochs) for epochs, seconds in steps if epochs]


def epoch_seconds(record: Record) -> float:
    """Return the training seconds per epoch: the median over ``stretches``, which a pause of the run does not change.

    A run with one evaluation has no stretch: there, the mean over all epochs. NaN for a run that trained nothing.
    """
    if steps := stretches(record):
        return float(statistics.median(seconds for _, seconds in steps))
    epochs = record.facts.get("epochs", 0)
    return record.seconds["train"] / epochs if epochs and "train" in record.seconds else math.nan


def held_up_seconds(record: Record) -> float:
    """Return the seconds that stretches of more than ``HELD_UP`` times the median took beyond the median."""
    usual = epoch_seconds(record)
    return sum((n * (seconds - usual) for n, seconds in stretches(record) if seconds > HELD_UP * usual), 0.0)


TUNED = " (tuned)"  # follows the model in the name of a row whose settings a search found


def frame(records: list[Record]) -> pd.DataFrame:
    """Return one row per record, with the fields of job and record and a column per metric, fact and part of the time.

    ``row`` is the model's name in a table, with the settings that differ from its preset, or "tuned" where a
    search found them. ``dataset`` is the folder's name for a data set that was given as a folder.
    """
    return pd.DataFrame([line(record) for record in records])


def line(record: Record) -> dict[str, Any]:
    """Return the row of ``frame`` for one record."""
    job, provenance = record.job, record.provenance
    is_tuned = "tuning.trials" in record.facts  # such a row need not name its settings: the winner's file has them
    return {
        "key": record.key,
        "dataset": job.set_name,
        "row": f"{job.row}{TUNED}" if is_tuned else job.run,
        **{name: getattr(job, name) for name in ("model", "preset", "hyper")},
        "settings": record.settings,
        **{"protocol": job.protocol.name, "budget": job.budget.name, "features": job.features, "seed": job.seed},
        **{"status": record.status, "reason": record.reason, "started": provenance.get("start", "")},
        **{name: provenance.get(name, "") for name in ("device", "threads")},
        **{name: getattr(job, name) for name in ("data_hash", "source", "engine")},
        **{"protocol_version": job.protocol.version, "select_on": job.protocol.select_on},
        **{"n_candidates": job.protocol.n_candidates, "budget_epochs": job.budget.epochs},
        "patience": job.budget.patience,
        **record.metrics,
        **record.facts,
        **{f"seconds.{part}": spent for part, spent in record.seconds.items()},
        "seconds.epoch": epoch_seconds(record),
        "seconds.held_up": held_up_seconds(record),
    }


def chosen(frame: pd.DataFrame, which: dict[str, Any], what: str = "run") -> pd.DataFrame:
    """Return the lines of ``frame``, each a ``what``, whose columns have the values ``which``, each one or several."""
    for name, value in which.items():
        if name not in frame:
            raise unknown("choice", name, frame)
        frame = frame[frame[name].isin(value if pd.api.types.is_list_like(value) else [value])]
    if frame.empty:
        raise BenchError(f"no {what} matches {which or 'any choice'}; to_frame() lists the runs")
    return frame
