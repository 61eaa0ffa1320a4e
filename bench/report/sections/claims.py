"""The paper's claims, held against our cells of its tables under its protocol."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import pandas as pd

from bench.report.boards import place_of_budget
from bench.report.claims import CLAIMS, METRICS, REFUTED, SUPPORTED, UNJUDGED, Case, Claim, judge, verdict
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE, leaderboard
from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.rows import BLOCK, DATASETS
from bench.report.sections import studies
from bench.spec import SHOWN

COLUMNS = [
    *(Column(name, "name") for name in ("Claim", "Verdict")),
    *map(Column, ("for", "against", "not known")), Column("clearest against", "name"),
]  # fmt: skip
CELLS = [*(Column(name, "name") for name in ("Claim", "Data set", "Metric", "Higher by the claim")), Column("value"),
         Column("than", "name"), Column("value"), Column("holds", "name")]  # fmt: skip
NOTES = [
    "A claim is read as pairs of cells, in H@5 and N@5, which all of the paper's tables have. It is supported where no "
    "pair that is known speaks against it, refuted where one does, and cannot be judged where no pair is known.",
    "Means are compared as they are: a difference that is no more than chance counts, too. See Significance.",
    "If a data set has several budgets or features, those with most values are used; among equals, the longest budget.",
]


def pages(evidence: Evidence) -> list[Table]:
    """One table of all claims, where any can be judged."""
    said, judged = sentences(evidence), judged_by(evidence)
    if not said:
        return []
    shown = [(claim, case) for claim, cases in judged for case in cases if case.holds is not None]
    keys = cells_of(evidence)["keys"].to_dict()
    data = pd.DataFrame([{"claim": claim.text, **case._asdict(), "holds": case.holds} for claim, case in shown])
    places = [[(case.table, case.dataset, row, case.metric) for row in (case.left, case.right)] for _, case in shown]
    data = data.assign(keys=[" ".join(dict.fromkeys(" ".join(keys[p] for p in both).split())) for both in places])
    blocks = [
        Block(columns=COLUMNS, lines=[line(claim, cases) for claim, cases in judged]),
        Block(
            title="The cells behind them", columns=CELLS, lines=[*map(cell_line, shown, data["keys"])], is_detail=True
        ),
    ]
    what = "Claims of the paper"
    about = {"question": Question.ANSWER, "kind": "claims", "what": what, "caption": said[0]}
    return [Table(blocks=blocks, notes=[*map(Note, NOTES)], data=data, **about)]


def sentences(evidence: Evidence) -> list[str]:
    """How many claims stand how; nothing where none can be judged."""
    counts = Counter(verdict(cases) for _, cases in judged_by(evidence))
    if counts[UNJUDGED] == len(CLAIMS):
        return []
    said = f"{counts[SUPPORTED]} supported, {counts[REFUTED]} refuted, {counts[UNJUDGED]} cannot be judged"
    return [f"Of {len(CLAIMS)} claims of the paper in words, by our means under its protocol: {said}."]


def judged_by(evidence: Evidence) -> list[tuple[Claim, list[Case]]]:
    """Every claim with its pairs of our cells."""
    return judge(cells_of(evidence)["mean"].to_dict())


@lru_cache(maxsize=2)
def cells_of(evidence: Evidence) -> pd.DataFrame:
    """Our cells under the paper's protocol by table, data set, row and metric, of the claims' metrics: their ``mean``,
    and the ``keys`` of their records."""
    found = [leaderboard(evidence).assign(table="table2")]
    for study in evidence.studies:
        for page in studies.tables(evidence, study.name):
            if page.data["model"].iloc[0] == study.models[0]:
                about = {"protocol": page.protocol, "budget": page.budget, "ranking": page.ranking}
                found.append(page.data.assign(table=study.name, **about))
    columns = ["table", *TABLE, *BLOCK, "row", "metric", "mean", "keys"]
    data = pd.concat([one.reindex(columns=columns) for one in found], ignore_index=True)
    data = data[data["mean"].notna() & data["metric"].isin(METRICS) & data["dataset"].isin(list(DATASETS))]
    data = data[(data["protocol"] == "paper") & (data["ranking"] == "sampled")]
    fullest = {}
    for (table, dataset, budget, _), own in data.groupby(["table", "dataset", "budget", "features"]):
        weight = (len(own), place_of_budget(budget))
        if weight > fullest.get((table, dataset), ((0, 0), None))[0]:
            fullest[table, dataset] = (weight, own)
    kept = pd.concat([own for _, own in fullest.values()]) if fullest else data
    return kept.set_index(["table", "dataset", "row", "metric"])[["mean", "keys"]]


def line(claim: Claim, cases: Sequence[Case]) -> Line:
    counts = Counter(case.holds for case in cases)
    against = [case for case in cases if case.holds is False]
    clearest = told(max(against, key=lambda case: case.right_value - case.left_value)) if against else ""
    numbers = [Cell(str(counts[kind])) for kind in (True, False, None)]
    return Line([Cell(claim.text), Cell(verdict(cases)), *numbers, Cell(clearest)])


def told(case: Case) -> str:
    """A pair that speaks against its claim."""
    left, right = (
        f"{row} {value:.4f}" for row, value in ((case.left, case.left_value), (case.right, case.right_value))
    )
    return f"{DATASETS[case.dataset]} {SHOWN[case.metric]}: {left}, {right}"


def cell_line(shown: tuple[Claim, Case], keys: str) -> Line:
    claim, case = shown
    names = [claim.text, DATASETS[case.dataset], SHOWN[case.metric]]
    cells = [
        Cell(case.left),
        Cell(number(case.left_value, ".4f")),
        Cell(case.right),
        Cell(number(case.right_value, ".4f")),
    ]
    cells = [*map(Cell, names), *cells, Cell("yes" if case.holds else "no")]
    return Line(cells, about={"dataset": case.dataset}, keys=keys)
