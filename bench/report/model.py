"""What a report shows, before it has any form: cells in lines, lines in blocks, blocks in a table; and figures."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Literal, NamedTuple

import pandas as pd

EMPTY = "—"


class Question(Enum):
    """What a reader asks of a report, in the order of its answers; every table and figure belongs to one."""

    ANSWER = "Answer"
    COMPARISON = "Comparison"
    COMPONENTS = "Components"
    LAYERS = "Layers"
    CHANCE = "Is it chance?"
    PROTOCOL = "Does the protocol decide?"
    CONTENT = "Does content matter?"
    WHOM = "For whom?"
    COST = "What did it cost?"
    DATA = "Data"
    RECORDS = "Records"


class Cell(NamedTuple):
    text: str
    mark: Literal["", "best", "second", "few"] = ""  # few: of too few cases to go by
    note: str = ""  # why it is empty
    sign: str = ""  # of a difference that is more than chance: ▲ or ▼


@dataclass(frozen=True)
class Column:
    """One column of a block.

    Attributes:
        kind: a name stands to the left, a number to the right and is sorted by its value; a text made of numbers,
            such as an interval, stands to the right and is sorted as text.
        metric: whose values these are, by the metric's name in the paper; empty where they are of none.
        term: what explains it in ``bench.report.terms``, where that is not its own name.
        is_papers: the paper's value or the difference from it, which a terminal leaves out.
    """

    name: str
    kind: Literal["name", "number", "text"] = "number"
    metric: str = ""
    term: str = ""
    is_papers: bool = False


@dataclass(frozen=True)
class Line:
    """One line of a block.

    Attributes:
        about: data set, features, protocol, budget, ranking and model, where the line alone is about one; the page's
            filters go by them.
        keys: of the records behind it, with spaces between them.
        is_run: whether there is any record behind it; a terminal leaves out a line without.
        is_foot: stays below the others however they are sorted.
    """

    cells: list[Cell]
    about: Mapping[str, str] = field(default_factory=dict)
    keys: str = ""
    is_run: bool = True
    is_foot: bool = False

    @property
    def texts(self) -> list[str]:
        return [cell.text for cell in self.cells]


class Note(NamedTuple):
    """A sentence below a table, and the command that it ends with, if any; a terminal shows the warnings only."""

    text: str
    is_warning: bool = False
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A heading, the columns, the lines, and notes about them alone.

    Attributes:
        about: as that of a line.
        is_detail: what stands behind the blocks before it; the page folds it.
    """

    title: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    columns: list[Column]
    lines: list[Line]
    notes: list[Note] = field(default_factory=list)
    is_detail: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """A table or a figure, and what it says about itself.

    Attributes:
        question: under which it stands.
        kind: what it is, as its files are named.
        what: the same in words; the title adds protocol, budget and ranking.
        data: the CSV; its column ``key`` or ``keys`` names the records.
        protocol: the one that it is about; empty where it is about several, or about the data alone.
        budget: as ``protocol``.
        ranking: sampled or full, of a comparison.
    """

    question: Question
    kind: str
    what: str
    caption: str
    notes: list[Note]
    data: pd.DataFrame
    protocol: str = ""
    budget: str = ""
    ranking: str = ""

    @property
    def name(self) -> str:
        """Its own among all pages."""
        return "-".join(filter(None, (self.kind, self.protocol, self.budget, self.ranking)))

    @property
    def folder(self) -> str:
        """Where its files stand: one for each protocol and budget; empty for what is about the data alone."""
        return safe(f"{self.protocol or 'protocols'}-{self.budget}") if self.budget else ""

    @property
    def path(self) -> str:
        """Of its files below the reports, without their ending."""
        return f"{self.folder}/{self.stem}" if self.folder else self.stem

    @property
    def stem(self) -> str:
        """The name of its files in ``folder``, without their ending."""
        return "-".join(filter(None, (self.kind, self.ranking)))

    @property
    def title(self) -> str:
        return f"{self.what} ({self.conditions})" if self.conditions else self.what

    @property
    def conditions(self) -> str:
        """Protocol, budget and ranking in words, as far as it is about one."""
        said = [f"protocol {self.protocol}"] if self.protocol else []
        said += [f"budget {self.budget}"] if self.budget else []
        said += [f"{self.ranking} ranking"] if self.ranking else []
        return ", ".join(said)

    @cached_property
    def keys(self) -> list[str]:
        """Of the records behind it."""
        return sorted({key for keys in self.data.get("keys", self.data.get("key")) for key in keys.split()})


@dataclass(frozen=True, kw_only=True)
class Table(Page):
    """What every format shows: ``cost`` is a table of its own below the first."""

    blocks: list[Block]
    cost: Block | None = None

    @property
    def cells(self) -> list[Cell]:
        return [cell for block in self.blocks for line in block.lines for cell in line.cells]

    @cached_property
    def reasons(self) -> list[str]:
        """The numbered footnotes, in the order of their first cell."""
        return list(dict.fromkeys(cell.note for cell in self.cells if cell.note))


@dataclass(frozen=True, kw_only=True)
class Figure(Page):
    """``plot`` names the drawing of ``data`` in ``bench.report.render.figures``."""

    plot: str


def safe(name: str) -> str:
    """``name`` as a part of a path: what a file name or a link could not hold is an underscore."""
    return re.sub(r"[^\w.-]|^\.+", "_", name)


def number(value: float, form: str) -> str:
    """``value`` in Python's format ``form``; a difference that is zero to the places shown has no sign."""
    if pd.isna(value):
        return EMPTY
    text = format(value, form)
    return text if text.strip("+-0.") else text.lstrip("+-")
