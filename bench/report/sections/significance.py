"""Is a difference more than chance? Each row against the strongest baseline, case by case."""

import math
from functools import lru_cache

import numpy as np
import pandas as pd

from bench.report import paired
from bench.report.boards import Board, Ranked, boards
from bench.report.conditions import TWO_UNLIKE, UNEQUAL, marked, mixtures, unequal
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE
from bench.report.model import EMPTY, Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.paired import ALPHA
from bench.report.rows import BLOCK, about, in_block
from bench.spec import SHOWN

BETTER, WORSE = "▲", "▼"
LEGEND = f"{BETTER} better, {WORSE} worse than the strongest baseline (sign-flip test, Holm p < {ALPHA})."
MEASURES = (
    "difference", "low", "high", "d_z", "r", "p_permutation", "p_wilcoxon", "p_holm", "se_cases", "se_seeds", "n_cases",
    "n_differing",
)  # fmt: skip
FORMS = {
    "d_z": "+.3f", "r": "+.3f", "p_permutation": ".4f", "p_wilcoxon": ".4f", "p_holm": ".4f",
    "se_cases": ".4f", "se_seeds": ".4f",
}  # fmt: skip
COLUMNS = [
    *(Column(name, "name") for name in ("Model", "vs", "metric")), Column("difference"), Column("95% CI", "text"),
    *map(Column, ("d_z", "r", "p perm.", "p Wilcoxon", "p Holm", "SE cases", "SE seeds")),
]  # fmt: skip
NOTES = [
    "vs is the strongest baseline: the one with the best mean in this metric among all rows of baselines.",
    "The unit is the test case, whose values are averaged over the seeds first.",
    "p perm. is the two-sided p-value of a test that flips the signs of the differences at random. It is exact for "
    f"hits of one seed; for more than {paired.FEW} other differences it is from the normal distribution. p Wilcoxon is "
    "the p-value of the two-sided signed-rank test; zero differences are dropped, and equal sizes share their average "
    "rank.",
    "95% CI is the interval of the mean difference over cases: normal, or by the percentile bootstrap for at most "
    f"{paired.FEW} cases.",
    "d_z is the mean over the standard deviation of the differences; r is the matched-pairs rank-biserial correlation.",
    "SE cases is the standard error of the mean difference over cases, which the tests take into account. SE seeds is "
    "its standard error over seeds, which they do not: the tests are about these trained models.",
]


def pages(evidence: Evidence) -> list[Table]:
    """A table for each Table 2 that compares anything."""
    found = comparisons(evidence)
    return [table(evidence, own, part) for own, part in found.groupby(TABLE, sort=False)] if len(found) else []


def signs_of(evidence: Evidence) -> dict[tuple[str, ...], str]:
    """The marks of Table 2, by TABLE, BLOCK, row and metric; cells without one are left out."""
    found = comparisons(evidence)
    marked = found[found["p_holm"] < ALPHA] if len(found) else found
    names = [*TABLE, *BLOCK, "row", "metric"]
    return {tuple(line[name] for name in names): sign(line) for line in marked.to_dict("records")}


def sign(test: dict) -> str:
    """The mark of a difference that is more than chance; empty for another."""
    if not test["p_holm"] < ALPHA:
        return ""
    return BETTER if test["difference"] > 0 else WORSE


@lru_cache(maxsize=2)
def comparisons(evidence: Evidence) -> pd.DataFrame:
    """One line per test, unrounded; Holm's family is all tests of one board (rows and metrics)."""
    found = []
    for board in boards(evidence):
        lines = pd.DataFrame(board_tests(evidence, board))
        if len(lines):
            p = lines["p_permutation"].to_numpy(dtype=float)
            found.append(lines.assign(p_holm=paired.holm(p), n_tests=np.count_nonzero(~np.isnan(p))))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def board_tests(evidence: Evidence, board: Board) -> list[dict]:
    """Every row against the strongest baseline, metric by metric, before Holm."""
    ranked = {row: board.ranked(evidence, row) for row in board.rows}
    standing = [row for row in board.rows if row in evidence.baselines]
    if not standing:
        return []
    best = board.means.loc[standing].idxmax()
    lines = []
    for row in board.rows:
        both = {vs: [*board.keys[row], *board.keys[vs]] for vs in {*best} - {row}}
        differs = {vs: ", ".join(unequal(evidence.rows_of(keys), board.ranking)) for vs, keys in both.items()}
        for metric in SHOWN:
            vs = best[metric]
            if row == vs:
                continue
            why = incomparable(ranked[row], ranked[vs], vs)
            found = dict.fromkeys(MEASURES, math.nan) if why else measures(ranked[row], ranked[vs], metric)
            line = {**board.names, "row": row, "vs": vs, "metric": metric, **found, "n_seeds": len(board.keys[row])}
            lines.append({**line, "note": why, "unequal": differs[vs], "keys": " ".join(both[vs])})
    return lines


