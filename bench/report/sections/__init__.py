"""Everything that a report shows, in its order; a section adds one line here."""

from collections.abc import Callable

from bench.report.evidence import Evidence
from bench.report.model import Page, Question
from bench.report.sections import (
    answer,
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


DRAWN = (curves.pages, cost.pages, sensitivity.pages, content_use.pages, answer.pages, studies.pages)  # have figures


def pages(evidence: Evidence, *, tell: Callable[[Page], None] = lambda page: None) -> list[Page]:
    """The tables and figures that the records allow, by question; ``tell`` is told of each as soon as it is made.

    Those with figures come first, and of these the longest to draw and the soonest made, so that the figures are drawn
    while tables are made.
    """
    made = {}
    for section in dict.fromkeys([*DRAWN, *SECTIONS]):
        made[section] = section(evidence)
        for page in made[section]:
            tell(page)
    found = [page for section in SECTIONS for page in made[section]]
    return sorted(found, key=lambda page: list(Question).index(page.question))
