"""Is a difference more than chance? Each row against the strongest baseline, case by case."""

import math
from functools import lru_cache

import numpy as np
import pandas as pd

from bench.report import paired
from bench.report.boards import GAINS, PLACES, Board, Ranked, boards
from bench.report.evidence import Evidence
from bench.report.layout import Block, Cell, Table, number
from bench.report.paired import Tally
from bench.report.summary import BLOCK, in_block, is_baseline
from bench.spec import SHOWN

ALPHA = 0.05  # below this, adjusted for the family, a difference is marked
BETTER, WORSE = "▲", "▼"
LEGEND = f"{BETTER} better, {WORSE} worse than the strongest baseline (sign-flip test, Holm p < {ALPHA})."
GROUP = ["protocol", "budget", "ranking"]
MEASURES = (
    "difference", "low", "high", "d_z", "r", "p_permutation", "p_wilcoxon", "p_holm", "se_cases", "se_seeds", "n_cases",
    "n_differing",
)  # fmt: skip
FORMS = {
    "d_z": "+.3f", "r": "+.3f", "p_permutation": ".4f", "p_wilcoxon": ".4f", "p_holm": ".4f",
    "se_cases": ".4f", "se_seeds": ".4f",
}  # fmt: skip
HEADER = [
    "Model", "vs", "metric", "difference", "95% CI", "d_z", "r", "p perm.", "p Wilcoxon", "p Holm", "SE cases",
    "SE seeds",
]  # fmt: skip
NOTES = [
    "vs: the strongest baseline, which has the best mean among the paper's baselines that stand, metric by metric.",
    "Unit: the test case; the values of a case are averaged over the seeds first.",
    "p perm.: two-sided, all sign changes of the differences weighed, none drawn. p Wilcoxon: two-sided signed ranks "
    "without differences of nought, equal sizes at their middle rank, from the same distribution.",
    "95% CI: percentile bootstrap of the mean difference over cases, as of infinitely many resamples.",
    "d_z: mean over standard deviation of the differences. r: matched-pairs rank-biserial correlation.",
    "SE cases: sd of the differences by case / sqrt(cases), which the tests know. SE seeds: sd of the mean "
    "differences by seed / sqrt(seeds), which they do not know: they are about these trained models.",
]


def contents(evidence: Evidence) -> list[Table]:
    """A table for each Table 2 that compares anything."""
    found = comparisons(evidence)
    return [table(evidence, group, part) for group, part in found.groupby(GROUP, sort=False)] if len(found) else []


def signs_of(evidence: Evidence) -> dict[tuple[str, ...], str]:
    """``Board.cell`` to the mark of its cell in Table 2; cells without one are left out."""
    found = comparisons(evidence)
    marked = found[found["p_holm"] < ALPHA] if len(found) else found
    names = [*GROUP, *BLOCK, "row", "metric"]
    return {tuple(line[name] for name in names): sign(line) for line in marked.to_dict("records")}


def sign(test: dict) -> str:
    """The mark of a difference that is more than chance; empty for another."""
    if not test["p_holm"] < ALPHA:
        return ""
    return BETTER if test["difference"] > 0 else WORSE


@lru_cache(maxsize=1)
def comparisons(evidence: Evidence) -> pd.DataFrame:
    """One line a test, unrounded; Holm's family is all tests of one board (rows and metrics)."""
    found = []
    for board in boards(evidence):
        lines = pd.DataFrame(board_tests(evidence, board))
        if len(lines):
            held = lines["p_permutation"].notna().to_numpy()
            lines.loc[held, "p_holm"] = paired.holm(lines.loc[held, "p_permutation"].to_numpy(dtype=float))
            found.append(lines.assign(n_tests=int(held.sum())))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def board_tests(evidence: Evidence, board: Board) -> list[dict]:
    """Every row against the strongest baseline, metric by metric, before Holm."""
    ranked = {row: board.ranked(evidence, row) for row in board.rows}
    standing = [row for row in board.rows if is_baseline(row)]
    if not standing:
        return []
    best = board.means.loc[standing].idxmax()
    lines = []
    for row in board.rows:
        tables = {}  # by opponent
        for metric in SHOWN:
            vs = best[metric]
            if row == vs:
                continue
            line = dict(zip((*GROUP, *BLOCK), (*board.group, *board.block), strict=True))
            line |= {"row": row, "vs": vs, "metric": metric}
            line |= dict.fromkeys(MEASURES, math.nan)
            why = incomparable(ranked[row], ranked[vs], vs)
            if not why:
                if vs not in tables:
                    tables[vs] = crossed(ranked[row], ranked[vs])
                line |= measures(ranked[row], ranked[vs], metric, tables[vs])
            keys = " ".join((*board.keys[row], *board.keys[vs]))
            lines.append({**line, "n_seeds": len(board.seeds), "note": why, "keys": keys})
    return lines


