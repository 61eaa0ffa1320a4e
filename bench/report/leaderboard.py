"""Records to cells: the mean over the seeds, who is best, why it is empty."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.report.evidence import Evidence
from bench.report.rows import (
    BLOCK,
    ITEMWISE,
    ROWS,
    baselines_among,
    blocks,
    heading,
    in_block,
    order,
    seeds_of,
)
from bench.spec import RANKINGS, SHOWN

TABLE = ["protocol", "budget", "ranking"]  # what one comparison is about
NOT_RUN = "not run"
OUTCOME = ["seed", "status", "reason", "is_candidate_dependent"]


class Place(NamedTuple):
    """Where cells stand: ``names`` are columns of their lines, ``runs`` their records, ``seeds`` those of its block."""

    names: Mapping[str, str]
    runs: pd.DataFrame
    seeds: Sequence[int]


def cells(places: Iterable[Place], metrics: Mapping[str, str]) -> pd.DataFrame:
    """One line per place and metric, in this order: mean and sample deviation over the seeds it has.

    Means are rounded to twelve places alone, beyond which sums of equal numbers of hits over several seeds may differ.
    ``n_seeds`` are those of ``n_wanted`` that it has. The ``note`` of a cell says why it is empty, or which of its runs
    came to nothing.

    Args:
        metrics: columns of the runs, and what the cells call them.
    """
    lines = []
    for names, runs, seeds in places:
        values, told = np.empty((0, len(metrics))), []
        if len(runs):
            values = runs.reindex(columns=list(metrics)).to_numpy(dtype=float)[runs["status"] == "done"]
            is_whole = len(values) >= len(seeds) and not np.isnan(values).any()
            told = [] if is_whole else outcomes(runs, metrics)
        keys = " ".join(runs["key"])
        for (column, metric), own in zip(metrics.items(), values.T, strict=True):
            known = own[~np.isnan(own)]
            cell = {
                "metric": metric,
                "mean": round(float(known.mean()), 12) if len(known) else math.nan,
                "std": known.std(ddof=1) if len(known) > 1 else math.nan,
                "n_seeds": len(known),
                "n_wanted": len(seeds),
                "note": why_empty(told, column, seeds if not len(known) else ()) if len(known) < len(seeds) else "",
                "keys": keys,
            }
            lines.append({**names, **cell})
    return pd.DataFrame(lines)


def outcomes(runs: pd.DataFrame, columns: Iterable[str]) -> list[dict[str, Any]]:
    """What became of each run, by seed, with its values in ``columns``."""
    return runs.reindex(columns=[*OUTCOME, *columns]).sort_values("seed").to_dict("records")


def why_empty(runs: Sequence[Mapping[str, Any]], column: str, seeds: Sequence[int]) -> str:
    """The reason of an empty cell, or of the seeds it lacks; ``runs`` are the outcomes of its row and block.

    Of ``seeds`` those are named that were not run.
    """
    if not runs:
        return NOT_RUN
    reasons = []
    for run in runs:
        prefix = f"seed {run['seed']} " if len(seeds) != 1 else ""
        if run["status"] != "done":
            reasons.append(f"{prefix}{run['status']}: {run['reason'] or 'no reason recorded'}")
        elif run["is_candidate_dependent"] and column.startswith("full."):
            return "full ranking is not defined: a score depends on the other candidates"
        elif pd.isna(run[column]):
            reasons.append(f"{prefix}recorded without {column}")
    missing = [str(seed) for seed in seeds if seed not in {run["seed"] for run in runs}]
    return "; ".join(reasons + ([f"not run with seed {', '.join(missing)}"] if missing else []))


def marked(data: pd.DataFrame, within: Sequence[str]) -> pd.DataFrame:
    """``data`` with ``best`` and ``second`` among the cells that agree in ``within``, by unrounded value.

    Equal values share the mark, and a value that stands alone has none.
    """
    groups = data.groupby(list(within), sort=False)["mean"]
    place = groups.rank(method="dense", ascending=False)
    return data.assign(best=(place == 1) & (groups.transform("count") > 1), second=place == 2)


def comparison(
    records: pd.DataFrame,
    ranking: str,
    *,
    rows: Sequence[str] | None = None,
    metrics: Iterable[str] = SHOWN,
    barred: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """The cells of one comparison: by data set, row and metric, with its marks.

    The seeds that a cell may have are all those that any row of its block was started with.

    Args:
        records: the standing ones of one protocol and budget.
        rows: in their order; where it is not given, all of the paper's, run or not, and what else was run.
        barred: of a block, the rows that must be empty, with their reasons.
    """
    rows = order([*ROWS, ITEMWISE, *records["row"]]) if rows is None else rows
    places = []
    for block in blocks(records):
        part = in_block(records, block)
        part = part[~part["row"].isin(list((barred or {}).get(block, ())))]
        seeds, runs = seeds_of(part) or seeds_of(in_block(records, block)), dict(list(part.groupby("row")))
        names = dict(zip(BLOCK, block, strict=True))
        places += [Place({**names, "row": row}, runs.get(row, part[:0]), seeds) for row in rows]
    data = cells(places, {f"{ranking}.{metric}": metric for metric in metrics})
    reasons = {(*block, row): reason for block, some in (barred or {}).items() for row, reason in some.items()}
    named = zip(data[[*BLOCK, "row"]].itertuples(index=False, name=None), data["note"], strict=True)
    data = data.assign(note=[reasons.get(place, note) for place, note in named], is_run=data["keys"] != "")
    return marked(data, [*BLOCK, "metric"])


@lru_cache(maxsize=2)
def leaderboard(evidence: Evidence) -> pd.DataFrame:
    """The cells of every comparison of main runs, by protocol, budget, ranking, data set, row and metric."""
    found = []
    for (protocol, budget), group in evidence.main.groupby(TABLE[:2]):
        for ranking in RANKINGS:
            found.append(comparison(group, ranking).assign(protocol=protocol, budget=budget, ranking=ranking))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=[*TABLE, *BLOCK])


def improvement(means: Mapping[str, float], ours: str) -> float:
    """%Imp.: ours over the best row of the paper's baselines that stand; NaN where either is missing."""
    best = max((mean for row, mean in means.items() if baselines_among([row], ours) and mean > 0), default=math.nan)
    return 100 * (means.get(ours, math.nan) / best - 1)


def seen(data: pd.DataFrame, ours: str) -> str:
    """How many of the paper's baselines have a value, in each data set where they differ."""
    known = data[data["mean"].notna()]
    counts = {block: len(baselines_among(in_block(known, block)["row"], ours)) for block in blocks(data)}
    if len(set(counts.values())) == 1:
        return str(next(iter(counts.values())))
    return ", ".join(f"{heading(block)} {n}" for block, n in counts.items())
