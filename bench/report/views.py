"""What the HTML page shows of a table or figure: what of the filters each part is about, which columns are numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup

from bench.report.layout import EMPTY, Block, Cell, Figure, Page, Table
from bench.report.paper import DATASETS, IMPROVEMENT, heading
from bench.report.prose import seeds
from bench.report.summary import blocks
from bench.report.svg import inline
from bench.spec import SHOWN

NUMBER = re.compile(r"[<≤]?[+-]?\d[\d,]*(\.\d+)?(e[+-]?\d+)?%?( ± [\d.]+)?\W*")  # and marks behind it
DETAILS = ("paper", "diff.")  # columns that belong to the metric before them
FILTERS = {"dataset": "Data set", "metric": "Metric", "protocol": "Protocol", "budget": "Budget", "ranking": "Ranking"}
LINES = {"Data set": "dataset", "Protocol": "protocol", "Budget": "budget"}  # columns by which lines are filtered

Files = Mapping[str, Mapping[str, bytes]]  # by the page's name and their ending
Tags = dict[str, str]  # data attributes: what of the filters an element is about


class Column(NamedTuple):
    """``attributes`` stand at each of its cells: a class that says that it holds numbers, its metric."""

    name: str
    attributes: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A block ready to be sorted and filtered: ``foot`` holds the lines that stay below the others."""

    title: str
    tags: Tags
    columns: list[Column]
    body: list[tuple[Tags, list[Cell]]]
    foot: list[tuple[Tags, list[Cell]]]


@dataclass(frozen=True, kw_only=True)
class View:
    """A table or a figure with all that the page says of it; ``facts`` are terms and their texts."""

    page: Page
    tags: Tags
    facts: list[tuple[str, str]]
    grids: list[Grid]
    files: list[str]
    drawing: Markup = Markup()


def data_sets(rows: pd.DataFrame) -> dict[str, str]:
    """What tables call a data set, or a data set with its features, to the data set."""
    found = blocks(rows)
    return {DATASETS.get(name, name): name for name, _ in found} | {heading(block): block[0] for block in found}


def view(page: Page, rows: pd.DataFrame, names: Tags, files: Mapping[str, bytes]) -> View:
    """``page`` with what its records say of it, and its ``files`` by their ending."""
    own = rows[rows["key"].isin(page.keys)]
    said = {"dataset": list(own["dataset"])}
    if not page.is_of_data:
        said |= {"protocol": list(own["protocol"]), "budget": list(own["budget"]), "ranking": [page.ranking]}
    is_figure = isinstance(page, Figure)
    return View(
        page=page,
        tags=tags(**said),
        facts=facts(page, own),
        grids=[] if is_figure else grids(page, names),
        files=[f"{page.name}.{ext}" for ext in files],
        drawing=Markup(inline(files["svg"], name=page.name, title=page.title) if is_figure else ""),
    )


def facts(page: Page, own: pd.DataFrame) -> list[tuple[str, str]]:
    """Protocol, budget, ranking, features and seeds of a page's ``own`` records."""
    said = [("Data", ", ".join(map(heading, blocks(own))))]
    if not page.is_of_data and len(own):
        named = [(FILTERS[name], ", ".join(sorted(set(own[name])))) for name in ("protocol", "budget")]
        said = [*named, ("Ranking", page.ranking), *said, ("Seeds", seeds(own))]
    return [(term, text) for term, text in said if text]


def tags(**values: Sequence[str]) -> Tags:
    """Data attributes: names apart by spaces, so none may be inside a name."""
    found = {name: " ".join(sorted({token(value) for value in some if value})) for name, some in values.items()}
    return {f"data-{name}": text for name, text in found.items() if text}


def token(name: str) -> str:
    return quote(name, safe="@")


def grids(table: Table, names: Tags) -> list[Grid]:
    """Its blocks, the cost last."""
    found = [grid(block, names, title=block.title or table.title) for block in table.blocks]
    return found + ([grid(table.cost, names, title="Cost")] if table.cost else [])


def grid(block: Block, names: Tags, *, title: str) -> Grid:
    metric, columns = "", []
    for place, name in enumerate(block.header):
        metric = name if name in SHOWN.values() else metric if name in DETAILS else ""
        is_right = is_number([line[place].text for line in block.lines])
        columns.append(Column(name, ({"class": "n"} if is_right else {}) | tags(metric=[metric])))
    lines = [(line_tags(block.header, line, names), line) for line in block.lines]
    return Grid(
        title=title,
        tags=tags(dataset=[names.get(block.title, "")]),
        columns=columns,
        body=[line for line in lines if line[1][0].text != IMPROVEMENT],
        foot=[line for line in lines if line[1][0].text == IMPROVEMENT],
    )


def is_number(texts: Sequence[str]) -> bool:
    """Whether a column holds numbers: it is then set to the right and sorted by value."""
    return all(NUMBER.fullmatch(text) for text in texts if text != EMPTY)


def line_tags(header: Sequence[str], line: Sequence[Cell], names: Tags) -> Tags:
    """What a line says of itself in the columns of ``LINES``."""
    said = {LINES[name]: cell.text for name, cell in zip(header, line, strict=True) if name in LINES}
    return tags(**{kind: [names.get(text, text) if kind == "dataset" else text] for kind, text in said.items()})
