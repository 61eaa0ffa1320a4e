"""Writes the files of a report below a folder, and the text that a run prints at its end."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from bench.files import try_writing, write_whole, writing_reports
from bench.report import drawers
from bench.report.conditions import UNEQUAL
from bench.report.evidence import Evidence, Places
from bench.report.model import Figure, Line, Page, Table
from bench.report.render.html import Files, html
from bench.report.render.latex import latex
from bench.report.render.text import csv, escaped, figure_page, grid, markdown, text
from bench.report.rows import DATASETS
from bench.report.sections import (
    answer,
    authors,
    claims,
    comparison,
    cost,
    cutoffs,
    knockouts,
    pages,
    reproduction,
    studies,
)
from bench.spec import RANKINGS, SHOWN, BenchError, counted
from bench.store.store import Store

FORMATS = {"md": markdown, "tex": latex, "csv": csv}
INDEX = "index.md"
PAGE = "report.html"
TITLE = "# Reports"
N_ANSWER = 5  # columns of the answer that the index shows: where, model, verdict, the difference in N@10, its interval


def write(evidence: Evidence, folder: Path) -> list[Path]:
    """Write each table as Markdown, LaTeX and CSV, each figure as pictures, Markdown and CSV, all of them as one HTML
    page, and the index; remove the files that only the last index names. Return the paths of the files.

    Equal records give equal bytes. A folder that cannot be written is a BenchError.
    """
    with pd.option_context("mode.string_storage", "python"):  # Arrow's takes a fifth more time in tables this small
        all_pages = pages(evidence)
    drawn = drawers.drawings([page for page in all_pages if isinstance(page, Figure)])
    files = {page.name: forms(page, drawn.get(page.name, {})) for page in all_pages}
    contents = {f"{page.path}.{ext}": content for page in all_pages for ext, content in files[page.name].items()}
    if all_pages:
        contents[PAGE] = html(all_pages, evidence, folder=folder, files=files).encode()
    contents[INDEX] = index(all_pages, files, evidence).encode()
    with writing_reports(folder):
        try_writing(folder)
        old = named(folder / INDEX)
        for name, content in contents.items():
            (folder / name).parent.mkdir(exist_ok=True)
            write_whole(folder / name, [content])
        for name in old - set(contents):
            (folder / name).unlink(missing_ok=True)
            place = (folder / name).parent
            if place != folder and place.is_dir() and not any(place.iterdir()):
                place.rmdir()
    return [folder / name for name in contents]


def check_place(folder: Path) -> None:
    """Refuse a folder that cannot be written or has an index of something else, before the work and not after it."""
    with writing_reports(folder):
        try_writing(next(place for place in (folder, *folder.parents) if place.exists()))
        named(folder / INDEX)


def named(old: Path) -> set[str]:
    """Return the files that the index at ``old`` names; empty where there is no such file, and a BenchError where it is
    not an index of reports."""
    text = old.read_text(encoding="utf-8", errors="replace") if old.exists() else ""
    if text and not text.startswith(TITLE):
        raise BenchError(f"{old} is not an index of reports and stays as it is; choose another folder with --reports")
    return set(re.findall(r"\]\(((?:\w[\w.-]*/)?\w[\w.-]*)\)", text))


def rebuild(results: Path, reports: Path, **asked: Any) -> str:
    """Write every table and figure anew from the records alone, and return a sentence that tells how many; ``asked`` is
    as in ``Evidence.of``. Without any record it is a BenchError, so that a mistyped folder does not empty old reports.
    """
    check_place(reports)
    evidence = Evidence.of(Store(results), **asked)
    if not evidence.records:
        if evidence.left_out:
            remedy = "run the command that made them once more, which mends them, or give another folder with --results"
            raise BenchError(f"no record in {results} can be used, as the warnings say; {remedy}")
        raise BenchError(f"no records in {results}; give the folder that has them with --results")
    paths = write(evidence, reports)
    return f"{len(paths)} report files in {reports} from {len(evidence.records)} records; read {reports / PAGE}"


def forms(page: Page, pictures: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files of one table or figure by their ending; ``pictures`` are those of a figure."""
    if isinstance(page, Figure):
        return {"md": figure_page(page).encode(), **pictures, "csv": csv(page).encode()}
    return {ext: show(page).encode() for ext, show in FORMATS.items()}


