"""Table 1: the data sets and their sizes, beside the paper's."""

import math

import pandas as pd

from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.paper import STATISTICS, Published
from bench.report.rows import DATASETS, blocks

DASH = "A dash under paper: the paper's Table 1 does not have the data set (bench/report/paper.csv)."


def table_1(records: pd.DataFrame, paper: Published) -> Table:
    """Return the sizes of the data sets, each from the newest record that has them."""
    data, disagreements = [], []
    for name in dict.fromkeys(name for name, _ in blocks(records)):
        sized = records[(records["dataset"] == name) & records["users"].notna()]
        newest = sized.sort_values(["started", "key"], na_position="first").tail(1)
        for metric in STATISTICS:
            value = float(newest[metric].iloc[0]) if len(newest) else math.nan
            stated = paper.get(("table1", name, "", metric), math.nan)
            data.append([name, metric, value, stated, value - stated, " ".join(newest["key"])])
        if len(sized[list(STATISTICS)].drop_duplicates()) > 1:
            disagreements.append(f"The records of {name} disagree about its sizes; those of the newest are shown.")
    frame = pd.DataFrame(data, columns=["dataset", "metric", "value", "paper", "difference", "keys"])
    columns = [Column("Data set", "name"), *(Column(metric.capitalize()) for metric in STATISTICS)]
    has_paper = bool(frame["paper"].notna().any())
    for what in ("paper", "diff.") if has_paper else ():
        columns += [Column(f"{what}: {metric}", term=what, is_papers=True) for metric in STATISTICS]
    lines = [sizes(name, part, has_paper=has_paper) for name, part in frame.groupby("dataset", sort=False)]
    return Table(
        question=Question.DATA,
        kind="table1",
        what="Table 1: data sets",
        caption="Density is interactions / (users × items)." + " Differences are ours minus the paper's." * has_paper,
        blocks=[Block(columns=columns, lines=lines)],
        notes=[*map(Note, [DASH] * (has_paper and bool(frame["paper"].isna().any())) + disagreements)],
        data=frame,
    )


def sizes(name: str, statistics: pd.DataFrame, *, has_paper: bool) -> Line:
    """Return the line of the data set ``name``: our values and, with ``has_paper``, the paper's and the differences."""
    ours, theirs, gaps = [], [], []
    for size in statistics.itertuples():
        form = ".5f" if size.metric == "density" else ",.0f"
        ours.append(Cell(number(size.value, form), note="" if size.keys else "no finished record"))
        theirs.append(Cell(number(size.paper, form)))
        gaps.append(Cell(number(size.difference, f"+{form}")))
    cells = [Cell(DATASETS.get(name, name)), *ours, *(theirs + gaps if has_paper else [])]
    return Line(cells, about={"dataset": name}, keys=statistics["keys"].iloc[0])
