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


def pages(evidence: Evidence, *, tell: Callable[[Page], None] = lambda page: None) -> list[Page]:
    """The tables and figures that the records allow, by question; ``tell`` is told of each as soon as it is made."""
    found = []
    for section in reversed(SECTIONS):  # figures are in the last ones: they may be drawn while the tables are made
        own = section(evidence)
        for page in own:
            tell(page)
        found = own + found
    return sorted(found, key=lambda page: list(Question).index(page.question))
