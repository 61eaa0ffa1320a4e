"""Tables out: files below a folder, and the text that a run prints at its end."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.files import write_whole
from bench.report import knockouts
from bench.report.contents import contents
from bench.report.evidence import Evidence
from bench.report.html import html
from bench.report.layout import Table
from bench.report.render import csv, latex, markdown, text
from bench.report.tables import Signs, tables
from bench.spec import BenchError
from bench.store.record import Record

FORMATS = {"md": markdown, "tex": latex, "csv": csv}
INDEX = "index.md"
PAGE = "report.html"


def write(evidence: Evidence, folder: Path) -> list[Path]:
    """Write each table as Markdown, LaTeX and CSV, all of them as one HTML page, and the index of them; what the
    last index named and this one does not is removed.

    Equal records give equal bytes.

    Raises:
        BenchError: when the folder cannot be written.
    """
    found = [page for page in contents(evidence) if isinstance(page, Table)]
    pages = {f"{table.name}.{ext}": show(table) for table in found for ext, show in FORMATS.items()}
    if found:
        pages[PAGE] = html(found, evidence, folder=folder, files=list(pages))
    pages[INDEX] = index(found, evidence.records)
    check_writable(folder)
    old = folder / INDEX
    try:
        named = set(re.findall(r"\]\(([^)/]+)\)", old.read_text(encoding="utf-8"))) if old.exists() else set()
        for name, page in pages.items():
            write_whole(folder / name, lambda path, page=page: Path(path).write_text(page, encoding="utf-8"))
        for name in named - set(pages):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None
    return [folder / name for name in pages]


def check_writable(folder: Path) -> None:
    """Fail before any work is done, not after."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unwritable(folder, error) from None


def unwritable(folder: Path, error: OSError) -> BenchError:
    return BenchError(f"reports folder {folder} cannot be written ({error.strerror}); choose another with --reports")


def index(found: list[Table], records: list[Record]) -> str:
    """The list of tables, with what they were made from."""
    counts = [f"{sum(r.status == status for r in records)} {status}" for status in ("done", "failed", "skipped")]
    lines = ["# Reports", "", f"Made from {len(records)} records: {', '.join(counts)}.", ""]
    lines += [f"All of it on one page, to be sorted and filtered: [{PAGE}]({PAGE}).", ""] if found else []
    for table in found:
        links = ", ".join(f"[{ext}]({table.name}.{ext})" for ext in FORMATS)
        lines.append(f"- {table.title}: {links} ({len(table.keys)} records)")
    return "\n".join(lines).rstrip() + "\n"


def console(
    frame: pd.DataFrame,
    *,
    seeds: Sequence[int] | None = None,
    ranking: str | None = None,
    signs: Signs | None = None,
) -> str:
    """All tables as plain text, or Table 1 and those of one ranking; * marks the best value, + the second."""
    found = tables(frame, seeds=seeds, signs=signs) + knockouts.tables(frame)
    shown = [table for table in found if ranking is None or table.ranking in ("", ranking)]
    return "\n".join(map(text, shown)) or "No records.\n"
