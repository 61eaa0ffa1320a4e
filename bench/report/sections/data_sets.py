"""Table 1: the data sets and their sizes, beside the paper's."""

import math

import pandas as pd

from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.paper import STATISTICS, Published
from bench.report.rows import DATASETS, blocks

DASH = "A dash under paper: the paper's Table 1 does not have the data set (bench/report/paper.csv)."


def table_1(records: pd.DataFrame, paper: Published) -> Table:
    """The data sets, from the newest record that knows their sizes."""
    data, said = [], []
    for name in dict.fromkeys(name for name, _ in blocks(records)):
        known = records[(records["dataset"] == name) & records["users"].notna()]
        newest = known.sort_values(["started", "key"], na_position="first").tail(1)
        for metric in STATISTICS:
            value = float(newest[metric].iloc[0]) if len(newest) else math.nan
            stated = paper.get(("table1", name, "", metric), math.nan)
            data.append([name, metric, value, stated, value - stated, " ".join(newest["key"])])
        if len(known[list(STATISTICS)].drop_duplicates()) > 1:
            said.append(f"The records of {name} disagree about its sizes; those of the newest are shown.")
    frame = pd.DataFrame(data, columns=["dataset", "metric", "value", "paper", "difference", "keys"])
    columns = [Column("Data set", "name"), *(Column(one.capitalize()) for one in STATISTICS)]
    has_paper = bool(frame["paper"].notna().any())
    for what in ("paper", "diff.") if has_paper else ():
        columns += [Column(f"{what}: {one}", term=what, is_papers=True) for one in STATISTICS]
    lines = [sizes(name, own, has_paper=has_paper) for name, own in frame.groupby("dataset", sort=False)]
    return Table(
        question=Question.DATA,
        kind="table1",
        what="Table 1: data sets",
        caption="Density is interactions / (users × items)." + " Differences are ours minus the paper's." * has_paper,
        blocks=[Block(columns=columns, lines=lines)],
        notes=[*map(Note, [DASH] * (has_paper and bool(frame["paper"].isna().any())) + said)],
        data=frame,
    )


def sizes(name: str, own: pd.DataFrame, *, has_paper: bool) -> Line:
    forms = [".5f" if metric == "density" else ",.0f" for metric in own["metric"]]
    reasons = ["" if keys else "no finished record" for keys in own["keys"]]
    ours = [Cell(number(*one), note=why) for *one, why in zip(own["value"], forms, reasons, strict=True)]
    theirs = [Cell(number(*one)) for one in zip(own["paper"], forms, strict=True)]
    gaps = [Cell(number(value, f"+{form}")) for value, form in zip(own["difference"], forms, strict=True)]
    named = Cell(DATASETS.get(name, name))
    cells = [named, *ours, *theirs, *gaps] if has_paper else [named, *ours]
    return Line(cells, about={"dataset": name}, keys=own["keys"].iloc[0])
