"""The paper's claims, judged by our own cells of the paper's tables under the paper's protocol."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.report import paired
from bench.report.boards import place_of_budget, ranked
from bench.report.claims import (
    AGAINST,
    CHANCE,
    CLAIMS,
    FOR,
    MAIN,
    METRICS,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    UNJUDGED,
    UNKNOWN,
    Case,
    Claim,
    rests_on_unequal,
    verdict,
)
from bench.report.conditions import UNEQUAL, marked, unequal, unlike
from bench.report.differences import incomparable
from bench.report.evidence import Evidence, remember
from bench.report.leaderboard import TABLE, leaderboard
from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.paired import ALPHA
from bench.report.rows import BLOCK, DATASETS
from bench.report.sections import studies
from bench.report.sections.significance import small
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
    f"{UNEQUAL} The two records were not made under equal conditions, such as another version of the protocol; the CSV "
    "names what differs. Beside a verdict: such a pair is among those that decide it, which are the pairs against a "
    "claim that is refuted, and all known ones of another.",
    "If a data set has several budgets or features, those with most values are used; among equals, the longest budget.",
]


def pages(evidence: Evidence) -> list[Table]:
    """Return one table of all claims, or no page where no claim can be judged."""
    summary, judged = sentences(evidence), judged_by(evidence)
    if not summary:
        return []
    known = [(claim, case) for claim, cases in judged for case in cases if case.is_known]
    keys = [" ".join(dict.fromkeys(" ".join(keys_of(evidence, case)).split())) for _, case in known]
    data = pd.DataFrame([{"claim": claim.text, **case._asdict(), "says": case.says} for claim, case in known])
    data = data.assign(keys=keys, unequal=data.pop("unequal"))  # the columns in the order of the CSV
    lines = [cell_line(claim, case, records) for (claim, case), records in zip(known, keys, strict=True)]
    blocks = [
        Block(columns=COLUMNS, lines=[line(claim, cases) for claim, cases in judged]),
        Block(title="The cells behind them", columns=CELLS, lines=lines, is_detail=True),
    ]
    what = "Claims of the paper"
    about = {"question": Question.ANSWER, "kind": "claims", "what": what, "caption": summary[0]}
    return [Table(blocks=blocks, notes=[*map(Note, NOTES)], data=data, **about)]


def sentences(evidence: Evidence) -> list[str]:
    """Return a text that counts the claims by verdict, and says how the MAIN of them fares; no text where no claim can
    be judged."""
    judged = judged_by(evidence)
    counts = Counter(verdict(cases) for _, cases in judged)
    if counts[UNJUDGED] == len(CLAIMS):
        return []
    marks = Counter(verdict(cases) for _, cases in judged if rests_on_unequal(cases))
    words = [word for word in (SUPPORTED, REFUTED, UNDECIDED, UNJUDGED) if counts[word]]
    parts = [f"{counts[word]} {word}" + f" ({marks[word]} {UNEQUAL})" * bool(marks[word]) for word in words]
    text = f"Of {len(CLAIMS)} claims of the paper in words, by our records under its protocol: {', '.join(parts)}."
    first = next(cases for claim, cases in judged if claim.text == MAIN)
    if verdict(first) != UNJUDGED:
        said = Counter(case.says for case in first)
        pairs = ", ".join(f"{said[kind]} {kind}" for kind in (FOR, AGAINST, CHANCE, UNKNOWN))
        text += f" {MAIN[:-1]}: {marked(verdict(first), rests_on_unequal(first))}; pairs of cells: {pairs}."
    return [text + f" {UNEQUAL} Some records that decide it were not made under equal conditions." * bool(marks)]


@remember
def judged_by(evidence: Evidence) -> list[tuple[Claim, list[Case]]]:
    """Return every claim with its pairs of our cells, which have been tested."""
    values = cells_of(evidence)["mean"].to_dict()
    return [(claim, tested(evidence, list(claim.cases(values)))) for claim in CLAIMS]


def tested(evidence: Evidence, cases: list[Case]) -> list[Case]:
    """Return the pairs of one claim with their unequal conditions and their p, adjusted by Holm over these pairs."""
    p = paired.holm(np.array([p_of(evidence, case) if case.is_known else math.nan for case in cases]))
    judged = []
    for case, corrected in zip(cases, p, strict=True):
        differs = unequal_conditions(evidence, case.table, keys_of(evidence, case)) if case.is_known else ""
        judged.append(case._replace(p=float(corrected), unequal=differs))
    return judged


def p_of(evidence: Evidence, case: Case) -> float:
    """Return the p of the sign-flip test of two known cells, paired by test case; NaN where they cannot be paired."""
    cells = zip(keys_of(evidence, case), (case.left, case.right), strict=True)
    left, right = (ranked(evidence, keys.split(), "sampled", row) for keys, row in cells)
    if incomparable(left, right, case.right):
        return math.nan
    return paired.permutation_p(left.minus(right, case.metric))


def keys_of(evidence: Evidence, case: Case) -> tuple[str, ...]:
    """Return the keys of the records behind each of the two cells of ``case``, as one text per cell."""
    places = [(case.table, case.dataset, row, case.metric) for row in (case.left, case.right)]
    return tuple(cells_of(evidence).loc[place, "keys"] for place in places)


@remember
def unequal_conditions(evidence: Evidence, table: str, keys: tuple[str, ...]) -> str:
    """Return in what conditions the records behind two cells differ; empty where they do not differ.

    In a study, all of whose variants are of one model, the code and the settings that the study does not change count
    as conditions, too.
    """
    records = evidence.rows_of(keys)
    varied = [study for study in evidence.studies if study.name == table and study.variants]
    within = [name for study in varied for name in unlike(records, study.changed)]
    return ", ".join([*unequal(records, "sampled"), *within])


@remember
def cells_of(evidence: Evidence) -> pd.DataFrame:
    """Return our cells of the claims' metrics under the paper's protocol, by table, data set, row and metric.

    Each has its ``mean`` and the ``keys`` of its records. Runs on data without content are left out, as the paper has
    none. Of several budgets or features of a table and data set, those with the most values are kept.
    """
    found = [leaderboard(evidence).assign(table="table2")]
    for study in evidence.studies:
        for page in studies.tables(evidence, study.name):
            if page.data["model"].iloc[0] == study.models[0]:
                found.append(page.data.assign(table=study.name, **{name: getattr(page, name) for name in TABLE}))
    columns = ["table", *TABLE, *BLOCK, "row", "metric", "mean", "keys"]
    data = pd.concat([cells.reindex(columns=columns) for cells in found], ignore_index=True)
    data = data[data["mean"].notna() & data["metric"].isin(METRICS) & data["dataset"].isin(list(DATASETS))]
    data = data[(data["protocol"] == "paper") & (data["ranking"] == "sampled") & (data["features"] != "none")]
    fullest = {}
    for (table, dataset, budget, _), cells in data.groupby(["table", "dataset", "budget", "features"]):
        weight = (len(cells), place_of_budget(budget))
        if weight > fullest.get((table, dataset), ((0, 0), None))[0]:
            fullest[table, dataset] = (weight, cells)
    data = pd.concat([cells for _, cells in fullest.values()]) if fullest else data
    return data.set_index(["table", "dataset", "row", "metric"])[["mean", "keys"]]


def line(claim: Claim, cases: Sequence[Case]) -> Line:
    """Return the line of one claim: its verdict, the number of pairs of each kind, and the clearest pair against it."""
    counts = Counter(case.says for case in cases)
    against = [case for case in cases if case.says == AGAINST]
    clearest = pair_text(max(against, key=lambda case: case.right_value - case.left_value)) if against else ""
    numbers = [Cell(str(counts[kind])) for kind in (FOR, AGAINST, CHANCE, UNKNOWN)]
    return Line([Cell(claim.text), Cell(marked(verdict(cases), rests_on_unequal(cases))), *numbers, Cell(clearest)])


def pair_text(case: Case) -> str:
    """Return a known pair in words: its data set, its metric, and both rows with their values."""
    left, right = f"{case.left} {case.left_value:.4f}", f"{case.right} {case.right_value:.4f}"
    return f"{DATASETS[case.dataset]} {SHOWN[case.metric]}: {left}, {right}"


def cell_line(claim: Claim, case: Case, keys: str) -> Line:
    """Return the line of one pair; ``keys`` are those of its records."""
    texts = [claim.text, DATASETS[case.dataset], SHOWN[case.metric], case.left, number(case.left_value, ".4f")]
    texts += [case.right, number(case.right_value, ".4f"), small(case.p, ".4f"), marked(case.says, case.unequal)]
    return Line([*map(Cell, texts)], about={"dataset": case.dataset}, keys=keys)
