"""An alarm: rows whose values look like a fault of theirs, or of their settings, or come too early, rather than like a
result."""

import math

import pandas as pd

from bench.report.boards import ranked
from bench.report.evidence import Evidence, selection
from bench.report.model import Note
from bench.report.rows import FLOORS
from bench.store.record import Record

METRIC = "ndcg@10"
LOST = 5e-4  # N@10 that ties cost a row before it is named


def suspects(part: pd.DataFrame, runs: pd.DataFrame, evidence: Evidence, ranking: str) -> list[Note]:
    """Warnings that name the suspect rows of one block, with the reasons, those whose training was cut short, and those
    that have many equal scores; floors are only named for the last.

    Args:
        part: the cells of the block.
        runs: the records behind them.
    """
    own = part[part["metric"] == METRIC]
    means, said, rising = dict(zip(own["row"], own["mean"], strict=True)), [], []
    keys = runs[runs["status"] == "done"].groupby("row")["key"].agg(list)
    for row, mean in means.items():
        reasons = too_low(mean, means) if row not in FLOORS else []
        records = [evidence.by_key[key] for key in keys.get(row, [])]
        if any(never_rose(record, ranking) for record in records):
            reasons.append("its learning curve never rose")
        said += [f"{row} ({', '.join(reasons)})"] if reasons else []
        rising += [row] if any(rose_to_the_end(record, ranking) for record in records) else []
    texts = [f"Suspect: {'; '.join(said)}."] if said else []
    if tied := lost_to_ties(own, evidence, ranking):
        texts.append(
            "Among equal scores the test item counts as the last. If their order were random, N@10 would be higher by "
            f"{', '.join(f'{lost:.4f} for {row}' for row, lost in tied.items())}."
        )
    if rising:
        texts.append(f"Best at the end of the budget, so that longer training may help: {', '.join(rising)}.")
    return [Note(text, is_warning=True) for text in texts]


def too_low(mean: float, means: dict[str, float]) -> list[str]:
    """What is wrong with a mean beside those of LightGCN and Pop."""
    found = ["below half of LightGCN in N@10"] if mean < means.get("LightGCN", math.nan) / 2 else []
    return found + (["below Pop in N@10"] if mean < means.get("Pop", math.nan) else [])


def lost_to_ties(own: pd.DataFrame, evidence: Evidence, ranking: str) -> dict[str, float]:
    """The rows to which equal scores make a difference in N@10, and what they cost each."""
    run = own.loc[own["mean"].notna(), ["row", "keys"]].itertuples(index=False, name=None)
    found = {row: ranked(evidence, keys.split(), ranking, row) for row, keys in run}
    return {row: ranks.lost for row, ranks in found.items() if not isinstance(ranks, str) and ranks.lost >= LOST}


def never_rose(record: Record, ranking: str) -> bool:
    """Whether no evaluation of a run was better than its first; of the metric that chose the epoch in this ranking."""
    values = course(record, ranking)
    return len(values) > 1 and max(values[1:]) <= values[0]


def rose_to_the_end(record: Record, ranking: str) -> bool:
    """Whether a run trained to the last epoch of its budget, and was best at one of its last two evaluations."""
    values = course(record, ranking)
    is_cut = record.facts.get("epochs") == record.job.budget.epochs
    return is_cut and len(values) > 3 and max(values[-2:]) > max(values[:-2])


def course(record: Record, ranking: str) -> list[float]:
    """What chose the epoch in this ranking, at each evaluation."""
    metric = selection(record).get(f"chosen_by.{ranking}", "").rpartition(" ")[2]
    return [entry[metric] for entry in record.curve if metric in entry]
