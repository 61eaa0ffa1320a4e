"""The answer as the page opens with it: a card for each data set, and in it a verdict for each way to ask."""

from dataclasses import dataclass, field

from bench.report.evidence import Evidence
from bench.report.render.choice import BEST, Tags, tags
from bench.report.rows import DATASETS
from bench.report.sections.answer import BEATS, LEVEL, LOSES, NOT_ASKED, answers, details

TONES = {BEATS: "good", LOSES: "bad", LEVEL: "even", NOT_ASKED: "none"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One row on one data set.

    Attributes:
        where: protocol and ranking.
        tone: good, bad, even, mixed or none.
        details: what stands behind it.
    """

    row: str
    text: str
    where: list[str]
    tone: str
    tags: Tags
    keys: str
    details: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Card:
    dataset: str
    features: str
    tags: Tags
    verdicts: list[Verdict]


def cards(evidence: Evidence) -> list[Card]:
    """In the order of the answers; what could not be asked stands last, once for each reason."""
    groups: dict[tuple[str, str], list[dict]] = {}
    for one in answers(evidence):
        groups.setdefault((one["dataset"], one["features"]), []).append(one)
    return [
        Card(
            dataset=DATASETS.get(dataset, dataset),
            features=features,
            tags=tags(dataset=[dataset], features=[features]),
            verdicts=[asked(one) for one in found if one["found"]] + unasked(found),
        )
        for (dataset, features), found in groups.items()
    ]


def asked(one: dict) -> Verdict:
    return Verdict(
        row=one["row"],
        text=one["text"],
        where=[", ".join(filter(None, (one["protocol"], one["ranking"])))],
        tone=TONES.get(one["verdict"], "mixed"),
        tags=about([one]),
        keys=one["keys"],
        details=details(one),
    )


def unasked(found: list[dict]) -> list[Verdict]:
    reasons: dict[tuple[str, str], list[dict]] = {}
    for one in found:
        if not one["found"]:
            reasons.setdefault((one["row"], one["text"]), []).append(one)
    return [
        Verdict(
            row=row,
            text=text,
            where=[", ".join((one["protocol"], one["ranking"])) for one in some if one["protocol"]],
            tone=TONES[NOT_ASKED],
            tags=about(some),
            keys="",
        )
        for (row, text), some in reasons.items()
    ]


def about(some: list[dict]) -> Tags:
    names = {name: [one[name] for one in some] for name in ("protocol", "ranking")}
    budgets = [one["budget"] for one in some if one["budget"]]
    return tags(**names, budget=[*budgets, BEST] if budgets else [])
