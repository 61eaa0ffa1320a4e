"""The whole report as one HTML page that asks no network for anything: tables, figures, an index of the records."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.report.evidence import Evidence
from bench.report.model import Block, Column, Figure, Line, Page, Table
from bench.report.prose import seeds
from bench.report.render.svg import inline
from bench.report.rows import DATASETS, blocks, heading
from bench.report.sections import records
from bench.spec import RANKINGS, SHOWN
from bench.store.store import Store

PLACE = Path(__file__).parent  # of report.html.j2, report.css and report.js
FILTERS = {"dataset": "Data set", "metric": "Metric", "protocol": "Protocol", "budget": "Budget", "ranking": "Ranking"}

Files = Mapping[str, Mapping[str, bytes]]  # by the page's name and their ending
Tags = dict[str, str]  # data attributes: what of the filters an element is about


@dataclass(frozen=True, kw_only=True)
class View:
    """A table or a figure with all that the page says of it; ``facts`` are terms and their texts."""

    page: Page
    tags: Tags
    facts: list[tuple[str, str]]
    grids: list[Block]
    files: list[str]
    drawing: Markup = Markup()


def html(found: Sequence[Page], evidence: Evidence, *, folder: Path, files: Files) -> str:
    """The page. Equal records give equal bytes.

    Args:
        folder: where the page will lie; links to records start there.
        files: of each table and figure, which offers them; a figure's SVG stands in the page as well.
    """
    rows, store, root = evidence.every, Store(evidence.results), folder.resolve()
    views = [view(page, rows, files.get(page.name, {})) for page in found]
    listed = records.table(evidence)
    return template().render(
        views=views,
        listed=View(page=listed, tags={}, facts=[], grids=listed.blocks, files=[]),
        filters=[(name, label, choices(name, rows, views)) for name, label in FILTERS.items()],
        counts=counts(rows),
        paths={record.key: link(store.path(record.job), root) for record in evidence.records},
        css=Markup((PLACE / "report.css").read_text(encoding="utf-8")),
        js=Markup((PLACE / "report.js").read_text(encoding="utf-8")),
    )


def template():
    loader = FileSystemLoader(PLACE)
    options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    environment = Environment(loader=loader, **options)
    environment.filters |= {"block_tags": block_tags, "column_tags": column_tags, "line_tags": line_tags}
    return environment.get_template("report.html.j2")


def view(page: Page, rows: pd.DataFrame, files: Mapping[str, bytes]) -> View:
    """``page`` with what its records say of it, and its ``files`` by their ending."""
    own = rows[rows["key"].isin(page.keys)]
    about = {"dataset": list(own["dataset"])}
    if page.budget:
        about |= {"protocol": list(own["protocol"]), "budget": list(own["budget"]), "ranking": [page.ranking]}
    is_figure = isinstance(page, Figure)
    return View(
        page=page,
        tags=tags(**about),
        facts=facts(page, own),
        grids=[] if is_figure else grids(page),
        files=[f"{page.path}.{ext}" for ext in files],
        drawing=Markup(inline(files["svg"], name=page.name, title=page.title) if "svg" in files else ""),
    )


def grids(table: Table) -> list[Block]:
    """Its blocks, each with a title, the cost last."""
    found = [block if block.title else replace(block, title=table.title) for block in table.blocks]
    return found + ([replace(table.cost, title="Cost")] if table.cost else [])


def facts(page: Page, own: pd.DataFrame) -> list[tuple[str, str]]:
    """Protocol, budget, ranking, features and seeds of a page's ``own`` records."""
    said = [("Data", ", ".join(map(heading, blocks(own))))]
    if page.budget and len(own):
        named = [(FILTERS[name], ", ".join(sorted(set(own[name])))) for name in ("protocol", "budget")]
        said = [*named, ("Ranking", page.ranking), *said, ("Seeds", seeds(own))]
    return [(term, text) for term, text in said if text]


def tags(**values: Sequence[str]) -> Tags:
    """Data attributes: names apart by spaces, so none may be inside a name."""
    found = {name: " ".join(sorted({token(value) for value in some if value})) for name, some in values.items()}
    return {f"data-{name}": text for name, text in found.items() if text}


def block_tags(block: Block) -> Tags:
    return tags(dataset=[block.dataset])


def column_tags(column: Column) -> Tags:
    """Of each of its cells: whether it is a number, which is set to the right and sorted by value; its metric."""
    return ({"class": "n"} if column.kind == "number" else {}) | tags(metric=[column.metric])


def line_tags(line: Line) -> Tags:
    return tags(**{name: [value] for name, value in line.about.items()})


def token(name: str) -> str:
    return quote(name, safe="@")


def link(path: Path, start: Path) -> str:
    """``path`` as a page in ``start`` names it."""
    return quote(Path(os.path.relpath(path.resolve(), start)).as_posix())


def choices(name: str, rows: pd.DataFrame, views: Sequence[View]) -> list[tuple[str, str]]:
    """The token and the text of every choice that a filter offers."""
    if name == "dataset":
        return [(token(one), DATASETS.get(one, one)) for one in dict.fromkeys(one for one, _ in blocks(rows))]
    if name in rows:
        return [(token(one), one) for one in sorted(rows[name].unique())]
    shown = {column.metric for view in views for grid in view.grids for column in grid.columns}
    shown |= {view.page.ranking for view in views}
    return [(token(one), one) for one in (SHOWN.values() if name == "metric" else RANKINGS) if one in shown]


def counts(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """What the report is made from, in the page's head."""
    states = ", ".join(f"{n} {status}" for status, n in rows["status"].value_counts().sort_index().items())
    numbers = {"Data sets": "dataset", "Models": "model", "Protocols": "protocol", "Budgets": "budget"}
    return [("Records", f"{len(rows)} ({states})")] + [
        (label, str(rows[of].nunique())) for label, of in numbers.items()
    ]
