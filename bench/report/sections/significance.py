"""Is a difference more than chance? Each row is tested against the strongest baseline, case by case."""

import math

import numpy as np
import pandas as pd

from bench.report import paired
from bench.report.boards import Board, Ranked, boards
from bench.report.conditions import TWO_UNLIKE, UNEQUAL, marked, mixtures, unequal
from bench.report.evidence import Evidence, remember
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
    """Return a table of tests for each Table 2 that compares anything."""
    tests = comparisons(evidence)
    return [table(evidence, names, part) for names, part in tests.groupby(TABLE, sort=False)] if len(tests) else []


def signs_of(evidence: Evidence) -> dict[tuple[str, ...], str]:
    """Return the marks of Table 2 by TABLE, BLOCK, row and metric; cells without a mark are left out."""
    tests = comparisons(evidence)
    marked = tests[tests["p_holm"] < ALPHA] if len(tests) else tests
    names = [*TABLE, *BLOCK, "row", "metric"]
    return {tuple(test[name] for name in names): sign(test) for test in marked.to_dict("records")}


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
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def board_tests(evidence: Evidence, board: Board) -> list[dict]:
    """Return the tests of every row against the strongest baseline in each metric, before Holm's correction."""
    ranked = {row: board.ranked(evidence, row) for row in board.rows}
    baselines = [row for row in board.rows if row in evidence.baselines]
    if not baselines:
        return []
    best = board.means.loc[baselines].idxmax()
    lines = []
    for row in board.rows:
        keys_of = {vs: [*board.keys[row], *board.keys[vs]] for vs in {*best} - {row}}
        differs = {vs: ", ".join(unequal(evidence.rows_of(keys), board.ranking)) for vs, keys in keys_of.items()}
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
    differences = paired.differences(*by_seed)
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
        "n_cases": len(differences),
        "n_differing": int(np.count_nonzero(differences)),
    }


def seed_error(ours: np.ndarray, theirs: np.ndarray, *, is_paired: bool) -> float:
    """Return the standard error over seeds of the difference of two means, each given seed by seed.

    Equal seeds are paired; else the errors of the two rows are added in quadrature. NaN where a row has one seed.
    """
    if is_paired:
        return paired.standard_error(ours - theirs)
    return math.hypot(paired.standard_error(ours), paired.standard_error(theirs))


def table(evidence: Evidence, names: tuple[str, str, str], data: pd.DataFrame) -> Table:
    """Return the table of the tests ``data`` of one Table 2; ``names`` are its protocol, budget and ranking."""
    table_blocks, families = [], []
    for board in (board for board in boards(evidence) if board.table == names):
        part = in_block(data, board.block)
        if len(part):
            lines = [line(test) for test in part.to_dict("records")]
            table_blocks.append(Block(title=board.heading, about=about(board.block), columns=COLUMNS, lines=lines))
            n_tests = part["n_tests"].iloc[0]
            families += [f"{board.heading} {n_tests}"] if n_tests else []
    counts = f" ({', '.join(families)} tests)" if families else ""
    texts = [
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
        blocks=table_blocks,
        notes=[*map(Note, texts), *mixtures(evidence.rows_of(data["keys"]))],
        data=data,
        **dict(zip(TABLE, names, strict=True)),
    )


def line(test: dict) -> Line:
    """Return the line of one test; its measures are empty, with a reason, where the two rows cannot be paired."""
    names = [Cell(test["row"]), Cell(test["vs"]), Cell(SHOWN[test["metric"]])]
    behind = {"about": {"model": test["row"]}, "keys": test["keys"]}
    if test["note"]:
        return Line([*names, Cell(EMPTY, note=test["note"]), *[Cell(EMPTY)] * 8], **behind)
    values = [Cell((small if name.startswith("p_") else number)(test[name], form)) for name, form in FORMS.items()]
    difference = marked(number(test["difference"], "+.4f"), test["unequal"])
    return Line([*names, Cell(difference, sign=sign(test)), Cell(extent(test)), *values], **behind)


def extent(test: dict) -> str:
    """Return the interval of a difference as a text; a dash where there is none, as for a single case."""
    low, high = (number(test[side], "+.4f") for side in ("low", "high"))
    return EMPTY if EMPTY in (low, high) else f"[{low}, {high}]"


def small(p: float, form: str) -> str:
    """Return a p-value in ``form``; one below 0.0001 is "<0.0001" and never zero."""
    return "<0.0001" if p < 0.0001 else number(p, form)
