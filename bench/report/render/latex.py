"""A ``Table`` as LaTeX with booktabs."""

import re

from bench.report.model import Block, Cell, Table

LETTERS = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''", "—": "---", "±": r"$\pm$",
    "[": "{[}", "*": "{*}", "`": "{`}",  # behind a line's end an option, behind ? another letter
    "×": r"$\times$", "†": r"$\dagger$", "▲": r"$\uparrow$", "▼": r"$\downarrow$",
}  # fmt: skip
HEAD = "% needs \\usepackage{booktabs}"
MARKS = {"few": "%s", "best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}


def latex(table: Table) -> str:
    """One float, and one more for the cost; reasons and notes stand below the tabulars."""
    below = [rf"$^{{{n}}}$ {escaped(reason)}." for n, reason in enumerate(table.reasons, 1)]
    below += [escaped(note.text) for note in table.notes]
    parts = [f"% records: {' '.join(table.keys)}", HEAD]
    title = re.sub(r"^(Table|Figure) \d+: (.)", lambda found: found[2].upper(), table.title)  # LaTeX counts by itself
    parts += drawn(table, table.blocks, f"{title}. {table.caption}", f"tab:{table.name}")
    parts[-1:-1] = [r"\begin{flushleft}", "\\\\\n".join(below), r"\end{flushleft}"]
    if table.cost:
        parts += drawn(table, [table.cost], f"Cost of: {title}.", f"tab:{table.name}-cost")
    return "\n".join(parts) + "\n"


def drawn(table: Table, blocks: list[Block], caption: str, label: str) -> list[str]:
    """The lines of one float."""
    lines = [r"\begin{table*}", r"\centering\scriptsize\setlength{\tabcolsep}{3pt}"]
    lines += [rf"\caption{{{escaped(caption)}}}", rf"\label{{{label}}}"]
    for block in blocks:
        sides = "".join("l" if column.kind == "name" else "r" for column in block.columns)
        lines += [rf"\par\medskip\textbf{{{escaped(block.title)}}}\par\smallskip"] if block.title else []
        lines += [rf"\begin{{tabular}}{{{sides}}}", r"\toprule"]
        lines += [" & ".join(escaped(column.name) for column in block.columns) + r" \\", r"\midrule"]
        for line in block.lines:
            lines.append(" & ".join(shown(cell, table.reasons) for cell in line.cells) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}"]
        lines += [f"% {escaped(note.text)}" for note in block.notes]
    return [*lines, r"\end{table*}"]


def escaped(text: str) -> str:
    """Escaped, hyphens apart, and plain ASCII: pdflatex stops at what its font lacks."""
    letters = re.finditer("(-(?=-))|.", re.sub(r"\s+", " ", text))
    plain = "".join("-{}" if found[1] else LETTERS.get(found[0], found[0]) for found in letters)
    return plain.encode("ascii", "replace").decode()


def shown(cell: Cell, reasons: list[str]) -> str:
    note = f"$^{{{reasons.index(cell.note) + 1}}}$" if cell.note else ""
    sign = rf"\textsuperscript{{{escaped(cell.sign)}}}" if cell.sign else ""
    return MARKS[cell.mark] % escaped(cell.text) + sign + note
