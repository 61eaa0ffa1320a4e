"""The sections of a report. A new section has to be added to SECTIONS."""

from collections.abc import Callable

from bench.report.evidence import Evidence
from bench.report.model import Page, Question
from bench.report.sections import (
    answer,
    authors,
    claims,
    comparison,
    content_use,
    cost,
    curves,
    cutoffs,
    knockouts,
    reproduction,
    sensitivity,
    significance,
    slices,
    studies,
)

# in the order that the pages of one question have
SECTIONS: tuple[Callable[[Evidence], list[Page]], ...] = (
    curves.pages,
    cost.pages,
    sensitivity.pages,
    knockouts.pages,
    content_use.pages,
    answer.pages,
    studies.pages,
    reproduction.pages,
    authors.pages,
    claims.pages,
    comparison.pages,
    cutoffs.pages,
    significance.pages,
    slices.pages,
)


def pages(evidence: Evidence) -> list[Page]:
    """Return the tables and figures that the records allow, in the order of the questions that they answer."""
    made = [page for section in SECTIONS for page in section(evidence)]
    return sorted(made, key=lambda page: list(Question).index(page.question))
