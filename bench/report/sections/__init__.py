"""The sections of a report, in their order. Add a new section to SECTIONS and, if it draws figures, to DRAWN."""

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

SECTIONS: tuple[Callable[[Evidence], list[Page]], ...] = (
    answer.pages,
    reproduction.pages,
    authors.pages,
    claims.pages,
    comparison.pages,
    cutoffs.pages,
    significance.pages,
    studies.pages,
    sensitivity.pages,
    slices.pages,
    knockouts.pages,
    content_use.pages,
    curves.pages,
    cost.pages,
)
# The sections with figures: those that are quick to make and whose figures take long to draw stand first.
DRAWN = (curves.pages, cost.pages, sensitivity.pages, content_use.pages, answer.pages, studies.pages)


def pages(evidence: Evidence, *, tell: Callable[[Page], None] = lambda page: None) -> list[Page]:
    """Return the tables and figures that the records allow, in the order of the questions that they answer.

    ``tell`` is called with each page as soon as the page is made. The sections in DRAWN are made first, so that their
    figures can be drawn while the other tables are made.
    """
    pages_of = {}
    for section in dict.fromkeys([*DRAWN, *SECTIONS]):
        pages_of[section] = section(evidence)
        for page in pages_of[section]:
            tell(page)
    in_order = [page for section in SECTIONS for page in pages_of[section]]
    return sorted(in_order, key=lambda page: list(Question).index(page.question))
