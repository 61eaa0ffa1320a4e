"""The paper's claims, held against our cells of its tables under its protocol."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from bench.report import paired
from bench.report.boards import place_of_budget, ranked
from bench.report.claims import (
    AGAINST,
    CHANCE,
    CLAIMS,
    FOR,
    METRICS,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    UNJUDGED,
    UNKNOWN,
    Case,
    Claim,
    verdict,
)
from bench.report.conditions import UNEQUAL, marked, unequal
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE, leaderboard
from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.paired import ALPHA
from bench.report.rows import BLOCK, DATASETS
from bench.report.sections import studies
from bench.report.sections.significance import incomparable, small
from bench.spec import SHOWN

COLUMNS = [
    *(Column(name, "name") for name in ("Claim", "Verdict")),
    *map(Column, (FOR, AGAINST, CHANCE, UNKNOWN)), Column("clearest against", "name"),
]  # fmt: skip
CELLS = [*(Column(name, "name") for name in ("Claim", "Data set", "Metric", "Higher by the claim")), Column("value"),
         Column("than", "name"), Column("value"), Column("p Holm"), Column("says", "name")]  # fmt: skip
NOTES = [
    "A claim is read as pairs of cells, in H@5 and N@5, which all of the paper's tables have. It is refuted where a "
    "pair speaks against it, supported where every pair that is known speaks for it, undecided where some differ by no "
    "more than chance, and cannot be judged where no pair is known.",
    "Baselines are the paper's own here; the answer compares with newer ones, too.",
    "A pair speaks for or against a claim where its two cells differ by more than chance: the same test as under "
    f"Significance, paired by test case, Holm p < {ALPHA} over the known pairs of the claim. A pair whose ranks cannot "
    "be paired was not tested, and counts as chance.",
    f"{UNEQUAL} The two records, or those of a pair that decides the verdict, were not made under equal conditions, "
    "such as another version of the protocol; the CSV names what differs.",
    "If a data set has several budgets or features, those with most values are used; among equals, the longest budget.",
]


def pages(evidence: Evidence) -> list[Table]:
    """One table of all claims, where any can be judged."""
    said, judged = sentences(evidence), judged_by(evidence)
    if not said:
        return []
    shown = [(claim, case) for claim, cases in judged for case in cases if case.is_known]
    keys = cells_of(evidence)["keys"].to_dict()
    data = pd.DataFrame([{"claim": claim.text, **case._asdict(), "says": case.says} for claim, case in shown])
    both = [" ".join(keys[place] for place in places(case)) for _, case in shown]
    data = data.assign(keys=[" ".join(dict.fromkeys(some.split())) for some in both])
    differs = {own: ", ".join(unequal(evidence.rows_of(own.split()), "sampled")) for own in data["keys"].unique()}
    data["unequal"] = data["keys"].map(differs)
    lines = [cell_line(*one, own) for one, own in zip(shown, data[["keys", "unequal"]].to_dict("records"), strict=True)]
    is_refuted = data["claim"].isin([claim.text for claim, cases in judged if verdict(cases) == REFUTED])
    decides = ~is_refuted | (data["says"] == AGAINST)
    odd = set(data.loc[decides & (data["unequal"] != ""), "claim"])
    blocks = [
        Block(columns=COLUMNS, lines=[line(claim, cases, claim.text in odd) for claim, cases in judged]),
        Block(title="The cells behind them", columns=CELLS, lines=lines, is_detail=True),
    ]
    what = "Claims of the paper"
    about = {"question": Question.ANSWER, "kind": "claims", "what": what, "caption": said[0]}
    return [Table(blocks=blocks, notes=[*map(Note, NOTES)], data=data, **about)]


def sentences(evidence: Evidence) -> list[str]:
    """How many claims stand how; nothing where none can be judged."""
    counts = Counter(verdict(cases) for _, cases in judged_by(evidence))
    if counts[UNJUDGED] == len(CLAIMS):
        return []
    said = ", ".join(f"{counts[word]} {word}" for word in (SUPPORTED, REFUTED, UNDECIDED, UNJUDGED) if counts[word])
    return [f"Of {len(CLAIMS)} claims of the paper in words, by our records under its protocol: {said}."]


@lru_cache(maxsize=2)
def judged_by(evidence: Evidence) -> list[tuple[Claim, list[Case]]]:
    """Every claim with its pairs of our cells, tested."""
    values = cells_of(evidence)["mean"].to_dict()
    return [(claim, tested(evidence, list(claim.cases(values)))) for claim in CLAIMS]


def tested(evidence: Evidence, cases: list[Case]) -> list[Case]:
    """The pairs of one claim with their p, which Holm's correction takes for one family."""
    p = paired.holm(np.array([p_of(evidence, case) if case.is_known else math.nan for case in cases]))
    return [case._replace(p=float(one)) for case, one in zip(cases, p, strict=True)]


