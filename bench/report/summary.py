"""Records to cells: which record stands in a cell, its mean over the seeds, who is best, why it is empty."""

import itertools
import math
from collections.abc import Mapping, Sequence

import pandas as pd

from bench.report.paper import BASELINES, DATASETS, FLOORS, OURS, ROWS, STUDIED, Published
from bench.spec import SHOWN

BLOCK = ["dataset", "features"]  # what is compared within
RUN = ["dataset", "row", "protocol", "budget", "features", "seed"]  # one record stands for each
OPTIONAL = [  # columns that a frame lacks where no record has the fact
    "users", "items", "interactions", "density", "modalities", "best_epoch", "epochs", "selected_by", "parameters",
    "is_candidate_dependent", "candidate_hash", "peak_memory_mib", "seconds.train", "seconds.evaluate",
    "tuning.trials", "tuning.seconds", "tuning.protocol", "tuning.budget",
]  # fmt: skip
EQUAL = {  # must not vary among rows that are compared
    "data_hash": "data",
    "protocol_version": "protocol version",
    "engine": "engine version",
    "budget_epochs": "epochs allowed",
    "candidate_hash": "candidates",
    "tuning.trials": "trials of a search",
}

# of a row that ``leaderboard`` lacks
NO_RUN = {"mean": math.nan, "std": math.nan, "count": 0, "best": False, "second": False}


def standing(frame: pd.DataFrame) -> pd.DataFrame:
    """The newest record of each run; its column ``superseded`` counts the older ones. Idempotent."""
    if "superseded" in frame:
        return frame
    if frame.empty:
        return frame.reindex(columns=[*RUN, *OPTIONAL, "superseded"])
    named = frame.assign(
        row=frame["row"].str.replace(rf"^{STUDIED}:released(?= \(|$)", STUDIED, regex=True),  # its default by name
        started=pd.to_datetime(frame["started"], utc=True, errors="coerce", format="ISO8601"),
    )
    named = named.reindex(columns=[*named, *(c for c in OPTIONAL if c not in named)])
    named["is_candidate_dependent"] = named["is_candidate_dependent"].eq(True)
    named = named.sort_values(["started", "key"], na_position="first", kind="stable")
    named["superseded"] = named.groupby(RUN).cumcount()
    return named.groupby(RUN).tail(1).sort_values([*RUN, "key"], ignore_index=True)


def leaderboard(frame: pd.DataFrame, metrics: Sequence[str], seeds: int) -> pd.DataFrame:
    """Mean and sample standard deviation over seeds, unrounded, by (metric, dataset, features, row).

    A cell short of ``seeds`` runs is left empty. ``best`` and ``second`` hold within a data set, by unrounded
    value; equal values share the mark, and a value that stands alone has none.
    """
    records = standing(frame)
    done = records[records["status"] == "done"].reindex(columns=[*BLOCK, "row", *metrics])
    values = done.melt([*BLOCK, "row"], var_name="metric").astype({"value": float})
    values = values.groupby(["metric", *BLOCK, "row"])["value"]
    board = pd.DataFrame({"mean": values.mean(), "std": values.std(), "count": values.count()})
    board[["mean", "std"]] = board[["mean", "std"]].where(board["count"] == seeds)
    groups = board["mean"].groupby(level=["metric", *BLOCK])
    place = groups.rank(method="dense", ascending=False)
    return board.assign(best=(place == 1) & (groups.transform("count") > 1), second=place == 2)


