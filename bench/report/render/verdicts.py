"""The answer at the top of the HTML page: a card for each data set, with a verdict for each protocol and ranking."""

from dataclasses import dataclass

from bench.report.answers import BEATS, LEVEL, LOSES, NOT_ASKED, Answer, answers
from bench.report.evidence import Evidence
from bench.report.render.choice import BEST, Tags, tags
from bench.report.rows import DATASETS
from bench.report.sections.answer import details

TONES = {BEATS: "good", LOSES: "bad", LEVEL: "even", NOT_ASKED: "none"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The verdict on one row on one data set.

    Attributes:
        where: protocol and ranking.
        tone: good, bad, even, mixed or none.
        details: the numbers behind the verdict.
    """

    row: str
    text: str
    where: list[str]
    tone: str
    tags: Tags
    keys: str
    details: list[str]


@dataclass(frozen=True, kw_only=True)
class Card:
    dataset: str
    features: str
    tags: Tags
    verdicts: list[Verdict]


def cards(evidence: Evidence) -> list[Card]:
    """Return the cards in the order of the answers, each with its answers without a verdict last, one per reason."""
    groups: dict[tuple[str, str], list[Answer]] = {}
    for answer in answers(evidence):
        groups.setdefault((answer.dataset, answer.features), []).append(answer)
    return [
        Card(
            dataset=DATASETS.get(dataset, dataset),
            features=features,
            tags=tags(dataset=[dataset], features=[features]),
            verdicts=[verdict(same) for same in alike(group)],
        )
        for (dataset, features), group in groups.items()
    ]


def alike(group: list[Answer]) -> list[list[Answer]]:
    """Return each answer with a verdict alone, then those of one row that lack one for the same reason together."""
    by_text: dict[tuple[str, str], list[Answer]] = {}
    for answer in group:
        if not answer.tests:
            by_text.setdefault((answer.row, answer.text), []).append(answer)
    return [[answer] for answer in group if answer.tests] + list(by_text.values())


def verdict(same: list[Answer]) -> Verdict:
    """Return one verdict for answers that are ``alike``."""
    first = same[0]
    names = {name: [getattr(answer, name) for answer in same] for name in ("protocol", "ranking", "budget")}
    names["budget"] += [BEST] if any(names["budget"]) else []
    return Verdict(
        row=first.row,
        text=first.text,
        where=[f"{answer.protocol}, {answer.ranking}" for answer in same if answer.protocol],
        tone=TONES.get(first.verdict, "mixed"),
        tags=tags(**names),
        keys=first.keys,
        details=details(first) if first.tests else [],
    )
