"""The tests of this report: each row against the strongest baseline of its board, case by case."""

import math

import numpy as np
import pandas as pd

from bench.report import paired
from bench.report.boards import Board, Ranked, boards
from bench.report.conditions import apart
from bench.report.evidence import Evidence, remember
from bench.report.leaderboard import TABLE
from bench.report.paired import ALPHA
from bench.report.rows import BLOCK
from bench.spec import SHOWN

BETTER, WORSE = "▲", "▼"
LEGEND = f"{BETTER} better, {WORSE} worse than the strongest baseline (sign-flip test, Holm p < {ALPHA})."
PLACE = [*TABLE, *BLOCK, "row", "metric"]  # the columns that name a cell of Table 2
MEASURES = (
    "difference", "low", "high", "d_z", "r", "p_permutation", "p_wilcoxon", "p_holm", "se_cases", "se_seeds", "n_cases",
    "n_differing",
)  # fmt: skip


def sign(test: dict) -> str:
    """Return the mark of a difference that is more than chance, and no mark for any other difference."""
    if not test["p_holm"] < ALPHA:
        return ""
    return BETTER if test["difference"] > 0 else WORSE


@remember
def comparisons(evidence: Evidence) -> pd.DataFrame:
    """Return one line per test, unrounded; p_holm is adjusted over all tests (rows and metrics) of a board."""
    found = []
    for board in boards(evidence):
        lines = pd.DataFrame(board_tests(evidence, board))
        if len(lines):
            p = lines["p_permutation"].to_numpy(dtype=float)
            found.append(lines.assign(p_holm=paired.holm(p), n_tests=np.count_nonzero(~np.isnan(p))))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=[*PLACE, "vs", "p_holm"])


@remember
def by_place(evidence: Evidence) -> dict[tuple[str, ...], dict]:
    """Return the lines of ``comparisons`` by PLACE."""
    lines = comparisons(evidence)
    return dict(zip(lines[PLACE].itertuples(index=False, name=None), lines.to_dict("records"), strict=True))


def board_tests(evidence: Evidence, board: Board) -> list[dict]:
    """Return the tests of every row against the strongest baseline in each metric, before Holm's correction."""
    ranked = {row: board.ranked(evidence, row) for row in board.rows}
    baselines = [row for row in board.rows if row in evidence.baselines]
    if not baselines:
        return []
    in_order = board.means.loc[baselines].sort_values("ndcg@10", ascending=False, kind="stable")
    best = in_order.idxmax()  # of equal means, the first in this order
    lines = []
    for row in board.rows:
        keys_of = {vs: [*board.keys[row], *board.keys[vs]] for vs in {*best} - {row}}
        differs = {vs: apart(evidence.rows_of(keys), board.ranking) for vs, keys in keys_of.items()}
        for metric in SHOWN:
            vs = best[metric]
            if row == vs:
                continue
            why = incomparable(ranked[row], ranked[vs], vs)
            values = dict.fromkeys(MEASURES, math.nan) if why else measures(ranked[row], ranked[vs], metric)
            line = {**board.names, "row": row, "vs": vs, "metric": metric, **values, "n_seeds": len(board.keys[row])}
            lines.append({**line, "note": why, "unequal": differs[vs], "keys": " ".join(keys_of[vs])})
    return lines


def incomparable(ranked: Ranked | str, other: Ranked | str, vs: str) -> str:
    """Return why two rows cannot be paired, or an empty text; ``vs`` is the name of the ``other`` row."""
    for ranks in (ranked, other):
        if isinstance(ranks, str):  # the reason why there are none
            return f"not comparable: {ranks}"
    return "" if ranked.cases == other.cases else f"not comparable: tested on other cases than {vs}"


def measures(ranked: Ranked, other: Ranked, metric: str) -> dict[str, float]:
    """Return the MEASURES of one difference; p_holm is NaN until all tests of the board are known."""
    by_seed = [ranks.values(metric) for ranks in (ranked, other)]
    differences = ranked.minus(other, metric)
    low, high = paired.interval(differences)
    return {
        "difference": float(differences.mean()),
        "low": low,
        "high": high,
        "d_z": paired.cohen_dz(differences),
        "r": paired.rank_biserial(differences),
        "p_permutation": paired.permutation_p(differences),
        "p_wilcoxon": paired.wilcoxon_p(differences),
        "p_holm": math.nan,
        "se_cases": paired.standard_error(differences),
        "se_seeds": seed_error(*(values.mean(axis=1) for values in by_seed), is_paired=ranked.seeds == other.seeds),
        "n_cases": len(ranked.user),
        "n_differing": int(np.count_nonzero(differences)),
    }


def seed_error(ours: np.ndarray, theirs: np.ndarray, *, is_paired: bool) -> float:
    """Return the standard error over seeds of the difference of two means, each given seed by seed.

    Equal seeds are paired; else the errors of the two rows are added in quadrature. NaN where a row has one seed.
    """
    if is_paired:
        return paired.standard_error(ours - theirs)
    return math.hypot(paired.standard_error(ours), paired.standard_error(theirs))
