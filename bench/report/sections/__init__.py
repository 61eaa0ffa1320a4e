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

# In the order in which they are made. Those that are quick to make and whose figures take long to draw stand first, so
# that the figures are drawn meanwhile. Within a question, this is the order of the page, too.
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


def pages(evidence: Evidence, *, tell: Callable[[Page], None] = lambda page: None) -> list[Page]:
    """Return the tables and figures that the records allow, in the order of the questions that they answer.

    ``tell`` is called with each page as soon as the page is made.
    """
    made = []
    for section in SECTIONS:
        for page in section(evidence):
            tell(page)
            made.append(page)
    return sorted(made, key=lambda page: list(Question).index(page.question))
