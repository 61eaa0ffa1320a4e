"""What the paper says in words, held against the cells that its tables have: ours under its protocol."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import pandas as pd

from bench.report.boards import place_of_budget
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE, leaderboard
from bench.report.model import Block, Cell, Column, Line, Note, Table, number
from bench.report.rows import BASELINES, BLOCK, DATASETS
from bench.report.sections import studies
from bench.spec import SHOWN

METRICS = ("hr@5", "ndcg@5")  # those of all of the paper's tables
SUPPORTED, REFUTED, UNJUDGED = "supported", "refuted", "cannot be judged"

Values = Mapping[tuple[str, str, str, str], float]  # by table, data set, row and metric, as ``paper.Published``


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence of the paper: in ``table``, the first row of each pair has the higher value.

    Attributes:
        pairs: by data set; a data set that is not there is not spoken of.
    """

    text: str
    table: str
    pairs: Mapping[str, Sequence[tuple[str, str]]]

    def cases(self, values: Values) -> Iterator["Case"]:
        """Every pair in every metric, whether its values are known or not."""
        for dataset, pairs in self.pairs.items():
            for left, right in pairs:
                for metric in METRICS:
                    both = [values.get((self.table, dataset, row, metric)) for row in (left, right)]
                    yield Case(self.table, dataset, metric, left, right, *both)


class Case(NamedTuple):
    """Two cells of one table; a value is None where it is not known."""

    table: str
    dataset: str
    metric: str
    left: str
    right: str
    left_value: float | None
    right_value: float | None

    @property
    def holds(self) -> bool | None:
        is_known = self.left_value is not None and self.right_value is not None
        return self.left_value > self.right_value if is_known else None


def everywhere(*pairs: tuple[str, str], but: Mapping[str, Sequence[tuple[str, str]]] | None = None) -> dict:
    return {**{dataset: pairs for dataset in DATASETS}, **(but or {})}


def over(winners: Sequence[str], losers: Sequence[str]) -> list[tuple[str, str]]:
    return [(winner, loser) for winner in winners for loser in losers]


def peak(best: int, of: int) -> list[tuple[str, str]]:
    """The number of layers that is best, against all others."""
    names = {n: f"{n} layer{'s' * (n > 1)}" for n in range(1, of + 1)}
    return [(names[best], name) for n, name in names.items() if n != best]


PLAIN = ("BPRMF", "SVD++")
TEXT_AND_IMAGES = [("w/ T", "w/ V"), ("w/ T&CL", "w/ V&CL"), ("w/ T&ID&CL", "w/ V&ID&CL")]
CLAIMS = (
    Claim(
        text="Models with content beat BPRMF and SVD++.",
        table="table2",
        pairs=everywhere(*over(("VBPR", "MMGCN", "MGAT", "InvRL", "DMRL"), PLAIN)),
    ),
    Claim(
        text="Models that propagate over the graph beat BPRMF and SVD++.",
        table="table2",
        pairs=everywhere(*over(("NGCF", "LightGCN"), PLAIN)),
    ),
    Claim(
        text="LightGCN beats NGCF, MMGCN and MGAT.",
        table="table2",
        pairs=everywhere(*over(("LightGCN",), ("NGCF", "MMGCN", "MGAT"))),
    ),
    Claim(
        text="Text matters more than images on Beauty and Art.",
        table="table3",
        pairs=dict.fromkeys(("beauty", "art"), TEXT_AND_IMAGES),
    ),
    Claim(
        text="Counterfactual learning (CL) adds to every combination of modalities.",
        table="table3",
        pairs=everywhere(
            *((f"w/ {kind}&CL", f"w/ {kind}") for kind in ("V", "T", "V&T")), but={"taobao": [("w/ V&CL", "w/ V")]}
        ),
    ),
    Claim(
        text="The ID embedding (ID) adds a little.",
        table="table3",
        pairs=everywhere(
            *((f"w/ {kind}&ID&CL", f"w/ {kind}&CL") for kind in ("V", "T")),
            ("MCLN", "w/ V&T&CL"),
            but={"taobao": [("MCLN", "w/ V&CL")]},
        ),
    ),
    Claim(
        text="Intra-modal fusion alone beats inter-modal fusion alone.",
        table="table4",
        pairs=dict.fromkeys(("beauty", "art"), [("w/ intra-modal", "w/ inter-modal")]),
    ),
    Claim(
        text="MCLN beats every baseline.",
        table="table2",
        pairs=everywhere(*over(("MCLN",), BASELINES)),
    ),
    Claim(
        text="Counterfactual layers: 2 are best on Beauty and Art, 4 on Taobao.",
        table="table5",
        pairs=everywhere(*peak(2, 5), but={"taobao": peak(4, 5)}),
    ),
    Claim(
        text="Graph layers: 4 are best on Beauty, 5 on Art and Taobao.",
        table="figure4",
        pairs=everywhere(*peak(5, 6), but={"beauty": peak(4, 6)}),
    ),
)
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
    "Of several budgets and features of a data set those with the most values are taken, then the longest budget.",
]


