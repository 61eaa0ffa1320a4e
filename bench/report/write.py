"""Tables out: files below a folder, and the text that a run prints at its end."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import cpu_count

from bench.files import try_writing, write_whole, writing
from bench.report import costs, knockouts, studies
from bench.report.contents import contents
from bench.report.evidence import Evidence
from bench.report.html import html
from bench.report.layout import Figure, Page, Table
from bench.report.render import csv, figure_page, latex, markdown, text
from bench.report.summary import standing
from bench.report.tables import Signs, tables
from bench.report.variants import without_variants
from bench.report.views import Files
from bench.spec import BenchError
from bench.store.record import Record
from bench.store.store import Store
from bench.studies import find

FORMATS = {"md": markdown, "tex": latex, "csv": csv}
INDEX = "index.md"
TITLE = "# Reports"
PAGE = "report.html"
DRAWERS = 8  # processes at most: all of them start with the first figure


def write(evidence: Evidence, folder: Path, *, ours: str = "MCLN") -> list[Path]:
    """Write each table as Markdown, LaTeX and CSV, each figure as pictures, Markdown and CSV, all of them as one HTML
    page, and the index; what the last index named and this one does not is removed.

    Equal records give equal bytes.

    Raises:
        BenchError: when the folder cannot be written.
    """
    with ProcessPoolExecutor(min(cpu_count(), DRAWERS)) as others:
        drawn = {}

        def draw(page: Page) -> None:
            if isinstance(page, Figure):
                drawn[page.name] = others.submit(pictures, page.draw, page.data)

        found = contents(evidence, tell=draw)
        files = {page.name: forms(page, drawn) for page in found}
    pages = {f"{name}.{ext}": whole for name, page in files.items() for ext, whole in page.items()}
    if found:
        pages[PAGE] = html(found, evidence, folder=folder, files=files).encode()
    pages[INDEX] = index(found, files, evidence.records).encode()
    check_writable(folder)
    old = folder / INDEX
    with writing_to(folder):
        text = old.read_text(encoding="utf-8", errors="replace") if old.exists() else ""
        if text and not text.startswith(TITLE):
            raise BenchError(f"{old} is no index of reports and stays as it is; choose another folder with --reports")
        named = set(re.findall(r"\]\(([^)/]+)\)", text))
        for name, page in pages.items():
            write_whole(folder / name, lambda path, page=page: Path(path).write_bytes(page))
        for name in named - set(pages):
            (folder / name).unlink(missing_ok=True)
    return [folder / name for name in pages]


def rebuild(results: Path, reports: Path, *, ours: str = "MCLN") -> str:
    """Every table and figure again, from the records alone; says what it did.

    Raises:
        BenchError: where there is no record: old reports are not made empty by a slip of the hand.
    """
    records = Store(results).records()
    if not records:
        raise BenchError(f"no records in {results}; give the folder that has them with --results")
    paths = write(Evidence(records, results), reports, ours=ours)
    return f"{len(paths)} report files in {reports} from {len(records)} records"


def pictures(draw: Callable[[pd.DataFrame], Any], data: pd.DataFrame) -> dict[str, bytes]:
    """The figure in each format, in a process of its own: drawing takes longer than all else in a report."""
    from bench.report import drawing  # here, since matplotlib takes a second to import

    return drawing.pictures(draw, data)


def forms(page: Page, drawn: dict[str, Future]) -> dict[str, bytes]:
    """The files of one table or figure, by their ending."""
    if isinstance(page, Figure):
        return {"md": figure_page(page).encode(), **drawn[page.name].result(), "csv": csv(page).encode()}
    return {ext: show(page).encode() for ext, show in FORMATS.items()}


def check_writable(folder: Path) -> None:
    """Fail before any work is done, not after."""
    with writing_to(folder):
        try_writing(folder)


def writing_to(folder: Path) -> AbstractContextManager[None]:
    return writing(f"reports folder {folder}", remedy="choose another with --reports")


def index(found: list[Page], files: Files, records: list[Record]) -> str:
    """The list of tables and figures, with their files and what they were made from."""
    counts = [f"{sum(r.status == status for r in records)} {status}" for status in ("done", "failed", "skipped")]
    lines = [TITLE, "", f"Made from {len(records)} records: {', '.join(counts)}.", ""]
    lines += [f"All of it on one page, to be sorted and filtered: [{PAGE}]({PAGE}).", ""] if found else []
    for page in found:
        links = ", ".join(f"[{ext}]({page.name}.{ext})" for ext in files[page.name])
        lines.append(f"- {page.title}: {links} ({len(page.keys)} records)")
    return "\n".join(lines).rstrip() + "\n"


def console(
    frame: pd.DataFrame,
    *,
    ranking: str | None = None,
    names: Sequence[str] = ("table2",),
    signs: Signs | None = None,
    ours: str = "MCLN",
) -> str:
    """The tables of the studies ``names`` as plain text, of one ranking where asked; * is the best value, + the second.

    Table 2 shows all records it is given, unless another study's are among them.
    """
    asked = find(names)
    varied = [study for study in asked if study.variants]
    rest = without_variants(standing(frame)) if varied else standing(frame)
    found = tables(rest, signs=signs) if {"table2", "learning-curves"} & {study.name for study in asked} else []
    for study in varied:
        found += studies.tables(frame, study)
    if "cost" in [study.name for study in asked]:
        found += [page for page in costs.pages(rest) if isinstance(page, Table)]
    found += knockouts.tables(frame)
    shown = [table for table in found if ranking is None or table.ranking in ("", ranking)]
    return "\n".join(map(text, shown)) or "No records.\n"
