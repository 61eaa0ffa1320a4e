"""The whole report as one HTML page that asks no network for anything: tables, figures, an index of the records."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.report import records
from bench.report.evidence import Evidence
from bench.report.layout import Page
from bench.report.paper import DATASETS
from bench.report.summary import blocks
from bench.report.views import FILTERS, Files, View, data_sets, grids, token, view
from bench.spec import RANKINGS, SHOWN
from bench.store.store import Store, frame

PLACE = Path(__file__).parent  # of report.html.j2, report.css and report.js


def html(found: Sequence[Page], evidence: Evidence, *, folder: Path, files: Files) -> str:
    """The page. Equal records give equal bytes.

    Args:
        folder: where the page will lie; links to records start there.
        files: of each table and figure, which offers them; a figure's SVG stands in the page as well.
    """
    rows = frame(evidence.records)
    names = data_sets(rows)
    listed = records.index(evidence)
    views = [view(page, rows, names, files.get(page.name, {})) for page in found]
    store, root = Store(evidence.results), folder.resolve()
    return template().render(
        views=views,
        listed=View(page=listed, tags={}, facts=[], grids=grids(listed, names), files=[]),
        filters=[(name, label, choices(name, rows, views)) for name, label in FILTERS.items()],
        counts=counts(rows),
        paths={r.key: link(store.path(r.job), root) for r in evidence.records},
        css=Markup((PLACE / "report.css").read_text(encoding="utf-8")),
        js=Markup((PLACE / "report.js").read_text(encoding="utf-8")),
    )


def template():
    loader = FileSystemLoader(PLACE)
    options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    return Environment(loader=loader, **options).get_template("report.html.j2")


def link(path: Path, start: Path) -> str:
    """``path`` as a page in ``start`` names it."""
    return quote(Path(os.path.relpath(path.resolve(), start)).as_posix())


def choices(name: str, rows: pd.DataFrame, views: Sequence[View]) -> list[tuple[str, str]]:
    """The token and the text of every choice that a filter offers."""
    if name == "dataset":
        return [(token(one), DATASETS.get(one, one)) for one in dict.fromkeys(one for one, _ in blocks(rows))]
    if name in rows:
        return [(token(one), one) for one in sorted(rows[name].unique())]
    shown = {column.name for view in views for grid in view.grids for column in grid.columns}
    shown |= {view.page.ranking for view in views}
    return [(token(one), one) for one in (SHOWN.values() if name == "metric" else RANKINGS) if one in shown]


def counts(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """What the report is made from, in the page's head."""
    states = ", ".join(f"{n} {status}" for status, n in rows["status"].value_counts().sort_index().items())
    numbers = {"Data sets": "dataset", "Models": "model", "Protocols": "protocol", "Budgets": "budget"}
    return [("Records", f"{len(rows)} ({states})")] + [
        (label, str(rows[of].nunique())) for label, of in numbers.items()
    ]