def run_means(runs: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Means over the seeds, by (dataset, features, row); NaN where a run lacks the value."""
    rows = runs.groupby([*BLOCK, "row"])
    values = rows[list(columns)]
    return values.mean().where(values.count().eq(rows.size(), axis=0))


def improvement(means: Mapping[str, float]) -> float:
    """%Imp.: MCLN over the best of the paper's baselines that stand; NaN where either is missing."""
    best = max((mean for row, mean in means.items() if is_baseline(row) and mean > 0), default=math.nan)
    return 100 * (means.get(STUDIED, math.nan) / best - 1)


def is_baseline(row: str) -> bool:
    """One of the paper's baselines, with our settings or its authors'."""
    return row.removesuffix(":released") in BASELINES


def blocks(records: pd.DataFrame) -> list[tuple[str, str]]:
    """(dataset, features) in the paper's order, other data sets after them by name."""
    found = records[BLOCK].drop_duplicates().itertuples(index=False, name=None)
    places = {name: place for place, name in enumerate(DATASETS)}
    return sorted(found, key=lambda block: (places.get(block[0], len(places)), block))


def in_block(records: pd.DataFrame, block: tuple[str, str]) -> pd.DataFrame:
    return records[(records["dataset"] == block[0]) & (records["features"] == block[1])]


def order(rows: Sequence[str]) -> list[str]:
    """Floors, the paper's rows, ours, then the others by name."""
    fixed = (*FLOORS, *ROWS, OURS)
    return [r for r in fixed if r in rows] + sorted(set(rows) - set(fixed))


def seeds_of(records: pd.DataFrame) -> list[int]:
    return sorted({int(s) for s in records["seed"]})


def why_empty(runs: pd.DataFrame, metric: str, seeds: Sequence[int]) -> str:
    """The reason of an empty cell; ``runs`` are the standing records of its row and block."""
    if runs.empty:
        return "not run"
    reasons = []
    for run in runs.sort_values("seed")[["seed", "status", "reason", "is_candidate_dependent"]].itertuples():
        prefix = f"seed {run.seed} " if len(seeds) > 1 else ""
        if run.status != "done":
            reasons.append(f"{prefix}{run.status}: {run.reason or 'no reason recorded'}")
        elif run.is_candidate_dependent and metric.startswith("full."):
            return "full ranking is not defined: a score depends on the other candidates"
        elif metric not in runs or pd.isna(runs.loc[run.Index, metric]):
            reasons.append(f"{prefix}recorded without {metric}")
    missing = [str(s) for s in seeds if s not in set(runs["seed"])]
    return "; ".join(reasons + ([f"not run with seed {', '.join(missing)}"] if missing else []))


def cells(
    frame: pd.DataFrame,
    ranking: str,
    paper: Published,
    *,
    table: str = "table2",
    rows: Sequence[str] | None = None,
    barred: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """One line a cell of a comparison table, in the table's order: what the CSV holds, unrounded.

    The seeds that a cell must have are all those that any row of its block was started with. The paper's values,
    of sampled candidates, stand beside no other.

    Args:
        frame: the records of one protocol and budget.
        table: under which name the paper's values go.
        rows: in their order; where it is not given, all of the paper's, run or not, and what else was run.
        barred: of a block, the rows that must be empty, with their reasons.
    """
    records, lines = standing(frame), []
    rows = order([*ROWS, OURS, *records["row"]]) if rows is None else rows
    for block in blocks(records):
        part, reasons = in_block(records, block), (barred or {}).get(block, {})
        part = part[~part["row"].isin(list(reasons))]
        seeds, runs = seeds_of(part), dict(list(part.groupby("row")))
        board = leaderboard(part, [f"{ranking}.{metric}" for metric in SHOWN], len(seeds))
        board = board.droplevel(BLOCK).to_dict("index")
        runs = {row: runs.get(row, part[:0]) for row in rows}
        keys = {row: " ".join(own["key"]) for row, own in runs.items()}
        for row, metric in itertools.product(rows, SHOWN):
            cell = board.get((f"{ranking}.{metric}", row), NO_RUN)
            place = (table, block[0], row, metric)
            published = paper.get(place, math.nan) if ranking == "sampled" else math.nan
            note = why_empty(runs[row], f"{ranking}.{metric}", seeds) if math.isnan(cell["mean"]) else ""
            lines.append(
                {
                    "dataset": block[0],
                    "row": row,
                    "metric": metric,
                    "mean": cell["mean"],
                    "std": cell["std"],
                    "n_seeds": int(cell["count"]),
                    "paper": published,
                    "difference": cell["mean"] - published,
                    "best": bool(cell["best"]),
                    "second": bool(cell["second"]),
                    "keys": keys[row],
                    "features": block[1],
                    "note": reasons.get(row, note),
                }
            )
    return pd.DataFrame(lines)