def pages(evidence: Evidence) -> list[Table]:
    """One table of all claims, where any can be judged."""
    said, judged = sentences(evidence), judge(cells_of(evidence).to_dict())
    if not said:
        return []
    shown = [(claim, case) for claim, cases in judged for case in cases if case.holds is not None]
    keys = cells_of(evidence, "keys").to_dict()
    data = pd.DataFrame([{"claim": claim.text, **case._asdict(), "holds": case.holds} for claim, case in shown])
    places = [[(case.table, case.dataset, row, case.metric) for row in (case.left, case.right)] for _, case in shown]
    data = data.assign(keys=[" ".join(dict.fromkeys(" ".join(keys[p] for p in both).split())) for both in places])
    blocks = [
        Block(columns=COLUMNS, lines=[line(claim, cases) for claim, cases in judged]),
        Block(title="The cells behind them", columns=CELLS, lines=[cell_line(*one) for one in shown]),
    ]
    what = "Which claims of the paper hold?"
    return [Table(kind="claims", what=what, caption=said[0], blocks=blocks, notes=[*map(Note, NOTES)], data=data)]


def judge(values: Values) -> list[tuple[Claim, list[Case]]]:
    return [(claim, list(claim.cases(values))) for claim in CLAIMS]


def verdict(cases: Sequence[Case]) -> str:
    found = {case.holds for case in cases}
    if False in found:
        return REFUTED
    return SUPPORTED if True in found else UNJUDGED


def sentences(evidence: Evidence) -> list[str]:
    """How many claims stand how; nothing where none can be judged."""
    counts = Counter(verdict(cases) for _, cases in judge(cells_of(evidence).to_dict()))
    if counts[UNJUDGED] == len(CLAIMS):
        return []
    said = f"{counts[SUPPORTED]} supported, {counts[REFUTED]} refuted, {counts[UNJUDGED]} cannot be judged"
    return [f"Of {len(CLAIMS)} claims of the paper in words, by our means under its protocol: {said}."]


@lru_cache(maxsize=4)
def cells_of(evidence: Evidence, what: str = "mean") -> pd.Series:
    """Our cells under the paper's protocol by table, data set, row and metric; of the claims' metrics.

    Args:
        what: their ``mean``, or the ``keys`` of their records.
    """
    found = [leaderboard(evidence).assign(table="table2")]
    for study in evidence.studies:
        for page in studies.tables(evidence, study):
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
    return kept.set_index(["table", "dataset", "row", "metric"])[what]


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


def cell_line(claim: Claim, case: Case) -> Line:
    names = [claim.text, DATASETS[case.dataset], SHOWN[case.metric]]
    cells = [
        Cell(case.left),
        Cell(number(case.left_value, ".4f")),
        Cell(case.right),
        Cell(number(case.right_value, ".4f")),
    ]
    return Line([*map(Cell, names), *cells, Cell("yes" if case.holds else "no")], about={"dataset": case.dataset})
