"""The answer at the top of the HTML page: a card for each data set, with a verdict for each protocol and ranking."""

from dataclasses import dataclass, field

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
    details: list[str] = field(default_factory=list)


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
            verdicts=[asked(answer) for answer in group if answer.tests] + unasked(group),
        )
        for (dataset, features), group in groups.items()
    ]


def asked(answer: Answer) -> Verdict:
    return Verdict(
        row=answer.row,
        text=answer.text,
        where=[f"{answer.protocol}, {answer.ranking}"],
        tone=TONES.get(answer.verdict, "mixed"),
        tags=about([answer]),
        keys=answer.keys,
        details=details(answer),
    )


def unasked(group: list[Answer]) -> list[Verdict]:
    """Return one verdict for each row and reason why there is no answer."""
    by_text: dict[tuple[str, str], list[Answer]] = {}
    for answer in group:
        if not answer.tests:
            by_text.setdefault((answer.row, answer.text), []).append(answer)
    return [
        Verdict(
            row=row,
            text=text,
            where=[f"{answer.protocol}, {answer.ranking}" for answer in same if answer.protocol],
            tone=TONES[NOT_ASKED],
            tags=about(same),
            keys="",
        )
        for (row, text), same in by_text.items()
    ]


def about(group: list[Answer]) -> Tags:
    """Return the tags of a verdict that stands for all answers of ``group``."""
    names = {name: [getattr(answer, name) for answer in group] for name in ("protocol", "ranking")}
    budgets = [answer.budget for answer in group if answer.budget]
    return tags(**names, budget=[*budgets, BEST] if budgets else [])