def opening(evidence: Evidence, among: Places | None = None) -> list[str]:
    """Return the answer in sentences, the verdicts first, of the data sets, protocols and rankings ``among`` which they
    are, or of all."""
    return answer.sentences(evidence, among) + context(evidence, among)


def context(evidence: Evidence, among: Places | None = None) -> list[str]:
    """Say how near our values are to the paper's, what the authors' own runs say, and how many claims stand."""
    is_papers = among is None or any((name, "paper", "sampled") in among for name in DATASETS)
    papers = authors.sentences(evidence) + claims.sentences(evidence) if is_papers else []
    return reproduction.sentences(evidence, among) + papers


def verdicts(page: Table) -> str:
    """Return the table of the answer in Markdown as the index has it: the first metric of the rows with a verdict."""
    (block,) = page.blocks
    columns = block.columns[:N_ANSWER]
    lines = [Line(line.cells[:N_ANSWER]) for line in block.lines if line.is_run]
    if not lines:
        return ""
    shown = grid(columns, lines, "pipe", lambda cell: escaped(cell.text))
    more = f"p, the seeds, and in what the rows with {UNEQUAL} differ" if UNEQUAL in shown else "p and the seeds"
    return f"{shown}\n\n[{page.stem}.md]({page.path}.md) has {SHOWN['hr@5']}, {more}."


def index(all_pages: list[Page], files: Files, evidence: Evidence) -> str:
    """Return the index in Markdown: the answer, and the tables and figures with their files and numbers of records."""
    records = evidence.records
    counts = [f"{sum(r.status == status for r in records)} {status}" for status in ("done", "failed", "skipped")]
    made_from = f"{counted(len(records), 'record')}: {', '.join(counts)}; their jobs took {evidence.hours}"
    lines = [TITLE, "", f"Made from {made_from}.", ""]
    lines += [*(f"- {escaped(sentence)}" for sentence in evidence.losses), *[""] * bool(evidence.losses)]
    lines += [f"Everything on one page that can be sorted and filtered: [{PAGE}]({PAGE}).", ""] if all_pages else []
    for page in all_pages:
        if page.kind == "answer" and isinstance(page, Table):
            rest = "\n".join(f"- {escaped(one)}" for one in answer.reasons(evidence) + context(evidence))
            for part in filter(None, ("## The answer", escaped(page.caption), verdicts(page), rest)):
                lines += [part, ""]
    lines += ["## Tables and figures", ""] if all_pages else []
    for question, group in groupby(all_pages, key=lambda page: page.question):
        lines += [f"### {question.value}", ""]
        for page in group:
            links = ", ".join(f"[{ext}]({page.path}.{ext})" for ext in files[page.name])
            lines.append(f"- {escaped(page.title)}: {links} ({counted(len(page.keys), 'record')})")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def console(
    evidence: Evidence,
    *,
    ranking: str | None = None,
    names: Sequence[str] = ("table2",),
    asked: Places | None = None,
) -> str:
    """Return the tables of the studies ``names`` as plain text; * is the best value, + the second.

    With ``ranking``, tables of the other ranking are left out; ``asked`` is as in ``Evidence``. Without a study that
    has variants, Table 2 shows all records that are asked for, variants of studies included. With Table 2, the answer
    about its data sets, protocols and rankings stands above the tables.
    """
    chosen = {study.name: study for study in evidence.studies if study.name in names or "all" in names}
    varied = [study for study in chosen.values() if study.variants]
    part = replace(evidence, asked=asked)
    compared = part if varied else replace(part, studies=())
    wanted: list[Page] = []
    has_table_2 = not {"table2", "learning-curves"}.isdisjoint({*names, *chosen})
    if has_table_2:
        wanted += comparison.pages(compared, tested=evidence) + cutoffs.pages(compared)
    for study in varied:
        wanted += studies.tables(part, study.name)
    wanted += cost.pages(compared) if "cost" in {*names, *chosen} else []
    tables = [page for page in [*wanted, *knockouts.pages(part)] if isinstance(page, Table)]
    places = set(zip(part.every["dataset"], part.every["protocol"], strict=True))
    among = {(*place, name) for place in places for name in RANKINGS if ranking in (None, name)}
    sentences = opening(evidence, among) if has_table_2 else []
    lines = [textwrap.fill(sentence, width=100, subsequent_indent="  ") for sentence in sentences]
    lines += [""] if sentences else []
    lines += [text(table) for table in tables if ranking in (None, table.ranking or ranking)]
    return "\n".join(lines) or "No records.\n"
