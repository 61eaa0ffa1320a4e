"""Does the order of the models survive another protocol? Kendall's tau between two readings of the same rows."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.report.boards import Board, boards
from bench.report.evidence import Evidence
from bench.report.layout import Block, Cell, Figure, Page, Table, number
from bench.report.slopes import draw
from bench.spec import SHOWN

FEWEST = 3  # rows that an order is compared on
DRAWN = "ndcg@10"
NOTES = [
    "tau: Kendall's tau-b between the two orders of the rows that stand in both, by unrounded mean; 1 is the same "
    "order, -1 its reverse. swapped: pairs of rows whose order differs, of all pairs.",
    "Sampled and full ranking read the same trained models; two protocols train them anew.",
]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two boards on the same data set that differ in ranking, or in protocol."""

    left: Board
    right: Board

    @property
    def sides(self) -> tuple[str, str]:
        return tuple(f"{board.protocol}, {board.ranking}" for board in (self.left, self.right))

    @property
    def rows(self) -> list[str]:
        return [row for row in self.left.rows if row in self.right.keys]

    @property
    def keys(self) -> str:
        """The records behind the rows compared."""
        sides = [board.keys[row] for row in self.rows for board in (self.left, self.right)]
        return " ".join(dict.fromkeys(key for keys in sides for key in keys))

    def means(self, metric: str) -> pd.DataFrame:
        """``left`` and ``right`` by row."""
        return pd.DataFrame(
            {
                side: board.means[metric].reindex(self.rows)
                for side, board in (("left", self.left), ("right", self.right))
            }
        )


def contents(evidence: Evidence) -> list[Page]:
    """A table for each budget with two readings of the same rows, and a figure of the orders."""
    found = []
    for budget in sorted({board.budget for board in boards(evidence)}):
        pairs = [pair for pair in pairs_of(boards(evidence), budget) if len(pair.rows) > 1]
        if pairs:
            found.append(table(budget, pairs))
        if any(len(pair.rows) >= FEWEST for pair in pairs):
            found.append(figure(budget, [pair for pair in pairs if len(pair.rows) >= FEWEST]))
    return found


def pairs_of(found: list[Board], budget: str) -> Iterator[Pair]:
    """Sampled and full under each protocol, then paper and clean under each ranking, by data set."""
    mine = [board for board in found if board.budget == budget]
    for left, right in itertools.permutations(mine, 2):
        if left.block == right.block and left.protocol == right.protocol:
            if (left.ranking, right.ranking) == ("sampled", "full"):
                yield Pair(left, right)
    for left, right in itertools.permutations(mine, 2):
        if left.block == right.block and left.ranking == right.ranking:
            if (left.protocol, right.protocol) == ("paper", "clean"):
                yield Pair(left, right)


def agreement(means: pd.DataFrame) -> tuple[float, int]:
    """Kendall's tau-b of ``left`` and ``right``, and the number of pairs of rows that change their order.

    tau-b: concordant minus discordant pairs, over the geometric mean of the pairs untied on the left and on the right.
    tau is NaN where there are fewer rows than FEWEST, or all values of a side are equal.
    """
    left, right = means["left"].to_numpy(), means["right"].to_numpy()
    up, other = (np.sign(np.subtract.outer(side, side)) for side in (left, right))  # of each pair, both ways round
    n_untied = math.sqrt((up != 0).sum() * (other != 0).sum())
    is_order = len(means) >= FEWEST and n_untied > 0
    return (float((up * other).sum()) / n_untied if is_order else math.nan), int((up * other < 0).sum()) // 2


def why(means: pd.DataFrame) -> str:
    """The reason of an empty tau."""
    if len(means) < FEWEST:
        return f"only {len(means)} rows stand in both; an order needs {FEWEST}"
    return "all values of a side are equal"


def table(budget: str, pairs: list[Pair]) -> Table:
    header = ["Data set", "between", "and", "rows", *(f"tau {shown}" for shown in SHOWN.values()), "swapped N@10"]
    lines, data = [], []
    for pair in pairs:
        cells, n_pairs = [], math.comb(len(pair.rows), 2)
        for metric in SHOWN:
            means = pair.means(metric)
            tau, n_swapped = agreement(means)
            note = why(means) if math.isnan(tau) else ""
            cells.append(Cell(number(tau, "+.3f"), note=note))
            named = dict(zip(("dataset", "features", "left", "right"), (*pair.left.block, *pair.sides), strict=True))
            data.append(
                {
                    **named,
                    "metric": metric,
                    "n_rows": len(means),
                    "tau_b": tau,
                    "n_swapped": n_swapped,
                    "n_pairs": n_pairs,
                    "note": note,
                    "keys": pair.keys,
                }
            )
        swapped = Cell(f"{n_swapped} of {n_pairs}")  # of N@10, which SHOWN ends with
        lines.append([Cell(pair.left.heading), *map(Cell, pair.sides), Cell(str(len(pair.rows))), *cells, swapped])
    return Table(
        name=f"sensitivity-{budget}",
        title=f"Protocol sensitivity (budget {budget})",
        caption="Is the order of the models the same under another ranking, and under another protocol?",
        blocks=[Block(title="", header=header, lines=lines)],
        notes=NOTES,
        keys=keys(pairs),
        data=pd.DataFrame(data),
    )


def keys(pairs: list[Pair]) -> list[str]:
    return sorted({key for pair in pairs for key in pair.keys.split()})


def figure(budget: str, pairs: list[Pair]) -> Figure:
    """Places by N@10, left and right, a line a model."""
    lines = []
    for pair in pairs:
        means = pair.means(DRAWN)
        places = means.rank(ascending=False, method="min").astype(int)
        for row in pair.rows:
            names = {"dataset": pair.left.block[0], "features": pair.left.block[1], "budget": budget}
            left, right = pair.sides
            numbers = {f"{side}_{what}": frame.loc[row, side] for what, frame in (("mean", means), ("place", places))
                       for side in ("left", "right")}  # fmt: skip
            used = " ".join((*pair.left.keys[row], *pair.right.keys[row]))
            lines.append({**names, "heading": pair.left.heading, "left": left, "right": right, "row": row, **numbers,
                          "keys": used})  # fmt: skip
    return Figure(
        name=f"sensitivity-{budget}-slopes",
        title=f"Protocol sensitivity: places of the models (budget {budget})",
        caption=f"Places by {SHOWN[DRAWN]} among the rows that stand on both sides; 1 is best, ties share a place.",
        notes=["Lines that cross are models that change their order."],
        keys=keys(pairs),
        data=pd.DataFrame(lines),
        draw=draw,
    )
