"""Turns records into cells: the mean over the seeds, the marks of the best rows, and why a cell is empty."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.report import paired
from bench.report.evidence import Evidence, remember
from bench.report.rows import BLOCK, ITEMWISE, ROWS, baselines_among, blocks, by_heading, in_block, order, seeds_of
from bench.spec import RANKINGS, SHOWN

TABLE = ["protocol", "budget", "ranking"]  # the columns that name one comparison
NOT_RUN = "not run"
OUTCOME = ["seed", "status", "reason", "is_candidate_dependent"]  # the columns that tell how a run ended


class Place(NamedTuple):
    """A row of cells: ``names`` are columns of its lines, ``runs`` its records, ``seeds`` those of its block."""

    names: Mapping[str, str]
    runs: pd.DataFrame
    seeds: Sequence[int]


def cells(places: Iterable[Place], metrics: Mapping[str, str]) -> pd.DataFrame:
    """Return one line per place and metric, in this order: mean and sample deviation over the seeds with a value.

    ``metrics`` has the names of the metrics by their columns in the runs. Means are rounded to twelve places only,
    beyond which sums of equal numbers of hits over several seeds may differ. ``n_seeds`` is how many of the
    ``n_wanted`` seeds have a value. The ``note`` of a cell says why it is empty, or which of its runs gave no value.
    """
    lines = []
    for names, runs, seeds in places:
        values, ends = np.empty((0, len(metrics))), []
        if len(runs):
            values = runs.reindex(columns=list(metrics)).to_numpy(dtype=float)[runs["status"] == "done"]
            is_whole = len(values) >= len(seeds) and not np.isnan(values).any()
            if not is_whole:
                ends = runs.reindex(columns=[*OUTCOME, *metrics]).sort_values("seed").to_dict("records")
        keys = " ".join(runs["key"])
        for (column, metric), by_run in zip(metrics.items(), values.T, strict=True):
            known = by_run[~np.isnan(by_run)]
            note = why_empty(ends, column, () if len(known) else seeds) if len(known) < len(seeds) else ""
            mean = round(float(known.mean()), 12) if len(known) else math.nan
            cell = {
                "metric": metric,
                "mean": mean,
                "std": paired.deviation(known),
                "n_seeds": len(known),
                "n_wanted": len(seeds),
            }
            lines.append({**names, **cell, "note": note, "keys": keys})
    return pd.DataFrame(lines)


def why_empty(runs: Sequence[Mapping[str, Any]], column: str, seeds: Sequence[int]) -> str:
    """Return why a cell is empty or lacks seeds, from the outcomes of the ``runs`` of its row and block.

    The seeds among ``seeds`` that were not run are named, too. Without any run the reason is NOT_RUN.
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
    words = f"not run with seed{'s' * (len(missing) > 1)} {', '.join(missing)}"
    return "; ".join(reasons + ([words] if missing else []))


def marked(data: pd.DataFrame, within: Sequence[str]) -> pd.DataFrame:
    """Return ``data`` with the columns ``best`` and ``second``: the marks among the cells that agree in ``within``.

    Values are compared unrounded. Equal values share a mark, and the only value of its group has none.
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
    """Return the cells of one comparison by data set, row and metric, with the marks of the best.

    The seeds that a cell is expected to have are all seeds that any row of its block was started with. Without
    ``rows``, there are all of the paper's rows, run or not, and all others that were run. ``barred`` has the rows of
    each block that must be empty, with the reason of each.
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
    reasons = {(*block, row): why for block, barred_rows in (barred or {}).items() for row, why in barred_rows.items()}
    notes = zip(data[[*BLOCK, "row"]].itertuples(index=False, name=None), data["note"], strict=True)
    data = data.assign(note=[reasons.get(place, note) for place, note in notes], is_run=data["keys"] != "")
    return marked(data, [*BLOCK, "metric"])


@remember
def leaderboard(evidence: Evidence) -> pd.DataFrame:
    """Return the cells of every Table 2, by protocol, budget, ranking, data set, row and metric."""
    tables = []
    for (protocol, budget), group in evidence.main.groupby(TABLE[:2]):
        for ranking in RANKINGS:
            tables.append(comparison(group, ranking).assign(protocol=protocol, budget=budget, ranking=ranking))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*TABLE, *BLOCK])


def improvement(means: Mapping[str, float], ours: str) -> float:
    """Return %Imp., the gain in percent of ``ours`` over the best row of the paper's baselines; NaN without either."""
    best = max((mean for row, mean in means.items() if baselines_among([row], ours) and mean > 0), default=math.nan)
    return 100 * (means.get(ours, math.nan) / best - 1)


def seen(data: pd.DataFrame, ours: str) -> str:
    """Return how many of the paper's baselines have a value, named for each data set where the numbers differ."""
    known = data[data["mean"].notna()]
    counts = {block: len(baselines_among(in_block(known, block)["row"], ours)) for block in blocks(data)}
    return by_heading(counts, ", ")