def incomparable(ranked: Ranked | str, other: Ranked | str, vs: str) -> str:
    """Why the two cannot be paired; empty where they can."""
    for one in (ranked, other):
        if isinstance(one, str):
            return f"not comparable: {one}"
    return "" if ranked.cases == other.cases else f"not comparable: tested on other cases than {vs}"


def measures(ranked: Ranked, other: Ranked, metric: str) -> dict[str, float]:
    """All that a line says of one difference; Holm's p is known when all tests are."""
    by_seed = [one.values(metric) for one in (ranked, other)]
    found = paired.differences(*by_seed)
    low, high = paired.interval(found)
    return {
        "difference": float(found.mean()),
        "low": low,
        "high": high,
        "d_z": paired.cohen_dz(found),
        "r": paired.rank_biserial(found),
        "p_permutation": paired.permutation_p(found),
        "p_wilcoxon": paired.wilcoxon_p(found),
        "p_holm": math.nan,
        "se_cases": paired.standard_error(found),
        "se_seeds": seed_error(*(one.mean(axis=1) for one in by_seed), is_paired=ranked.seeds == other.seeds),
        "n_cases": len(found),
        "n_differing": int(np.count_nonzero(found)),
    }


def seed_error(ours: np.ndarray, theirs: np.ndarray, *, is_paired: bool) -> float:
    """The standard error over seeds of the difference of two means, each given seed by seed.

    Equal seeds are paired; else the trainings of both count apart. NaN where a row has a single seed.
    """
    if is_paired:
        return paired.standard_error(ours - theirs)
    return math.hypot(paired.standard_error(ours), paired.standard_error(theirs))


def table(evidence: Evidence, own: tuple[str, str, str], data: pd.DataFrame) -> Table:
    shown, families = [], []
    for board in (one for one in boards(evidence) if one.table == own):
        part = in_block(data, board.block)
        if len(part):
            lines = [line(test) for test in part.to_dict("records")]
            shown.append(Block(title=board.heading, about=about(board.block), columns=COLUMNS, lines=lines))
            n_tests = part["n_tests"].iloc[0]
            families += [f"{board.heading} {n_tests}"] if n_tests else []
    counts = f" ({', '.join(families)} tests)" if families else ""
    said = [
        *NOTES[:3],
        f"p Holm is p perm. adjusted for all rows and metrics of a data set in this table{counts}; with more rows it "
        "grows.",
        *NOTES[3:],
        "Rows that Table 2 leaves empty are not tested. A row has the seeds that its cell of Table 2 has.",
        *[f"{UNEQUAL} {TWO_UNLIKE}; the CSV names what differs."] * bool(data["unequal"].any()),
    ]
    return Table(
        question=Question.CHANCE,
        kind="significance",
        what="Significance",
        caption="Differences from the strongest baseline, paired by test case.",
        blocks=shown,
        notes=[*map(Note, said), *mixtures(evidence.rows_of(data["keys"]))],
        data=data,
        **dict(zip(TABLE, own, strict=True)),
    )


def line(test: dict) -> Line:
    names = [Cell(test["row"]), Cell(test["vs"]), Cell(SHOWN[test["metric"]])]
    behind = {"about": {"model": test["row"]}, "keys": test["keys"]}
    if test["note"]:
        return Line([*names, Cell(EMPTY, note=test["note"]), *[Cell(EMPTY)] * 8], **behind)
    values = [Cell(small(test[name], form)) for name, form in FORMS.items()]
    difference = marked(number(test["difference"], "+.4f"), test["unequal"])
    return Line([*names, Cell(difference, sign=sign(test)), Cell(extent(test)), *values], **behind)


def extent(test: dict) -> str:
    """The interval of a difference; empty where a single case has none."""
    low, high = (number(test[side], "+.4f") for side in ("low", "high"))
    return EMPTY if EMPTY in (low, high) else f"[{low}, {high}]"


def small(value: float, form: str) -> str:
    """A p below the places shown says so, and is not zero."""
    return "<0.0001" if form == ".4f" and value < 0.0001 else number(value, form)
