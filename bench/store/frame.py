"""Records as a frame, which reports are made from."""

import math
from pathlib import Path
from typing import Any

import pandas as pd

from bench.store.record import Record


def epoch_seconds(record: Record) -> float:
    """Seconds of training per epoch, between the first evaluation and the last, so that preparations do not count.

    A run with one evaluation cannot tell them apart and counts all; NaN for a run that trained nothing.
    """
    first, last = (record.curve[0], record.curve[-1]) if record.curve else ({}, {})
    if last.get("epoch", 0) > first.get("epoch", 0):
        return (last["seconds"] - first["seconds"]) / (last["epoch"] - first["epoch"])
    epochs = record.facts.get("epochs", 0)
    return record.seconds["train"] / epochs if epochs and "train" in record.seconds else math.nan


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
        "row": f"{job.row} (tuned)" if is_tuned else job.run,
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
    }
