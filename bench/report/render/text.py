"""Renders a ``Table`` as Markdown, CSV and plain text, and a ``Figure`` as Markdown and CSV."""

import re
import textwrap
from collections.abc import Callable, Sequence

import pandas as pd
from tabulate import tabulate

from bench.report.model import Cell, Column, Figure, Line, Note, Page, Table

FORMULA = re.compile(r"\s*[=+@-]")


def csv(page: Page) -> str:
    """Return the data as CSV, with numbers to six significant digits, since machines differ in further digits."""
    return page.data.apply(rounded).to_csv(index=False, lineterminator="\n")


def rounded(column: pd.Series) -> pd.Series:
    """Return floats as text, whole numbers with all digits; a text that a spreadsheet would compute gets a quote."""
    if not pd.api.types.is_float_dtype(column):
        return column.map(lambda value: f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value)
    return column.map(lambda value: f"{value:.0f}" if value.is_integer() else f"{value:.6g}", na_action="ignore")


def markdown(table: Table) -> str:
    parts = [f"# {escaped(table.title)}", escaped(table.caption)]
    for block in table.blocks:
        parts += [f"## {escaped(block.title)}"] if block.title else []
        parts.append(grid(block.columns, block.lines, "pipe", lambda cell: markdown_cell(cell, table.reasons)))
        parts.append(listed(block.notes))
    parts.append("\n".join(f"{n}. {escaped(reason)}" for n, reason in enumerate(table.reasons, 1)))
    parts.append(listed(table.notes))
    if table.cost:
        parts += ["## Cost", grid(table.cost.columns, table.cost.lines, "pipe", lambda cell: escaped(cell.text))]
        parts.append(listed(table.cost.notes))
    return "\n\n".join(part for part in [*parts, *records(table)] if part) + "\n"


def figure_page(figure: Figure) -> str:
    """Return a figure in Markdown: title, caption, a link to its picture, and notes."""
    picture = f"![{escaped(figure.title)}]({figure.stem}.svg)"
    parts = [f"# {escaped(figure.title)}", escaped(figure.caption), picture, listed(figure.notes), *records(figure)]
    return "\n\n".join(parts) + "\n"


def listed(notes: Sequence[Note]) -> str:
    return "\n".join(f"- {escaped(note.text)}" + f" `{note.command}`" * bool(note.command) for note in notes)


def records(page: Page) -> list[str]:
    summary = f"Records: {len(page.keys)}, named in {page.stem}.csv and in a comment here."
    return [summary, f"<!-- records: {' '.join(page.keys)} -->"]


def text(table: Table) -> str:
    """Return a table for a terminal: no columns of the paper, no lines without a record, and only warnings as notes."""
    parts, seen = [table.title, textwrap.fill(table.caption, width=100)], set()
    for block in table.blocks:
        places = [n for n, column in enumerate(block.columns) if not column.is_papers]
        lines = [Line([line.cells[n] for n in places]) for line in block.lines if line.is_run]
        seen |= {cell.note for line in lines for cell in line.cells}
        columns = [block.columns[n] for n in places]
        cells = grid(columns, lines, "simple", lambda cell: text_cell(cell, table.reasons))
        below = [note.text for note in block.notes if note.is_warning]
        parts.append("\n".join(filter(None, [block.title, cells, *below])))
    below = [f"[{n}] {reason}" for n, reason in enumerate(table.reasons, 1) if reason in seen]
    below += [note.text for note in table.notes if note.is_warning]
    if any(cell.mark in ("best", "second") for cell in table.cells):
        below.append("* best of all rows shown, + second")
    parts.append("\n".join(below))
    return "\n\n".join(part for part in parts if part) + "\n"


def grid(columns: Sequence[Column], lines: Sequence[Line], form: str, show: Callable[[Cell], str]) -> str:
    """Return a grid with names aligned left and numbers right; in a terminal, columns with marks are aligned left."""
    is_marked = [form == "simple" and any(line.cells[n].mark for line in lines) for n in range(len(columns))]
    sides = ["left" if column.kind == "name" or is_marked[n] else "right" for n, column in enumerate(columns)]
    texts = [[show(cell) for cell in line.cells] for line in lines]
    headers = [column.name for column in columns]
    return tabulate(texts, headers=headers, tablefmt=form, colalign=sides, disable_numparse=True)


def escaped(text: str) -> str:
    """Return ``text`` on one line, with Markdown's markup escaped."""
    return re.sub(r"([\\`*_|\[\]])", r"\\\1", re.sub(r"\s+", " ", text)).replace("<", "&lt;")


def markdown_cell(cell: Cell, reasons: list[str]) -> str:
    around = {"best": "**{}**", "second": "<u>{}</u>"}.get(cell.mark, "{}")
    note = f" <sup>{reasons.index(cell.note) + 1}</sup>" if cell.note else ""
    sign = f" <sup>{cell.sign}</sup>" if cell.sign else ""
    return around.format(escaped(cell.text)) + sign + note


def text_cell(cell: Cell, reasons: list[str]) -> str:
    note = f" [{reasons.index(cell.note) + 1}]" if cell.note else ""
    marks = [{"best": "*", "second": "+"}.get(cell.mark, ""), cell.sign]
    return " ".join(filter(None, [cell.text, *marks])) + note
