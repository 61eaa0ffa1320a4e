"""Does the order of the models survive another protocol? Kendall's tau between two readings of the same rows."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.report.boards import Board, boards
from bench.report.conditions import mixture
from bench.report.evidence import Evidence
from bench.report.model import Block, Cell, Column, Figure, Line, Note, Page, Question, Table, number, safe
from bench.report.rows import BLOCK, about
from bench.spec import SHOWN

FEWEST = 3  # rows, below which orders are not compared
DRAWN = "ndcg@10"
COLUMNS = [
    *BLOCK, "budget", "heading", "left", "right", "row", "is_studied", "left_mean", "right_mean", "left_place",
    "right_place", "keys",
]  # fmt: skip
NOTES = [
    "tau is Kendall's tau-b between the two orders of the rows that both sides have, by unrounded mean: 1 is the same "
    "order and -1 its reverse. swapped counts the pairs of rows whose order differs.",
    "Sampled and full ranking come from the same training runs. Each is taken from its own best epoch, except in "
    "records of version 1 of the protocols, where one epoch was chosen for both. Two protocols train the models anew. "
    "Floors count as rows.",
]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two boards on the same data set that differ in ranking, or in protocol."""

    left: Board
    right: Board

    @property
    def sides(self) -> dict[str, Board]:
        return {"left": self.left, "right": self.right}

    @property
    def rows(self) -> list[str]:
        return [row for row in self.left.rows if row in self.right.keys]

    @property
    def keys(self) -> str:
        """The keys of the records behind the compared rows."""
        by_cell = [board.keys[row] for row in self.rows for board in self.sides.values()]
        return " ".join(dict.fromkeys(key for keys in by_cell for key in keys))

    @property
    def names(self) -> dict[str, str]:
        """The columns of a CSV that describe the pair."""
        return about(self.left.block, **{side: f"{b.protocol}, {b.ranking}" for side, b in self.sides.items()})

    def means(self, metric: str) -> pd.DataFrame:
        """Return the means of the common rows, one line per row, with the columns ``left`` and ``right``."""
        return pd.DataFrame({side: board.means[metric].reindex(self.rows) for side, board in self.sides.items()})


def pages(evidence: Evidence) -> list[Page]:
    """Return a table for each budget that orders the same rows in two ways, and a figure for each data set."""
    found = []
    for budget in sorted({board.budget for board in boards(evidence)}):
        pairs = [pair for pair in pairs_of(boards(evidence), budget) if len(pair.rows) > 1]
        if pairs:
            found.append(table(evidence, budget, pairs))
        drawn: dict[str, list[Pair]] = {}  # by data set, whose name is part of a file name; all its features together
        for pair in (pair for pair in pairs if len(pair.rows) >= FEWEST):
            drawn.setdefault(safe(pair.left.block[0]), []).append(pair)
        found += [figure(evidence, budget, name, of_name) for name, of_name in drawn.items()]
    return found


def pairs_of(found: list[Board], budget: str) -> Iterator[Pair]:
    """Yield sampled against full ranking under each protocol, then paper against clean under each ranking."""
    candidates = itertools.permutations([board for board in found if board.budget == budget], 2)
    candidates = [(left, right) for left, right in candidates if left.block == right.block]
    for left, right in candidates:
        if left.protocol == right.protocol and (left.ranking, right.ranking) == ("sampled", "full"):
            yield Pair(left, right)
    for left, right in candidates:
        if left.ranking == right.ranking and (left.protocol, right.protocol) == ("paper", "clean"):
            yield Pair(left, right)


def agreement(means: pd.DataFrame) -> tuple[float, int]:
    """Return Kendall's tau-b of ``left`` and ``right``, and the number of pairs of rows that change their order.

    tau is NaN where there are fewer rows than FEWEST, or all values of a side are equal.
    """
    tau = means["left"].corr(means["right"], method="kendall", min_periods=FEWEST)
    left, right = (np.sign(np.subtract.outer(side, side)) for side in means.to_numpy().T)  # each pair, both ways round
    return tau, int((left * right < 0).sum()) // 2


