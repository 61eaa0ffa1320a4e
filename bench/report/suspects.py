"""An alarm: rows whose values look like a fault of theirs, or of their settings, rather than like a result."""

import math

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.model import Note
from bench.report.rows import FLOORS
from bench.store.record import Record

METRIC = "ndcg@10"


def suspects(part: pd.DataFrame, runs: pd.DataFrame, evidence: Evidence, ranking: str) -> list[Note]:
    """A warning that names the suspect rows of one block, with the reasons; floors are none.

    Args:
        part: the cells of the block.
        runs: the records behind them.
    """
    own = part[part["metric"] == METRIC]
    means, said = dict(zip(own["row"], own["mean"], strict=True)), []
    for row, mean in means.items():
        reasons = too_low(mean, means) if row not in FLOORS else []
        keys = runs.loc[(runs["row"] == row) & (runs["status"] == "done"), "key"]
        if any(never_rose(evidence.by_key[key], ranking) for key in keys):
            reasons.append("its learning curve never rose")
        said += [f"{row} ({', '.join(reasons)})"] if reasons else []
    return [Note(f"Suspect: {'; '.join(said)}.", is_warning=True)] if said else []


def too_low(mean: float, means: dict[str, float]) -> list[str]:
    """What is wrong with a mean beside those of LightGCN and Pop."""
    found = ["below half of LightGCN in N@10"] if mean < means.get("LightGCN", math.nan) / 2 else []
    return found + (["below Pop in N@10"] if mean < means.get("Pop", math.nan) else [])


def never_rose(record: Record, ranking: str) -> bool:
    """Whether no evaluation of a run was better than its first; of the metric that chose the epoch in this ranking."""
    metric = f"{ranking}.{record.job.protocol.select_metric}"
    values = [entry[metric] for entry in record.curve if metric in entry]
    return len(values) > 1 and max(values[1:]) <= values[0]
