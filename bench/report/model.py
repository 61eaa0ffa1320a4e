"""The content of a report before it has any format: tables of blocks, which have lines of cells, and figures."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Literal, NamedTuple

import pandas as pd

EMPTY = "—"


class Question(Enum):
    """The questions that a report answers, in its order; every table and figure belongs to one of them."""

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
    mark: Literal["", "best", "second", "few"] = ""  # few: the value is of too few cases to rely on
    note: str = ""  # why the cell is empty
    sign: str = ""  # ▲ or ▼ where a difference is more than chance


@dataclass(frozen=True)
class Column:
    """One column of a block.

    Attributes:
        kind: a name is aligned left; a number is aligned right and sorted by its value; a text made of numbers, such as
            an interval, is aligned right and sorted as text.
        metric: the metric of the values, by its name in the paper; empty where they are of no metric.
        term: the entry of ``bench.report.terms`` that explains the column, where that is not the column's name.
        is_papers: whether these are the paper's values or differences from them, which a terminal leaves out.
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
        about: the data set, features, protocol, budget, ranking and model that this line alone is about, as far as
            there are any; the HTML page filters by them.
        keys: the keys of the records behind the line, separated by spaces.
        is_run: whether there is any record behind the line; a terminal leaves out a line without records.
        is_foot: whether the line stays below the others however they are sorted.
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
    """A sentence below a table, and the command that it ends with, if any; a terminal shows only warnings."""

    text: str
    is_warning: bool = False
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A heading, columns, lines, and the notes about these lines alone.

    Attributes:
        about: as in ``Line``.
        is_detail: whether the block holds details of the blocks before it; the HTML page folds it.
    """

    title: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    columns: list[Column]
    lines: list[Line]
    notes: list[Note] = field(default_factory=list)
    is_detail: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """A table or a figure with its caption and notes.

    Attributes:
        question: the question that the page belongs to.
        kind: a short name of the content, with which the names of the files begin.
        what: the content in words; the title adds protocol, budget and ranking.
        data: the lines of the CSV; the column ``key`` or ``keys`` names the records.
        protocol: the protocol of the page; empty where it is about several, or about the data alone.
        budget: as ``protocol``.
        ranking: sampled or full where the page is a comparison; else empty.
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
        """A name that no other page has."""
        return "-".join(filter(None, (self.kind, self.protocol, self.budget, self.ranking)))

    @property
    def path(self) -> str:
        """The path of the page's files below the reports, without their ending: there is a folder for each protocol and
        budget, but not for a page without a budget."""
        folder = safe(f"{self.protocol or 'protocols'}-{self.budget}")
        return f"{folder}/{self.stem}" if self.budget else self.stem

    @property
    def stem(self) -> str:
        """The name of the page's files, without their ending."""
        return "-".join(filter(None, (self.kind, self.ranking)))

    @property
    def title(self) -> str:
        return f"{self.what} ({self.conditions})" if self.conditions else self.what

    @property
    def conditions(self) -> str:
        """Protocol, budget and ranking in words, as far as the page is about a single one."""
        words = [f"protocol {self.protocol}"] if self.protocol else []
        words += [f"budget {self.budget}"] if self.budget else []
        words += [f"{self.ranking} ranking"] if self.ranking else []
        return ", ".join(words)

    @cached_property
    def keys(self) -> list[str]:
        """The keys of the records behind the page, sorted."""
        return sorted({key for keys in self.data.get("keys", self.data.get("key")) for key in keys.split()})


@dataclass(frozen=True, kw_only=True)
class Table(Page):
    """A page of blocks; ``cost`` is shown as a separate table below them."""

    blocks: list[Block]
    cost: Block | None = None

    @property
    def cells(self) -> list[Cell]:
        return [cell for block in self.blocks for line in block.lines for cell in line.cells]

    @cached_property
    def reasons(self) -> list[str]:
        """The reasons for empty cells, which become numbered footnotes, in the order of their first cell."""
        return list(dict.fromkeys(cell.note for cell in self.cells if cell.note))


@dataclass(frozen=True, kw_only=True)
class Figure(Page):
    """A page with a drawing; ``plot`` names the function in ``bench.report.render.figures`` that draws ``data``."""

    plot: str


def safe(name: str) -> str:
    """Return ``name`` as a part of a path, with an underscore for each character unfit for a file name or a link."""
    return re.sub(r"[^\w.-]|^\.+", "_", name)


def number(value: float, form: str) -> str:
    """Return ``value`` in Python's format ``form``; a difference that is zero to the places shown has no sign."""
    if pd.isna(value):
        return EMPTY
    text = format(value, form)
    return text if text.strip("+-0.") else text.lstrip("+-")