def warnings(evidence: Evidence, pairs: list[Pair]) -> list[Note]:
    """Return warnings where the compared records were not made under equal conditions; candidates must be equal within
    a protocol only, since two protocols draw different ones."""
    keys: dict[str, list[str]] = {}
    for pair in pairs:
        protocols = " and ".join(dict.fromkeys(board.protocol for board in pair.sides.values()))
        keys.setdefault(f"{pair.left.heading} under {protocols}", []).append(pair.keys)
    notes = []
    for name, compared in keys.items():
        records = evidence.rows_of(compared)
        is_one_protocol = records["protocol"].nunique() == 1
        notes += mixture(records if is_one_protocol else records.assign(candidate_hash=None), name)
    return notes


def table(evidence: Evidence, budget: str, pairs: list[Pair]) -> Table:
    """Return the table of how far the orders of each pair of boards agree."""
    names = [Column(name, "name") for name in ("Data set", "between", "and")]
    taus = [Column(f"tau {metric}", metric=metric, term="tau") for metric in SHOWN.values()]
    columns = [*names, Column("rows"), *taus, Column("swapped N@10", "text")]
    by_pair = [readings(pair) for pair in pairs]
    return Table(
        question=Question.PROTOCOL,
        kind="sensitivity",
        what="Protocol sensitivity",
        caption="Whether the order of the models is the same under another ranking, and under another protocol.",
        blocks=[Block(columns=columns, lines=[*map(line, pairs, by_pair)])],
        notes=[*map(Note, NOTES), *warnings(evidence, pairs)],
        data=pd.DataFrame([reading for of_pair in by_pair for reading in of_pair]),
        budget=budget,
    )


def readings(pair: Pair) -> list[dict]:
    """Return one line of the CSV per metric: how far the two orders agree."""
    found = []
    for metric in SHOWN:
        means = pair.means(metric)
        tau, n_swapped = agreement(means)
        values = {**pair.names, "metric": metric, "n_rows": len(means), "tau_b": tau, "n_swapped": n_swapped}
        few = f"only {len(means)} rows are on both sides; an order needs at least {FEWEST}"
        why_empty = few if len(means) < FEWEST else "all values of a side are equal"
        note = why_empty if math.isnan(tau) else ""
        found.append({**values, "n_pairs": math.comb(len(means), 2), "note": note, "keys": pair.keys})
    return found


def line(pair: Pair, of_pair: list[dict]) -> Line:
    """Return the table's line of ``pair``, whose readings are ``of_pair``."""
    taus = [Cell(number(reading["tau_b"], "+.3f"), note=reading["note"]) for reading in of_pair]
    (drawn,) = (reading for reading in of_pair if reading["metric"] == DRAWN)
    texts = [pair.left.heading, pair.names["left"], pair.names["right"], str(len(pair.rows))]
    swapped = Cell(f"{drawn['n_swapped']} of {drawn['n_pairs']}")
    return Line([*map(Cell, texts), *taus, swapped], about=about(pair.left.block), keys=pair.keys)


def figure(evidence: Evidence, budget: str, name: str, pairs: list[Pair]) -> Figure:
    """Draw the places by N@10 on the left and on the right, one line per model; ``name`` is that of the data set."""
    parts = []
    for pair in pairs:
        means = pair.means(DRAWN)
        places = means.rank(ascending=False, method="min").astype(int)
        lines = means.add_suffix("_mean").join(places.add_suffix("_place")).rename_axis("row").reset_index()
        keys = [" ".join((*pair.left.keys[row], *pair.right.keys[row])) for row in pair.rows]
        lines = lines.assign(keys=keys, is_studied=lines["row"].isin(evidence.studied))
        parts.append(lines.assign(**pair.names, budget=budget, heading=pair.left.heading))
    sets = ", ".join(dict.fromkeys(pair.left.heading for pair in pairs))
    return Figure(
        question=Question.PROTOCOL,
        kind=f"sensitivity-slopes-{name}",
        what=f"Protocol sensitivity: places of the models, {sets}",
        caption=f"Places by {SHOWN[DRAWN]} among the rows that both sides have; 1 is the best, and ties share a place.",
        notes=[Note("Where lines cross, models change their order."), *warnings(evidence, pairs)],
        data=pd.concat(parts, ignore_index=True)[COLUMNS],
        budget=budget,
        plot="slopes",
    )
