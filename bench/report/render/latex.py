"""Renders a ``Table`` as LaTeX with booktabs."""

import re
from collections.abc import Iterable
from dataclasses import replace

from bench.report.model import EMPTY, Block, Cell, Table

LETTERS = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''", "—": "---", "±": r"$\pm$",
    "[": "{[}", "*": "{*}", "`": "{`}",  # [ and * after \\ would be its options, and ?` would be one letter
    "-": "-{}",  # before another hyphen, with which it would be a dash
    "×": r"$\times$", "†": r"$\dagger$", "‡": r"$\ddagger$", "▲": r"$\uparrow$", "▼": r"$\downarrow$",
}  # fmt: skip
SPECIAL = re.compile(f"-(?=-)|[{re.escape(''.join(LETTERS).replace('-', ''))}]")
HEAD = "% needs \\usepackage{booktabs}"
BEYOND = "% has letters beyond ASCII, in UTF-8: pdflatex knows those of Latin names, xelatex those of its font"
NAMES = {"paper": "The paper's values", "diff.": "Ours minus the paper's", "independent run": "The independent run"}
MARKS = {"few": "%s", "best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}


def latex(table: Table) -> str:
    """Return floats with our values, with each kind of value beside them, and with the cost; reasons for empty cells
    and notes stand below the first.

    Blocks that compare the same rows by metrics stand side by side, as in the paper's tables; other blocks stand one
    below the other.
    """
    below = [rf"$^{{{n}}}$ {escaped(reason)}." for n, reason in enumerate(table.reasons, 1)]
    below += [escaped(text) for text in [*filter(None, map(warnings, table.blocks)), *(n.text for n in table.notes)]]
    title = re.sub(r"^(Table|Figure) \d+: (.)", lambda match: match[2].upper(), table.title)  # LaTeX counts by itself
    label, caption = f"tab:{table.name}", f"{title}. {table.caption}"
    by_kind = beside(table.blocks)
    first = merged(by_kind.pop(""), table.reasons) if by_kind else stacked(table.blocks, table.reasons)
    parts = [f"% records: {' '.join(table.keys)}", HEAD, *floated([*first, *listed(below)], caption, label)]
    for kind, blocks in by_kind.items():
        lines, end = merged(blocks, table.reasons), re.sub(r"\W+", "-", kind).strip("-")
        parts += floated(lines, f"{NAMES.get(kind, kind.capitalize())}, beside: {title}.", f"{label}-{end}")
    if table.cost:
        cost = stacked([table.cost], table.reasons)
        cost += listed([escaped(text)]) if (text := warnings(table.cost)) else []
        parts += floated(cost, f"Cost of: {title}.", f"{label}-cost")
    text = "\n".join(parts) + "\n"
    return text if text.isascii() else f"{BEYOND}\n{text}"


def warnings(block: Block) -> str:
    """Return the warnings among a block's notes on one line after its title; the other notes become comments."""
    texts = [note.text for note in block.notes if note.is_warning]
    return ": ".join(filter(None, [block.title, " ".join(texts)])) if texts else ""


def listed(lines: list[str]) -> list[str]:
    return [r"\begin{flushleft}", "\\\\\n".join(lines), r"\end{flushleft}"]


def floated(lines: list[str], caption: str, label: str) -> list[str]:
    head = [r"\begin{table*}", r"\centering\scriptsize\setlength{\tabcolsep}{3pt}"]
    return [*head, rf"\caption{{{escaped(caption)}}}", rf"\label{{{label}}}", *lines, r"\end{table*}"]


def beside(blocks: list[Block]) -> dict[str, list[Block]]:
    """Return the blocks with our values alone (""), and with each kind of value beside them alone, such as "paper", in
    the lines that have any; empty where the blocks do not all show the same metrics."""
    heads = {tuple(column.name for column in block.columns if not column.is_papers) for block in blocks}
    if len(blocks) < 2 or len(heads) > 1 or not all(column.metric for block in blocks for column in block.columns[1:]):
        return {}
    kinds = dict.fromkeys(column.name for block in blocks for column in block.columns if column.is_papers)
    by_kind = {kind: [cut(block, kind) for block in blocks] for kind in ("", *kinds)}
    return {kind: [block for block in parts if block.lines] for kind, parts in by_kind.items()}


def cut(block: Block, kind: str) -> Block:
    """Return ``block`` with the column of names and the values of one ``kind`` (ours if empty), headed by metric."""
    places = [n for n, c in enumerate(block.columns) if n and (c.name if c.is_papers else "") == kind]
    lines = [replace(line, cells=[line.cells[n] for n in (0, *places)]) for line in block.lines]
    if not kind:
        return replace(block, columns=[block.columns[n] for n in (0, *places)], lines=lines)
    lines = [line for line in lines if any(text != EMPTY for text in line.texts[1:])]
    columns = [block.columns[0], *(replace(block.columns[n], name=block.columns[n].metric) for n in places)]
    return replace(block, columns=columns, lines=lines, notes=[])


def merged(blocks: list[Block], reasons: list[str]) -> list[str]:
    """Return one tabular with a group of columns for each block; a line that a block lacks is empty there."""
    heads, rules, place = [""], "", 2
    for block in blocks:
        width = len(block.columns) - 1
        heads.append(rf"\multicolumn{{{width}}}{{c}}{{{escaped(block.title)}}}")
        rules += rf"\cmidrule(lr){{{place}-{place + width - 1}}}"
        place += width
    names = [escaped(blocks[0].columns[0].name), *(escaped(c.name) for block in blocks for c in block.columns[1:])]
    lines = [row(heads), rules, row(names), r"\midrule"]
    for name in in_order([[line.texts[0] for line in block.lines] for block in blocks]):
        cells = [escaped(name)]
        for block in blocks:
            empty = [Cell(EMPTY)] * (len(block.columns) - 1)
            values = next((line.cells[1:] for line in block.lines if line.texts[0] == name), empty)
            cells += [shown(cell, reasons) for cell in values]
        lines.append(row(cells))
    notes = [(block.title, note) for block in blocks for note in block.notes if not note.is_warning]
    comments = [f"% {escaped(title)}: {escaped(note.text)}" for title, note in notes]
    return [*tabular("l" + "r" * (place - 2), lines), *comments]


def in_order(lists: list[list[str]]) -> list[str]:
    """Return all names, each directly after its predecessor in the first list that has it."""
    ordered: list[str] = []
    for names in lists:
        place = 0
        for name in names:
            if name not in ordered:
                ordered.insert(place, name)
            place = ordered.index(name) + 1
    return ordered


def stacked(blocks: list[Block], reasons: list[str]) -> list[str]:
    """Return a tabular for each block, one below the other."""
    lines = []
    for block in blocks:
        sides = "".join("l" if column.kind == "name" else "r" for column in block.columns)
        lines += [rf"\par\medskip\textbf{{{escaped(block.title)}}}\par\smallskip"] if block.title else []
        head = [row(escaped(column.name) for column in block.columns), r"\midrule"]
        lines += tabular(sides, [*head, *(row(shown(cell, reasons) for cell in line.cells) for line in block.lines)])
        lines += [f"% {escaped(note.text)}" for note in block.notes if not note.is_warning]
    return lines


def tabular(sides: str, lines: list[str]) -> list[str]:
    return [rf"\begin{{tabular}}{{{sides}}}", r"\toprule", *lines, r"\bottomrule", r"\end{tabular}"]


def row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def escaped(text: str) -> str:
    """Return ``text`` on one line and escaped for LaTeX; letters of all scripts stay, and any character that cannot be
    printed becomes a question mark."""
    plain = SPECIAL.sub(lambda match: LETTERS[match[0]], re.sub(r"\s+", " ", text))
    return "".join(letter if letter.isprintable() else "?" for letter in plain)


def shown(cell: Cell, reasons: list[str]) -> str:
    note = f"$^{{{reasons.index(cell.note) + 1}}}$" if cell.note else ""
    sign = rf"\textsuperscript{{{escaped(cell.sign)}}}" if cell.sign else ""
    return MARKS[cell.mark] % escaped(cell.text) + sign + note
