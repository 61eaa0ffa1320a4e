"""Warnings about suspect rows, whose values look like a fault of the code or settings or of too short a training."""

import math

import pandas as pd

from bench.report.boards import ranked
from bench.report.evidence import Evidence
from bench.report.model import Note
from bench.report.one_form import selection
from bench.report.rows import is_floor
from bench.store.record import Record

METRIC = "ndcg@10"
LOST = 5e-4  # the least N@10 lost to ties for which a row is named


def suspects(part: pd.DataFrame, runs: pd.DataFrame, evidence: Evidence, ranking: str) -> list[Note]:
    """Return warnings that name the suspect rows of one block, with the reasons, the rows whose training was cut short,
    and the rows that lose to ties; ``runs`` are the records behind its cells ``part``."""
    cells = part[part["metric"] == METRIC]
    means, suspect, rising = dict(zip(cells["row"], cells["mean"], strict=True)), [], []
    keys = runs[runs["status"] == "done"].groupby("row")["key"].agg(list)
    for row, mean in means.items():
        reasons = too_low(mean, means) if not is_floor(row) else []  # a floor may well be low
        records = [evidence.by_key[key] for key in keys.get(row, [])]
        if any(never_rose(record, ranking) for record in records):
            reasons.append("its learning curve never rose")
        suspect += [f"{row} ({', '.join(reasons)})"] if reasons else []
        rising += [row] if any(rose_to_the_end(record, ranking) for record in records) else []
    texts = [f"Suspect: {'; '.join(suspect)}."] if suspect else []
    if tied := lost_to_ties(cells, evidence, ranking):
        texts.append(
            "Where scores are equal, the test item is ranked last. If their order were random, N@10 would be higher by "
            f"{', '.join(f'{lost:.4f} for {row}' for row, lost in tied.items())}."
        )
    if rising:
        texts.append(f"Best at the end of the budget, so that longer training may help: {', '.join(rising)}.")
    return [Note(text, is_warning=True) for text in texts]


def too_low(mean: float, means: dict[str, float]) -> list[str]:
    """Return why a mean is suspiciously low beside the means of LightGCN and Pop; empty where it is not."""
    reasons = ["below half of LightGCN in N@10"] if mean < means.get("LightGCN", math.nan) / 2 else []
    return reasons + (["below Pop in N@10"] if mean < means.get("Pop", math.nan) else [])


def lost_to_ties(cells: pd.DataFrame, evidence: Evidence, ranking: str) -> dict[str, float]:
    """Return the N@10 that ties cost each row, for the rows that lose at least LOST."""
    valued = cells.loc[cells["mean"].notna(), ["row", "keys"]].itertuples(index=False, name=None)
    by_row = {row: ranked(evidence, keys.split(), ranking, row) for row, keys in valued}
    return {row: ranks.lost for row, ranks in by_row.items() if not isinstance(ranks, str) and ranks.lost >= LOST}


def never_rose(record: Record, ranking: str) -> bool:
    """Whether no later evaluation of a run was better than its first, in the metric that chose this ranking's epoch."""
    values = course(record, ranking)
    return len(values) > 1 and max(values[1:]) <= values[0]


def rose_to_the_end(record: Record, ranking: str) -> bool:
    """Whether a run trained to the last epoch of its budget and was best at one of its last two evaluations."""
    values = course(record, ranking)
    is_cut = record.facts.get("epochs") == record.job.budget.epochs
    return is_cut and len(values) > 3 and max(values[-2:]) > max(values[:-2])


def course(record: Record, ranking: str) -> list[float]:
    """Return the metric that chose this ranking's epoch, at each evaluation."""
    metric = selection(record).get(f"chosen_by.{ranking}", "").rpartition(" ")[2]
    return [entry[metric] for entry in record.curve if metric in entry]
