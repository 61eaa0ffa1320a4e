"""Everything that a report shows, in its order; a part adds one line here."""

from collections.abc import Callable

from bench.report import claim, costs, curves, knockouts, sensitivity, significance, slices, studies, tables
from bench.report.evidence import Evidence
from bench.report.layout import Page

PARTS: tuple[Callable[[Evidence], list[Page]], ...] = (
    tables.contents,
    significance.contents,
    studies.contents,
    sensitivity.contents,
    slices.contents,
    knockouts.contents,
    claim.contents,
    curves.contents,
    costs.contents,
)


def contents(evidence: Evidence, *, tell: Callable[[Page], None] = lambda page: None) -> list[Page]:
    """The tables and figures that the records allow; ``tell`` is told of each as soon as it is made."""
    found = []
    for part in reversed(PARTS):  # figures are in the last ones: they may be drawn while the tables are made
        pages = part(evidence)
        for page in pages:
            tell(page)
        found = pages + found
    return found