def p_of(evidence: Evidence, case: Case) -> float:
    """Of the sign-flip test of two known cells, paired by test case; NaN where they cannot be paired."""
    keys = [cells_of(evidence).loc[place, "keys"].split() for place in places(case)]
    left, right = (
        ranked(evidence, some, "sampled", row) for some, row in zip(keys, (case.left, case.right), strict=True)
    )
    if incomparable(left, right, case.right):
        return math.nan
    return paired.permutation_p(paired.differences(left.values(case.metric), right.values(case.metric)))


def places(case: Case) -> list[tuple[str, str, str, str]]:
    """Of its two cells, in ``cells_of``."""
    return [(case.table, case.dataset, row, case.metric) for row in (case.left, case.right)]


@lru_cache(maxsize=2)
def cells_of(evidence: Evidence) -> pd.DataFrame:
    """Our cells under the paper's protocol by table, data set, row and metric, of the claims' metrics: their ``mean``,
    and the ``keys`` of their records. Those without content say nothing of the paper."""
    found = [leaderboard(evidence).assign(table="table2")]
    for study in evidence.studies:
        for page in studies.tables(evidence, study.name):
            if page.data["model"].iloc[0] == study.models[0]:
                about = {"protocol": page.protocol, "budget": page.budget, "ranking": page.ranking}
                found.append(page.data.assign(table=study.name, **about))
    columns = ["table", *TABLE, *BLOCK, "row", "metric", "mean", "keys"]
    data = pd.concat([one.reindex(columns=columns) for one in found], ignore_index=True)
    data = data[data["mean"].notna() & data["metric"].isin(METRICS) & data["dataset"].isin(list(DATASETS))]
    data = data[(data["protocol"] == "paper") & (data["ranking"] == "sampled") & (data["features"] != "none")]
    fullest = {}
    for (table, dataset, budget, _), own in data.groupby(["table", "dataset", "budget", "features"]):
        weight = (len(own), place_of_budget(budget))
        if weight > fullest.get((table, dataset), ((0, 0), None))[0]:
            fullest[table, dataset] = (weight, own)
    kept = pd.concat([own for _, own in fullest.values()]) if fullest else data
    return kept.set_index(["table", "dataset", "row", "metric"])[["mean", "keys"]]


def line(claim: Claim, cases: Sequence[Case], is_unequal: bool) -> Line:
    """What the records say of one claim; ``is_unequal``: a pair that decides it was not made under equal conditions."""
    counts = Counter(case.says for case in cases)
    against = [case for case in cases if case.says == AGAINST]
    clearest = told(max(against, key=lambda case: case.right_value - case.left_value)) if against else ""
    numbers = [Cell(str(counts[kind])) for kind in (FOR, AGAINST, CHANCE, UNKNOWN)]
    return Line([Cell(claim.text), Cell(marked(verdict(cases), is_unequal)), *numbers, Cell(clearest)])


def told(case: Case) -> str:
    """A pair that speaks against its claim."""
    left, right = (
        f"{row} {value:.4f}" for row, value in ((case.left, case.left_value), (case.right, case.right_value))
    )
    return f"{DATASETS[case.dataset]} {SHOWN[case.metric]}: {left}, {right}"


def cell_line(claim: Claim, case: Case, own: dict[str, str]) -> Line:
    """One pair; ``own`` has the keys of its records and in what they differ that must not."""
    names = [claim.text, DATASETS[case.dataset], SHOWN[case.metric]]
    cells = [
        Cell(case.left),
        Cell(number(case.left_value, ".4f")),
        Cell(case.right),
        Cell(number(case.right_value, ".4f")),
    ]
    cells = [
        *map(Cell, names),
        *cells,
        Cell(small(case.p, ".4f")),
        Cell(marked(case.says, own["unequal"])),
    ]
    return Line(cells, about={"dataset": case.dataset}, keys=own["keys"])
