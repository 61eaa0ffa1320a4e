"""The answer at the top of the HTML page: a card for each data set, with a verdict for each protocol and ranking."""

from typing import Any

from bench.report.answers import BEATS, LEVEL, LOSES, NOT_ASKED, Answer, answers
from bench.report.evidence import Evidence
from bench.report.render.choice import BEST, tags
from bench.report.rows import DATASETS
from bench.report.sections.answer import details

TONES = {BEATS: "good", LOSES: "bad", LEVEL: "even", NOT_ASKED: "none"}


def cards(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the cards in the order of the answers, each with its answers without a verdict last, one per reason."""
    groups: dict[tuple[str, str], list[Answer]] = {}
    for answer in answers(evidence):
        groups.setdefault((answer.dataset, answer.features), []).append(answer)
    return [
        {
            "dataset": DATASETS.get(dataset, dataset),
            "features": features,
            "tags": tags(dataset=[dataset], features=[features]),
            "verdicts": [verdict(same) for same in alike(group)],
        }
        for (dataset, features), group in groups.items()
    ]


def alike(group: list[Answer]) -> list[list[Answer]]:
    """Return each answer with a verdict alone, then those of one row that lack one for the same reason together."""
    by_text: dict[tuple[str, str], list[Answer]] = {}
    for answer in group:
        if not answer.tests:
            by_text.setdefault((answer.row, answer.text), []).append(answer)
    return [[answer] for answer in group if answer.tests] + list(by_text.values())


def verdict(same: list[Answer]) -> dict[str, Any]:
    """Return one verdict for answers that are ``alike``: its words, its places and the numbers behind it."""
    first = same[0]
    names = {name: [getattr(answer, name) for answer in same] for name in ("protocol", "ranking", "budget")}
    names["budget"] += [BEST] if any(names["budget"]) else []
    return {
        "row": first.row,
        "text": first.text,
        "where": [f"{answer.protocol}, {answer.ranking}" for answer in same if answer.protocol],
        "tone": TONES.get(first.verdict, "mixed"),
        "tags": tags(**names),
        "records": first.keys,
        "details": details(first) if first.tests else [],
    }
