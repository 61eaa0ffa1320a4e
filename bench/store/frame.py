"""Records as a frame, which reports are made from."""

import math
import statistics
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from bench.store.record import Record

HELD_UP = 3  # times the median: epochs that take longer did not have the machine to themselves


def stretches(record: Record) -> list[tuple[int, float]]:
    """Epochs, and seconds per epoch, between each evaluation and the next, so that preparations do not count."""
    steps = [
        (end["epoch"] - begin["epoch"], end["seconds"] - begin.get("seconds", 0.0))  # 0 before any training
        for begin, end in pairwise(record.curve)
    ]
    return [(int(epochs), seconds / epochs) for epochs, seconds in steps if epochs]


def epoch_seconds(record: Record) -> float:
    """Seconds of training per epoch: the median of the stretches between evaluations, which no pause of the run moves.

    A run with one evaluation has no such stretch and counts all; NaN for a run that trained nothing.
    """
    if found := stretches(record):
        return float(statistics.median(seconds for _, seconds in found))
    epochs = record.facts.get("epochs", 0)
    return record.seconds["train"] / epochs if epochs and "train" in record.seconds else math.nan


def held_up_seconds(record: Record) -> float:
    """Seconds by which the stretches of more than ``HELD_UP`` times the median are longer than it."""
    usual = epoch_seconds(record)
    return sum((n * (seconds - usual) for n, seconds in stretches(record) if seconds > HELD_UP * usual), 0.0)


TUNED = " (tuned)"  # behind the model, in the name of a row whose settings a search found


def frame(records: list[Record]) -> pd.DataFrame:
    """One row per record: fields of the job and the record, and a column for each metric, fact and part of the time.

    ``row`` is the model's name in a table, with the settings that differ from its preset, or "tuned" where a
    search found them; ``dataset`` of a set given as a folder is the folder's name.
    """
    return pd.DataFrame([line(record) for record in records])


def line(record: Record) -> dict[str, Any]:
    """One row of ``frame``."""
    job, made = record.job, record.provenance
    is_tuned = "tuning.trials" in record.facts  # the settings found are in the record and in the winner's file
    return {
        "key": record.key,
        "dataset": Path(job.dataset).name,
        "row": f"{job.row}{TUNED}" if is_tuned else job.run,
        **{name: getattr(job, name) for name in ("model", "preset", "hyper")},
        "settings": record.settings,
        **{"protocol": job.protocol.name, "budget": job.budget.name, "features": job.features, "seed": job.seed},
        **{"status": record.status, "reason": record.reason, "started": made.get("start", "")},
        **{name: made.get(name, "") for name in ("device", "threads")},
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
