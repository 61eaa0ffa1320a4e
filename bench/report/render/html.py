"""Renders the whole report as one HTML page that loads nothing: tables, figures, and an index of the records."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.report.evidence import Evidence
from bench.report.model import Block, Figure, Page, Question, Table
from bench.report.render.choice import FILTERS, Choice, column_tags
from bench.report.render.details import details
from bench.report.render.svg import inline
from bench.report.render.verdicts import cards
from bench.report.sections import authors, claims, records, reproduction
from bench.report.terms import TERMS, term
from bench.store.store import Store

PLACE = Path(__file__).parent  # the folder of the template, the style and the scripts
SCRIPTS = ("report.js", "report.record.js")
ABOUT = {  # the line below the heading of each question that needs one
    Question.COMPARISON: "Which model is best, and how near are the values to the paper's?",
    Question.COMPONENTS: "What does each part of a model contribute?",
    Question.LAYERS: "How many layers are best?",
    Question.CHANCE: "Which differences are more than chance, test case by test case?",
    Question.PROTOCOL: "Do the models keep their order under another ranking or another protocol?",
    Question.CONTENT: "What becomes of the values when the items' content is taken away, and what does content decide?",
    Question.WHOM: "For which users and items is a model good?",
    Question.COST: "How many seconds, how much memory, and how does quality grow with them?",
    Question.DATA: "What are the models trained and tested on?",
    Question.RECORDS: "What every number of this page is made from.",
}

Files = Mapping[str, Mapping[str, bytes]]  # name of the page to ending to content


def html(found: Sequence[Page], evidence: Evidence, *, folder: Path, files: Files) -> str:
    """Return the HTML page for ``folder``, from which its links start, with links to the ``files`` of each table and
    figure; the SVG of a figure is embedded."""
    store, root, choice = Store(evidence.results), folder.resolve(), Choice(found, evidence)
    views = [view(page, choice, files.get(page.name, {}), place) for place, page in enumerate(found)]
    index = records.table(evidence)
    views.append({"page": index, "tags": {}, "grids": index.blocks, "files": [], "drawing": ""})
    paths = {record.key: link(store.path(record.job), root) for record in evidence.records}
    place_of = {key: str(place) for place, key in enumerate(sorted(paths))}
    return template().render(
        about=ABOUT,
        questions={question: [view for view in views if view["page"].question is question] for question in Question},
        filters=FILTERS,
        choice=choice,
        cards=cards(evidence),
        further=[
            ("reproduction", reproduction.sentences(evidence)),
            ("authors", authors.sentences(evidence)),
            ("claims", claims.sentences(evidence)),
        ],
        index=index,
        counts=counts(evidence),
        paths=paths,
        places=lambda keys: " ".join(place_of[key] for key in keys.split() if key in place_of),
        data={"first": choice.at_first, "possible": choice.possible, **details(evidence)},
        terms=used_terms([block for view in views for block in view["grids"]]),
        css=Markup((PLACE / "report.css").read_text(encoding="utf-8")),
        js=Markup("\n".join((PLACE / name).read_text(encoding="utf-8") for name in SCRIPTS)),
    )


def template():
    loader = FileSystemLoader(PLACE)
    options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    environment = Environment(loader=loader, **options)
    environment.filters |= {"column_tags": column_tags, "left": left, "term": term}
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":"), "allow_nan": False}
    return environment.get_template("report.html.j2")


def view(page: Page, choice: Choice, files: Mapping[str, bytes], place: int) -> dict[str, Any]:
    """Return all that the HTML page shows of ``page``, which has ``files`` by their ending and stands at ``place``."""
    return {
        "page": page,
        "tags": choice.page_tags(page),
        "grids": [] if isinstance(page, Figure) else grids(page),
        "files": [f"{page.path}.{ext}" for ext in files],
        "drawing": Markup(inline(files["svg"], name=f"f{place}", title=page.title) if "svg" in files else ""),
    }


def left(block: Block) -> str:
    """Return the classes of a table that align its columns of names after the first to the left."""
    return " ".join(f"left-{n}" for n, column in enumerate(block.columns, 1) if n > 1 and column.kind == "name")


def grids(table: Table) -> list[Block]:
    """Return the blocks of ``table``, each with a title, the cost last."""
    titled = [block if block.title else replace(block, title=table.title) for block in table.blocks]
    return titled + ([replace(table.cost, title="Cost", is_detail=True)] if table.cost else [])


def link(path: Path, start: Path) -> str:
    """Return the relative URL of ``path`` for a page in the folder ``start``."""
    return quote(Path(os.path.relpath(path.resolve(), start)).as_posix())


def counts(evidence: Evidence) -> list[tuple[str, str]]:
    """Return the numbers of records, data sets, models, protocols and budgets, and the time, each with its label."""
    rows = evidence.every
    states = ", ".join(f"{n} {status}" for status, n in rows["status"].value_counts().sort_index().items())
    columns = {"Data sets": "dataset", "Models": "model", "Protocols": "protocol", "Budgets": "budget"}
    numbers = [(label, str(rows[column].nunique())) for label, column in columns.items()]
    return [("Records", f"{len(rows)} ({states})"), *numbers, ("Time of all jobs", evidence.hours)]


def used_terms(blocks: Sequence[Block]) -> dict[str, tuple[int, str]]:
    """Return the place and the text of each term that explains a column of the page or a line of %Imp."""
    names = {term(column) for block in blocks for column in block.columns}
    names |= {line.cells[0].text for block in blocks for line in block.lines if line.is_foot}
    return {name: (place, text) for place, (name, text) in enumerate(TERMS.items()) if name in names}
