"""What every format shows: cells in lines, lines in blocks, blocks in a table; and figures."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

EMPTY = "—"


class Cell(NamedTuple):
    text: str
    mark: str = ""  # best | second
    note: str = ""  # why it is empty
    sign: str = ""  # of a difference that is more than chance: ▲ or ▼


@dataclass(frozen=True, kw_only=True)
class Block:
    """A heading, a line of column names, and lines of cells."""

    title: str
    header: list[str]
    lines: list[list[Cell]]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A table or a figure, and what it says about itself; ``data`` is the CSV."""

    name: str  # of its files
    title: str
    caption: str
    notes: list[str]
    keys: list[str]  # of the records behind it
    data: pd.DataFrame
    ranking: str = ""  # sampled | full, of a comparison
    is_of_data: bool = False  # about the data alone: no protocol, budget or seed


@dataclass(frozen=True, kw_only=True)
class Table(Page):
    """What every format shows: ``cost`` is a table of its own below the first."""

    blocks: list[Block]
    cost: Block | None = None

    @property
    def cells(self) -> list[Cell]:
        return [cell for block in self.blocks for line in block.lines for cell in line]

    @cached_property
    def reasons(self) -> list[str]:
        """The numbered footnotes, in the order of their first cell."""
        return list(dict.fromkeys(cell.note for cell in self.cells if cell.note))


@dataclass(frozen=True, kw_only=True)
class Figure(Page):
    """``draw`` makes a matplotlib figure of ``data``; ``notes`` say also why something is missing."""

    draw: Callable[[pd.DataFrame], Any]


def number(value: float, form: str) -> str:
    """``value`` in Python's format ``form``; a difference of nought, to the places shown, has no sign."""
    if pd.isna(value):
        return EMPTY
    text = format(value, form)
    return text if text.strip("+-0.") else text.lstrip("+-")