def incomparable(ranked: Ranked | str, other: Ranked | str, vs: str) -> str:
    """Why the two cannot be paired; empty where they can."""
    for one in (ranked, other):
        if isinstance(one, str):
            return f"not comparable: {one}"
    return "" if ranked.cases == other.cases else f"not comparable: tested on other cases than {vs}"


def crossed(ranked: Ranked, other: Ranked) -> np.ndarray | None:
    """(place, place) number of cases with each pair of places, of rows with one seed: all that a test needs of them."""
    if len(ranked.place) > 1:
        return None
    n = PLACES + 1
    return np.bincount(ranked.place[0] * np.int64(n) + other.place[0], minlength=n * n).reshape(n, n)


def differences(ranked: Ranked, other: Ranked, metric: str, counts: np.ndarray | None = None) -> Tally:
    """Of the values of each case, averaged over the seeds; the same from the counts of ``crossed``."""
    if counts is not None:
        return paired.tally(np.subtract.outer(GAINS[metric], GAINS[metric]).ravel(), counts.ravel())
    return paired.tally(ranked.values(metric).mean(axis=0) - other.values(metric).mean(axis=0))


def measures(ranked: Ranked, other: Ranked, metric: str, counts: np.ndarray | None = None) -> dict[str, float]:
    """All that a line says of one difference but Holm's p."""
    found, n_seeds = differences(ranked, other, metric, counts), len(ranked.place)
    low, high = paired.interval(found)
    is_hits = metric.startswith("hr")  # multiples of 1 / seeds
    return {
        "difference": found.mean,
        "low": low,
        "high": high,
        "d_z": paired.cohen_dz(found),
        "r": paired.rank_biserial(found),
        "p_permutation": paired.permutation_p(found, unit=1 / n_seeds if is_hits else 0.0),
        "p_wilcoxon": paired.wilcoxon_p(found),
        "se_cases": paired.standard_error(found),
        "se_seeds": seed_error(ranked, other, metric),
        "n_cases": found.n,
        "n_differing": int(found.count[found.value != 0].sum()),
    }


def seed_error(ranked: Ranked, other: Ranked, metric: str) -> float:
    """Standard error over the seeds of the mean difference; NaN for one seed."""
    n_seeds = len(ranked.place)
    if n_seeds < 2:
        return math.nan
    by_seed = ranked.values(metric).mean(axis=1) - other.values(metric).mean(axis=1)
    return float(by_seed.std(ddof=1)) / math.sqrt(n_seeds)


def table(evidence: Evidence, group: tuple[str, str, str], data: pd.DataFrame) -> Table:
    protocol, budget, ranking = group
    found = [board for board in boards(evidence) if board.group == group]
    shown = []
    for board in found:
        part = in_block(data, board.block)
        if len(part):
            shown.append(
                Block(title=board.heading, header=HEADER, lines=[line(one) for one in part.to_dict("records")])
            )
    families = {board.heading: in_block(data, board.block)["n_tests"].max() for board in found}
    families = ", ".join(f"{name} {n:.0f}" for name, n in families.items() if n > 0)
    family = f"p Holm: p perm. adjusted over all rows and metrics of a data set ({families} tests)."
    return Table(
        name=f"significance-{protocol}-{budget}-{ranking}",
        title=f"Significance (protocol {protocol}, budget {budget}, {ranking} ranking)",
        caption="Differences from the strongest baseline, paired by test case.",
        blocks=shown,
        notes=[*NOTES[:3], family, *NOTES[3:], "Rows that Table 2 leaves empty are not tested."],
        keys=sorted({key for keys in data["keys"] for key in keys.split()}),
        data=data,
        ranking=ranking,
    )


def line(test: dict) -> list[Cell]:
    names = [Cell(test["row"]), Cell(test["vs"]), Cell(SHOWN[test["metric"]])]
    if test["note"]:
        return [*names, Cell(number(math.nan, ""), note=test["note"]), *[Cell(number(math.nan, ""))] * 8]
    extent = f"[{number(test['low'], '+.4f')}, {number(test['high'], '+.4f')}]"
    values = [Cell(small(test[name], form)) for name, form in FORMS.items()]
    return [*names, Cell(number(test["difference"], "+.4f"), sign=sign(test)), Cell(extent), *values]


def small(value: float, form: str) -> str:
    """A p below the places shown says so, and is not nought."""
    return "<0.0001" if form == ".4f" and 0 < value < 0.0001 else number(value, form)
