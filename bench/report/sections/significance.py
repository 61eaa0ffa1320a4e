"""Is a difference more than chance? The tables of the tests of each row against the strongest baseline."""

import pandas as pd

from bench.report import paired
from bench.report.conditions import TWO_UNLIKE, UNEQUAL, marked, mixtures
from bench.report.differences import comparisons, sign
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE
from bench.report.model import EMPTY, Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.paired import ALPHA
from bench.report.rows import BLOCK, about, heading
from bench.spec import SHOWN

FORMS = {
    "d_z": "+.3f", "r": "+.3f", "p_permutation": ".4f", "p_wilcoxon": ".4f", "p_holm": ".4f",
    "se_cases": ".4f", "se_seeds": ".4f",
}  # fmt: skip
COLUMNS = [
    *(Column(name, "name") for name in ("Model", "vs", "metric")), Column("difference"), Column("95% CI", "text"),
    *map(Column, ("d_z", "r", "p perm.", "p Wilcoxon", "p Holm", "SE cases", "SE seeds")),
]  # fmt: skip
NOTES = [
    "vs is the strongest baseline: the one with the best mean in this metric among all rows of baselines and, of equal "
    "ones, with the higher N@10.",
    "The unit is the test case, whose values are averaged over the seeds first. The test cases of one user are not "
    "independent, so they are added up and count as one.",
    "p perm. is the two-sided p-value of a test that flips the signs of the differences at random. It is exact for "
    f"hits of one seed; for more than {paired.FEW} other differences it is from the normal distribution. p Wilcoxon is "
    "the p-value of the two-sided signed-rank test; zero differences are dropped, and equal sizes share their average "
    "rank.",
    "95% CI is the interval of the mean difference over cases: normal, or by the percentile bootstrap for at most "
    f"{paired.FEW} cases. It is computed in another way than p perm., and may leave out 0 where p perm. is just above "
    f"{ALPHA}; where p Holm is above, it often does, as it is of one difference alone.",
    "d_z is the mean over the standard deviation of the differences; r is the matched-pairs rank-biserial correlation.",
    "SE cases is the standard error of the mean difference over cases, which the tests take into account. SE seeds is "
    "its standard error over seeds, which they do not: the tests are about these trained models.",
]


def pages(evidence: Evidence) -> list[Table]:
    """Return a table of tests for each Table 2 that compares anything."""
    return [table(evidence, names, part) for names, part in comparisons(evidence).groupby(TABLE, sort=False)]


def table(evidence: Evidence, names: tuple[str, str, str], data: pd.DataFrame) -> Table:
    """Return the table of the tests ``data`` of one Table 2; ``names`` are its protocol, budget and ranking."""
    table_blocks, families = [], []
    for block, part in data.groupby(BLOCK, sort=False):
        lines = [line(test) for test in part.to_dict("records")]
        table_blocks.append(Block(title=heading(block), about=about(block), columns=COLUMNS, lines=lines))
        n_tests = part["n_tests"].iloc[0]
        families += [f"{heading(block)} {n_tests}"] if n_tests else []
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
