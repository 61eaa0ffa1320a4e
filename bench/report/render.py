"""A ``Table`` as Markdown, LaTeX (booktabs), CSV and plain text; a ``Figure`` as Markdown and CSV."""

import re
import textwrap

from tabulate import tabulate

from bench.report.layout import Block, Cell, Figure, Page, Table

LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''", "—": "---", "±": r"$\pm$",
    "[": "{[}", "*": "{*}", "`": "{`}",  # behind a line's end an option, behind ? another letter
    "×": r"$\times$", "†": r"$\dagger$", "▲": r"$\uparrow$", "▼": r"$\downarrow$",
}  # fmt: skip
WARNINGS = ("†", "▲", "Not comparable")  # the notes that a terminal shows too
LEFT = ("Model", "Variant", "Data set", "vs", "metric", "between", "and")  # columns of names
HEAD = "% needs \\usepackage{booktabs}"


def csv(page: Page) -> str:
    return page.data.to_csv(index=False, lineterminator="\n")


def markdown(table: Table) -> str:
    parts = [f"# {table.title}", _md(table.caption)]
    for block in table.blocks:
        parts += [f"## {_md(block.title)}"] if block.title else []
        parts.append(_grid(block, "pipe", lambda cell: _md_cell(cell, table.reasons)))
    parts.append("\n".join(f"{n}. {_md(reason)}" for n, reason in enumerate(table.reasons, 1)))
    parts.append("\n".join(f"- {_md(note)}" for note in table.notes))
    if table.cost:
        parts += ["## Cost", _grid(table.cost, "pipe", lambda cell: _md(cell.text))]
    return "\n\n".join(part for part in [*parts, *_records(table)] if part) + "\n"


def figure_page(figure: Figure) -> str:
    """The figure in Markdown: its picture and what it says about itself."""
    parts = [f"# {figure.title}", _md(figure.caption), f"![{_md(figure.title)}]({figure.name}.svg)"]
    parts.append("\n".join(f"- {_md(note)}" for note in figure.notes))
    return "\n\n".join([*parts, *_records(figure)]) + "\n"


def _records(page: Page) -> list[str]:
    said = f"Records: {len(page.keys)}, named in {page.name}.csv and in a comment here."
    return [said, f"<!-- records: {' '.join(page.keys)} -->"]


def text(table: Table) -> str:
    """For a terminal: the paper's columns and rows without a record are left out."""
    parts = [table.title, textwrap.fill(table.caption, width=100)]
    for block in table.blocks:
        ours = [n for n, name in enumerate(block.header) if not name.startswith(("paper", "diff."))]
        lines = [[line[n] for n in ours] for line in block.lines]
        seen = [line for line in lines if not all(cell.note == "not run" for cell in line[1:])]
        kept = Block(title=block.title, header=[block.header[n] for n in ours], lines=seen)
        grid = _grid(kept, "simple", lambda cell: _text_cell(cell, table.reasons))
        parts.append(f"{block.title}\n{grid}" if block.title else grid)
    below = [f"[{n}] {r}" for n, r in enumerate(table.reasons, 1) if r != "not run"]
    below += [note for note in table.notes if note.startswith(WARNINGS)]
    if any(cell.mark for cell in table.cells):
        below.append("* best, + second")
    parts.append("\n".join(below))
    return "\n\n".join(part for part in parts if part) + "\n"


def latex(table: Table) -> str:
    """One float, and one more for the cost; reasons and notes stand below the tabulars."""
    below = [rf"$^{{{n}}}$ {_tex(reason)}." for n, reason in enumerate(table.reasons, 1)]
    below += [_tex(note) for note in table.notes]
    parts = [f"% records: {' '.join(table.keys)}", HEAD]
    parts += _float(table, table.blocks, f"{table.title}. {table.caption}", f"tab:{table.name}")
    parts[-1:-1] = [r"\begin{flushleft}", "\\\\\n".join(below), r"\end{flushleft}"]
    if table.cost:
        parts += _float(table, [table.cost], f"Cost of {table.title}.", f"tab:{table.name}-cost")
    return "\n".join(parts) + "\n"


def _float(table: Table, blocks: list[Block], caption: str, label: str) -> list[str]:
    lines = [r"\begin{table*}", r"\centering\scriptsize\setlength{\tabcolsep}{3pt}"]
    lines += [rf"\caption{{{_tex(caption)}}}", rf"\label{{{label}}}"]
    for block in blocks:
        lines += [rf"\par\medskip\textbf{{{_tex(block.title)}}}\par\smallskip"] if block.title else []
        lines += [rf"\begin{{tabular}}{{{''.join(_sides(block))}}}", r"\toprule"]
        lines += [" & ".join(map(_tex, block.header)) + r" \\", r"\midrule"]
        for line in block.lines:
            lines.append(" & ".join(_tex_cell(cell, table.reasons) for cell in line) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}"]
    return [*lines, r"\end{table*}"]


def _sides(block: Block) -> list[str]:
    """Names to the left, numbers to the right."""
    return ["l" if name in LEFT else "r" for name in block.header]


def _grid(block: Block, form: str, show) -> str:
    sides = [{"l": "left", "r": "right"}[side] for side in _sides(block)]
    lines = [[show(cell) for cell in line] for line in block.lines]
    return tabulate(lines, headers=block.header, tablefmt=form, colalign=sides, disable_numparse=True)


def _md(text: str) -> str:
    return re.sub(r"([\\`*_|])", r"\\\1", re.sub(r"\s+", " ", text)).replace("<", "&lt;")


def _md_cell(cell: Cell, reasons: list[str]) -> str:
    around = {"best": "**{}**", "second": "<u>{}</u>"}.get(cell.mark, "{}")
    note = f" <sup>{reasons.index(cell.note) + 1}</sup>" if cell.note else ""
    sign = f" <sup>{cell.sign}</sup>" if cell.sign else ""
    return around.format(_md(cell.text)) + sign + note


def _text_cell(cell: Cell, reasons: list[str]) -> str:
    note = "" if cell.note in ("", "not run") else f" [{reasons.index(cell.note) + 1}]"
    return cell.text + {"best": "*", "second": "+"}.get(cell.mark, "") + cell.sign + note


def _tex(text: str) -> str:
    """Escaped, hyphens apart, and plain ASCII: pdflatex stops at what its font lacks."""
    letters = re.finditer("(-(?=-))|.", re.sub(r"\s+", " ", text))
    plain = "".join("-{}" if found[1] else LATEX.get(found[0], found[0]) for found in letters)
    return plain.encode("ascii", "replace").decode()


def _tex_cell(cell: Cell, reasons: list[str]) -> str:
    around = {"best": r"\textbf{%s}", "second": r"\underline{%s}"}.get(cell.mark, "%s")
    note = f"$^{{{reasons.index(cell.note) + 1}}}$" if cell.note else ""
    sign = rf"\textsuperscript{{{_tex(cell.sign)}}}" if cell.sign else ""
    return around % _tex(cell.text) + sign + note
