"""Tables out: files below a folder, and the text that a run prints at its end."""

import re
import sys
import textwrap
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.files import try_writing, write_whole, writing_reports
from bench.report import drawers
from bench.report.evidence import Evidence, Places
from bench.report.model import Figure, Page, Table
from bench.report.render.html import Files, html
from bench.report.render.latex import latex
from bench.report.render.text import csv, escaped, figure_page, markdown, text
from bench.report.rows import DATASETS
from bench.report.sections import answer, claims, comparison, cost, cutoffs, knockouts, pages, reproduction, studies
from bench.spec import RANKINGS, BenchError
from bench.store.store import Store

FORMATS = {"md": markdown, "tex": latex, "csv": csv}
INDEX = "index.md"
PAGE = "report.html"
TITLE = "# Reports"


def write(evidence: Evidence, folder: Path, others: Executor | None = None) -> list[Path]:
    """Write each table as Markdown, LaTeX and CSV, each figure as pictures, Markdown and CSV, all of them as one HTML
    page, and the index; what the last index named and this one does not is removed.

    Equal records give equal bytes.

    Args:
        others: the drawers, where they were started before.

    Raises:
        BenchError: when the folder cannot be written.
    """
    with drawers.quick(), others or drawers.start() as others:
        drawn = {}

        def draw(page: Page) -> None:
            if isinstance(page, Figure):
                drawn[page.name] = drawers.submit(others, page.plot, page.data)

        found = pages(evidence, tell=draw)
        tables_first = sorted(found, key=lambda page: isinstance(page, Figure))  # figures are drawn meanwhile
        files = {page.name: forms(page, drawn) for page in tables_first}
    wholes = {f"{page.path}.{ext}": whole for page in found for ext, whole in files[page.name].items()}
    if found:
        wholes[PAGE] = html(found, evidence, folder=folder, files=files).encode()
    wholes[INDEX] = index(found, files, evidence).encode()
    with writing_reports(folder):
        try_writing(folder)
        old = named(folder / INDEX)
        for name, whole in wholes.items():
            (folder / name).parent.mkdir(exist_ok=True)
            write_whole(folder / name, lambda path, whole=whole: Path(path).write_bytes(whole))
        for name in old - set(wholes):
            (folder / name).unlink(missing_ok=True)
            if name.count("/") and not any((folder / name).parent.glob("*")):
                (folder / name).parent.rmdir()
    return [folder / name for name in wholes]


def named(old: Path) -> set[str]:
    """The files that an index names.

    Raises:
        BenchError: where the file is no index of ours.
    """
    text = old.read_text(encoding="utf-8", errors="replace") if old.exists() else ""
    if text and not text.startswith(TITLE):
        raise BenchError(f"{old} is not an index of reports and stays as it is; choose another folder with --reports")
    return set(re.findall(r"\]\(((?:\w[\w.-]*/)?\w[\w.-]*)\)", text))


def rebuild(results: Path, reports: Path, *, others: Executor | None = None, **asked: Any) -> str:
    """Every table and figure again, from the records alone; says what it did.

    Args:
        others: as ``write`` has them.
        asked: as ``Evidence.of`` has them.

    Raises:
        BenchError: where there is no record, so that a mistyped folder does not empty the old reports.
    """
    evidence = Evidence.of(Store(results), **asked)
    if not evidence.records:
        raise BenchError(f"no records in {results}; give the folder that has them with --results")
    paths = write(evidence, reports, others)
    return f"{len(paths)} report files in {reports} from {len(evidence.records)} records; read {reports / PAGE}"


def forms(page: Page, drawn: dict[str, Future]) -> dict[str, bytes]:
    """The files of one table or figure, by their ending; of a figure that cannot be drawn only the numbers."""
    if isinstance(page, Figure):
        try:
            drawings = drawn[page.name].result()
        except Exception as error:  # noqa: BLE001 - whatever stops it, the tables must not be lost
            print(f"warning: figure {page.name} cannot be drawn ({type(error).__name__}: {error})", file=sys.stderr)
            drawings = {}
        return {"md": figure_page(page).encode(), **drawings, "csv": csv(page).encode()}
    return {ext: show(page).encode() for ext, show in FORMATS.items()}


def opening(evidence: Evidence, among: Places | None = None) -> list[str]:
    """The answer in sentences: the verdicts, how near the paper we are, and how many of its claims stand.

    Args:
        among: the data sets, protocols and rankings to speak of; all where it is not given.
    """
    said = answer.sentences(evidence, among) + reproduction.sentences(evidence, among)
    is_papers = among is None or any((name, "paper", "sampled") in among for name in DATASETS)
    return said + (claims.sentences(evidence) if is_papers else [])


def index(found: list[Page], files: Files, evidence: Evidence) -> str:
    """The answer, and the list of tables and figures, with their files and what they were made from."""
    records = evidence.records
    counts = [f"{sum(r.status == status for r in records)} {status}" for status in ("done", "failed", "skipped")]
    lines = [TITLE, "", f"Made from {len(records)} records: {', '.join(counts)}.", ""]
    lines += [*(f"- {escaped(one)}" for one in evidence.losses), *[""] * bool(evidence.losses)]
    lines += [f"Everything on one page that can be sorted and filtered: [{PAGE}]({PAGE}).", ""] if found else []
    said = opening(evidence)
    lines += ["## The answer", "", *(f"- {escaped(one)}" for one in said), ""] if said else []
    lines += ["## Tables and figures", ""] if found else []
    for question, some in groupby(found, key=lambda page: page.question):
        lines += [f"### {question.value}", ""]
        for page in some:
            links = ", ".join(f"[{ext}]({page.path}.{ext})" for ext in files[page.name])
            lines.append(f"- {page.title}: {links} ({len(page.keys)} records)")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def console(
    evidence: Evidence,
    *,
    ranking: str | None = None,
    names: Sequence[str] = ("table2",),
    asked: Places | None = None,
) -> str:
    """The tables of the studies ``names`` as plain text, of one ranking where asked; * is the best value, + the second.

    Table 2 shows all records that are asked for, unless another study's are among them. Above the tables stands what
    the page says of their data sets, protocols and rankings.

    Args:
        asked: as ``Evidence.asked``.
    """
    known = {study.name: study for study in evidence.studies if study.name in names or "all" in names}
    varied = [study for study in known.values() if study.variants]
    part = replace(evidence, asked=asked)
    shown = part if varied else replace(part, studies=())
    found: list[Page] = []
    if {"table2", "learning-curves"} & {*names, *known}:
        found += comparison.pages(shown, tested=evidence) + cutoffs.pages(shown)
    for study in varied:
        found += studies.tables(part, study.name)
    found += cost.pages(shown) if "cost" in {*names, *known} else []
    tables = [page for page in [*found, *knockouts.pages(part)] if isinstance(page, Table)]
    places = set(zip(part.every["dataset"], part.every["protocol"], strict=True))
    among = {(*place, one) for place in places for one in RANKINGS if ranking in (None, one)}
    opened = opening(evidence, among) if "table2" in names else []
    said = [textwrap.fill(one, width=100, subsequent_indent="  ") for one in opened] + [""] * bool(opened)
    return (
        "\n".join([*said, *(text(table) for table in tables if ranking in (None, table.ranking or ranking))])
        or "No records.\n"
    )
