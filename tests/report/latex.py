"""A strict reader of the LaTeX that the report writes: it knows what may stand there and refuses all else."""

import itertools
import re

import numpy as np

COMMANDS = {
    "begin", "end", "centering", "scriptsize", "setlength", "tabcolsep", "caption", "label", "par", "medskip",
    "smallskip", "textbf", "underline", "toprule", "midrule", "bottomrule", "multicolumn", "cmidrule",
    "textsuperscript",
    "textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar",
}  # fmt: skip
IN_MATH = {"pm", "times", "dagger", "ddagger", "uparrow", "downarrow"}
ENVIRONMENTS = {"table*", "tabular", "flushleft"}
TOKEN = re.compile(r"\\([a-zA-Z]+)|\\([^a-zA-Z])|([{}&$%#_^~])|([^\\{}&$%#_^~]+)")


class Unsound(AssertionError):
    """What pdflatex would stop at, or set as something else."""


def check(page: str) -> list[list[list[str]]]:
    """The lines of every tabular, cell by cell as written.

    Raises:
        Unsound: for what cannot be printed, letters beyond ASCII that its first line does not tell of, an unknown
            command or environment, braces, environments or dollars that do not pair, a special character that is not
            escaped, a ligature, lines of unequal length, or a rule or line end that would read what follows as its
            option.
    """
    _letters(page)
    body = re.sub(r"(?m)(?<!\\)%.*\n", "", page)  # comments stand on lines of their own: see _letters
    _tokens(body)
    _environments(body)
    after = re.search(r"\\(?:\\|toprule|midrule|bottomrule)\s*[\[*]", body)
    if after:
        raise Unsound(f"read as an option: {after[0]!r}")
    return [
        _lines(sides, lines) for sides, lines in re.findall(r"\\begin{tabular}{(\w+)}(.*?)\\end{tabular}", body, re.S)
    ]


def _letters(page: str) -> None:
    strange = sorted({letter for letter in page if letter != "\n" and not letter.isprintable()})
    if strange:
        raise Unsound(f"cannot be printed: {strange}")
    if not page.isascii() and not page.startswith("% has letters beyond ASCII"):
        raise Unsound("letters beyond ASCII")
    if re.search(r"(?m)^.+(?<!\\)%", page):
        raise Unsound("a comment behind text")


def _tokens(body: str) -> None:
    depth, is_math, place = 0, False, 0
    for found in TOKEN.finditer(body):
        if found.start() != place:
            raise Unsound(f"cannot be read: {body[place : place + 20]!r}")
        place = found.end()
        command, symbol, special, text = found.groups()
        if command and command not in (IN_MATH if is_math else COMMANDS):
            raise Unsound(f"unknown command \\{command}")
        if symbol and symbol not in "\\&%$#_{}":
            raise Unsound(f"unknown command \\{symbol}")
        depth += {"{": 1, "}": -1}.get(special, 0)
        is_math ^= special == "$"
        if depth < 0 or (special in ("#", "~", "_", "%") or (special == "^" and not is_math)):
            raise Unsound(f"{special} at {body[place - 30 : place]!r}")
        if text and not is_math and re.search('[<>|"]|(?<!-)--(?!-)|----|``|[?!]`', text):
            raise Unsound(f"set as something else: {text!r}")
        if is_math and "\n" in (text or ""):
            raise Unsound(f"a dollar that does not pair before {text!r}")
    if depth or is_math or place != len(body):
        raise Unsound("braces or dollars do not pair")


def _environments(body: str) -> None:
    open_ = []
    for side, name in re.findall(r"\\(begin|end){(.*?)}", body):
        if name not in ENVIRONMENTS:
            raise Unsound(f"unknown environment {name}")
        if side == "begin":
            open_.append(name)
        elif not open_ or open_.pop() != name:
            raise Unsound(f"\\end{{{name}}} without its beginning")
    if open_:
        raise Unsound(f"never ended: {open_}")


def _lines(sides: str, text: str) -> list[list[str]]:
    rules = re.findall(r"\\(toprule|midrule|bottomrule)\n", text)
    if rules != ["toprule", "midrule", "bottomrule"] or set(sides) - {"l", "r"}:
        raise Unsound(f"rules {rules}, sides {sides}")
    *lines, rest = re.sub(r"\\(top|mid|bottom)rule\n", "", text).strip().split(r" \\")
    if rest:
        raise Unsound(f"a line without its end: {rest!r}")
    cells = [re.split(r"(?<!\\)&", line) for line in lines]
    if r"\multicolumn" in lines[0]:
        cells = _groups(cells, len(sides))
    for line in cells:
        if len(line) != len(sides):
            raise Unsound(f"{len(line)} cells in {len(sides)} columns: {line}")
    return [[cell.strip() for cell in line] for line in cells]


def _groups(cells: list[list[str]], width: int) -> list[list[str]]:
    """The lines without their first, which names groups of columns, each with a rule below it."""
    spans = [re.fullmatch(r"\s*\\multicolumn{(\d+)}{c}{.+}\s*", cell) for cell in cells[0][1:]]
    if cells[0][0].strip() or not all(spans) or 1 + sum(int(span[1]) for span in spans) != width:
        raise Unsound(f"groups that do not cover {width} columns: {cells[0]}")
    ends = np.cumsum([1, *(int(span[1]) for span in spans)])
    rules = "".join(rf"\cmidrule(lr){{{first + 1}-{last}}}" for first, last in itertools.pairwise(ends))
    if not cells[1][0].lstrip().startswith(f"{rules}\n"):
        raise Unsound(f"no rules {rules} in {cells[1][0]!r}")
    return [[cells[1][0].lstrip().removeprefix(rules), *cells[1][1:]], *cells[2:]]
