"""A ``Table`` as LaTeX with booktabs."""

import re
from dataclasses import replace

from bench.report.model import EMPTY, Block, Cell, Table

LETTERS = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''", "—": "---", "±": r"$\pm$",
    "[": "{[}", "*": "{*}", "`": "{`}",  # behind a line's end an option, behind ? another letter
    "-": "-{}",  # before another one
    "×": r"$\times$", "†": r"$\dagger$", "‡": r"$\ddagger$", "▲": r"$\uparrow$", "▼": r"$\downarrow$",
}  # fmt: skip
SPECIAL = re.compile(f"-(?=-)|[{re.escape(''.join(LETTERS).replace('-', ''))}]")
HEAD = "% needs \\usepackage{booktabs}"
BEYOND = "% has letters beyond ASCII, in UTF-8: pdflatex knows those of Latin names, xelatex those of its font"
NAMES = {"paper": "The paper's values", "diff.": "Ours minus the paper's", "independent run": "The independent run"}
MARKS = {"few": "%s", "best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}


def latex(table: Table) -> str:
    """Our values, what stands beside them, and the cost as floats; reasons and notes stand below the first.

    Blocks that compare the same rows by metrics stand side by side, as the paper's tables have them; other blocks stand
    one below the other.
    """
    below = [rf"$^{{{n}}}$ {escaped(reason)}." for n, reason in enumerate(table.reasons, 1)]
    below += [escaped(text) for text in [*filter(None, map(warnings, table.blocks)), *(n.text for n in table.notes)]]
    title = re.sub(r"^(Table|Figure) \d+: (.)", lambda found: found[2].upper(), table.title)  # LaTeX counts by itself
    label, caption = f"tab:{table.name}", f"{title}. {table.caption}"
    apart = beside(table.blocks)
    first = merged(apart.pop(""), table.reasons) if apart else stacked(table.blocks, table.reasons)
    parts = [f"% records: {' '.join(table.keys)}", HEAD, *floated([*first, *listed(below)], caption, label)]
    for name, blocks in apart.items():
        more, own = merged(blocks, table.reasons), re.sub(r"\W+", "-", name).strip("-")
        parts += floated(more, f"{NAMES.get(name, name.capitalize())}, beside: {title}.", f"{label}-{own}")
    if table.cost:
        cost = stacked([table.cost], table.reasons)
        cost += listed([escaped(told)]) if (told := warnings(table.cost)) else []
        parts += floated(cost, f"Cost of: {title}.", f"{label}-cost")
    text = "\n".join(parts) + "\n"
    return text if text.isascii() else f"{BEYOND}\n{text}"


def warnings(block: Block) -> str:
    """Those of its notes, on one line behind its title; a comment has the others."""
    said = [note.text for note in block.notes if note.is_warning]
    return ": ".join(filter(None, [block.title, " ".join(said)])) if said else ""


def listed(lines: list[str]) -> list[str]:
    return [r"\begin{flushleft}", "\\\\\n".join(lines), r"\end{flushleft}"]


def floated(lines: list[str], caption: str, label: str) -> list[str]:
    head = [r"\begin{table*}", r"\centering\scriptsize\setlength{\tabcolsep}{3pt}"]
    return [*head, rf"\caption{{{escaped(caption)}}}", rf"\label{{{label}}}", *lines, r"\end{table*}"]


def beside(blocks: list[Block]) -> dict[str, list[Block]]:
    """The blocks cut into our values ("") and each kind of value beside them, such as "paper", with the lines that have
    any; nothing where they do not all show the same metrics."""
    heads = {tuple(column.name for column in block.columns if not column.is_papers) for block in blocks}
    if len(blocks) < 2 or len(heads) > 1 or not all(column.metric for block in blocks for column in block.columns[1:]):
        return {}
    kinds = dict.fromkeys(column.name for block in blocks for column in block.columns if column.is_papers)
    found = {kind: [cut(block, kind) for block in blocks] for kind in ("", *kinds)}
    return {kind: [block for block in some if block.lines] for kind, some in found.items()}


def cut(block: Block, kind: str) -> Block:
    """The column of names, and our values or those of one kind beside them, each under its metric."""
    places = [n for n, c in enumerate(block.columns) if n and (c.name if c.is_papers else "") == kind]
    lines = [replace(line, cells=[line.cells[n] for n in (0, *places)]) for line in block.lines]
    if not kind:
        return replace(block, columns=[block.columns[n] for n in (0, *places)], lines=lines)
    lines = [line for line in lines if any(text != EMPTY for text in line.texts[1:])]
    columns = [block.columns[0], *(replace(block.columns[n], name=block.columns[n].metric) for n in places)]
    return replace(block, columns=columns, lines=lines, notes=[])


def merged(blocks: list[Block], reasons: list[str]) -> list[str]:
    """One tabular of all blocks, a group of columns each; a line that a block lacks is empty there."""
    heads, rules, place = [""], [], 2
    for block in blocks:
        width = len(block.columns) - 1
        heads.append(rf"\multicolumn{{{width}}}{{c}}{{{escaped(block.title)}}}")
        rules.append(rf"\cmidrule(lr){{{place}-{place + width - 1}}}")
        place += width
    lines = [" & ".join(heads) + r" \\", "".join(rules)]
    names = [escaped(blocks[0].columns[0].name), *(escaped(c.name) for block in blocks for c in block.columns[1:])]
    lines += [" & ".join(names) + r" \\", r"\midrule"]
    for name in in_order([[line.texts[0] for line in block.lines] for block in blocks]):
        cells = [escaped(name)]
        for block in blocks:
            own = next((line.cells[1:] for line in block.lines if line.texts[0] == name), None)
            cells += [shown(cell, reasons) for cell in own or [Cell(EMPTY)] * (len(block.columns) - 1)]
        lines.append(" & ".join(cells) + r" \\")
    said = [(block.title, note.text) for block in blocks for note in block.notes if not note.is_warning]
    notes = [f"% {escaped(title)}: {escaped(text)}" for title, text in said]
    return [
        rf"\begin{{tabular}}{{l{'r' * (place - 2)}}}",
        r"\toprule",
        *lines,
        r"\bottomrule",
        r"\end{tabular}",
        *notes,
    ]


def in_order(lists: list[list[str]]) -> list[str]:
    """All names, each after the one that it follows in the first list that has it."""
    found: list[str] = []
    for names in lists:
        place = 0
        for name in names:
            if name not in found:
                found.insert(place, name)
            place = found.index(name) + 1
    return found


def stacked(blocks: list[Block], reasons: list[str]) -> list[str]:
    """A tabular for each block, one below the other."""
    lines = []
    for block in blocks:
        sides = "".join("l" if column.kind == "name" else "r" for column in block.columns)
        lines += [rf"\par\medskip\textbf{{{escaped(block.title)}}}\par\smallskip"] if block.title else []
        lines += [rf"\begin{{tabular}}{{{sides}}}", r"\toprule"]
        lines += [" & ".join(escaped(column.name) for column in block.columns) + r" \\", r"\midrule"]
        for line in block.lines:
            lines.append(" & ".join(shown(cell, reasons) for cell in line.cells) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}"]
        lines += [f"% {escaped(note.text)}" for note in block.notes if not note.is_warning]
    return lines


def escaped(text: str) -> str:
    """Escaped, and hyphens apart; the letters of names stay, whatever their script, but what cannot be printed does
    not."""
    plain = SPECIAL.sub(lambda found: LETTERS[found[0]], re.sub(r"\s+", " ", text))
    return "".join(letter if letter.isprintable() else "?" for letter in plain)


def shown(cell: Cell, reasons: list[str]) -> str:
    note = f"$^{{{reasons.index(cell.note) + 1}}}$" if cell.note else ""
    sign = rf"\textsuperscript{{{escaped(cell.sign)}}}" if cell.sign else ""
    return MARKS[cell.mark] % escaped(cell.text) + sign + note
