"""The claims that the paper makes in words, each as pairs of cells of its tables of which the first is the higher."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.report.paired import ALPHA
from bench.report.rows import BASELINES, DATASETS

METRICS = ("hr@5", "ndcg@5")  # the metrics that all tables of the paper have
SUPPORTED, REFUTED, UNDECIDED, UNJUDGED = "supported", "refuted", "undecided", "cannot be judged"
FOR, AGAINST, CHANCE, UNKNOWN = "for", "against", "no more than chance", "not known"  # what a pair says of a claim

Values = Mapping[tuple[str, str, str, str], float]  # (table, data set, row, metric) to value, as ``paper.Published``


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence of the paper: in ``table``, the first row of each pair has the higher value.

    Attributes:
        pairs: the pairs of rows by data set; the claim says nothing about a data set that is not there.
    """

    text: str
    table: str
    pairs: Mapping[str, Sequence[tuple[str, str]]]

    def cases(self, values: Values) -> Iterator["Case"]:
        """Yield every pair in every metric, whether its values are known or not."""
        for dataset, pairs in self.pairs.items():
            for left, right in pairs:
                for metric in METRICS:
                    left_value, right_value = (values.get((self.table, dataset, row, metric)) for row in (left, right))
                    yield Case(self.table, dataset, metric, left, right, left_value, right_value)


class Case(NamedTuple):
    """Two cells of one table; a value is None where it is not known, and p is NaN where no test was made.

    ``unequal`` names the conditions in which the records behind the two cells differ and must not.
    """

    table: str
    dataset: str
    metric: str
    left: str
    right: str
    left_value: float | None
    right_value: float | None
    p: float = math.nan  # of the hypothesis that the two do not differ, corrected for the claim's other pairs
    unequal: str = ""

    @property
    def is_known(self) -> bool:
        return self.left_value is not None and self.right_value is not None

    @property
    def says(self) -> str:
        """What the pair says about the claim; a pair without a test counts as no more than chance."""
        if not self.is_known:
            return UNKNOWN
        if not self.p < ALPHA:
            return CHANCE
        return FOR if self.left_value > self.right_value else AGAINST


def everywhere(*pairs: tuple[str, str], but: Mapping[str, Sequence[tuple[str, str]]] | None = None) -> dict:
    """Return ``pairs`` for each data set of the paper, except where ``but`` has other pairs for it."""
    return dict.fromkeys(DATASETS, pairs) | (but or {})


def over(winners: Sequence[str], losers: Sequence[str]) -> list[tuple[str, str]]:
    return [(winner, loser) for winner in winners for loser in losers]


def peak(best: int, of: int) -> list[tuple[str, str]]:
    """Return the pairs of the best number of layers with each other number from 1 to ``of``."""
    names = {n: f"{n} layer{'s' * (n > 1)}" for n in range(1, of + 1)}
    return [(names[best], name) for n, name in names.items() if n != best]


PLAIN = ("BPRMF", "SVD++")
MAIN = "MCLN beats every baseline of the paper."  # the claim that this benchmark asks about first
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
        text=MAIN,
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


def verdict(cases: Sequence[Case]) -> str:
    """Return the verdict on a claim: refuted where any pair is against it, supported where all known pairs are for it,
    impossible to judge where no pair is known, and undecided otherwise."""
    opinions = {case.says for case in cases} - {UNKNOWN}
    if AGAINST in opinions:
        return REFUTED
    if not opinions:
        return UNJUDGED
    return SUPPORTED if opinions == {FOR} else UNDECIDED


def rests_on_unequal(cases: Sequence[Case]) -> bool:
    """Whether any pair that decides the verdict is of records made under unequal conditions: the pairs against a claim
    decide that it is refuted, and all known pairs decide any other verdict."""
    deciding = {AGAINST} if verdict(cases) == REFUTED else {FOR, CHANCE}
    return any(case.unequal for case in cases if case.says in deciding)
