"""Tables 1 and 2: records in, ``Table`` out. Values are rounded here and nowhere else."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter

import pandas as pd

from bench.report import paper as published
from bench.report.evidence import Evidence
from bench.report.layout import EMPTY, Block, Cell, Table, number
from bench.report.paper import DATASETS, FLOORS, IMPROVEMENT, OURS, STATISTICS, Published, heading
from bench.report.prose import caption, notes
from bench.report.significance import LEGEND, signs_of
from bench.report.summary import BLOCK, blocks, cells, improvement, in_block, order, run_means, standing
from bench.report.variants import without_knockouts, without_variants
from bench.spec import RANKINGS, SHOWN


def contents(evidence: Evidence) -> list[Table]:
    return tables(without_variants(evidence.frame), signs=signs_of(evidence))


Signs = Mapping[tuple[str, ...], str]  # of the differences that are more than chance, by ``Board.cell``


def tables(frame: pd.DataFrame, *, paper: Published | None = None, signs: Signs | None = None) -> list[Table]:
    """Table 1, then a Table 2 for each protocol, budget and ranking; none mixes two of these, or has a knock-out.

    Args:
        frame: ``bench.store.store.frame`` of the records.
        paper: the paper's numbers; those of ``paper.csv`` where it is not given.
        signs: what ``significance.signs_of`` found.
    """
    paper, signs = published.load() if paper is None else paper, signs or {}
    records = standing(frame)
    if records.empty:
        return []
    found = [statistics(records, paper)]
    for _, group in without_knockouts(records).groupby(["protocol", "budget"]):
        took = cost(group)
        found += [comparison(group, ranking, paper, signs, took) for ranking in RANKINGS]
    return found


def statistics(records: pd.DataFrame, paper: Published) -> Table:
    """Table 1: the data sets, from the newest record that knows their sizes."""
    lines, data = [], []
    said = [f"{EMPTY} under paper: the data set is not in the paper's Table 1 (bench/report/paper.csv)."]
    for name in dict.fromkeys(name for name, _ in blocks(records)):
        known = records[(records["dataset"] == name) & records["users"].notna()]
        newest = known.sort_values(["started", "key"], na_position="first").tail(1)
        ours, theirs, differences = [], [], []
        for metric in STATISTICS:
            form = ".5f" if metric == "density" else ",.0f"
            value = float(newest[metric].iloc[0]) if len(newest) else math.nan
            stated = paper.get(("table1", name, "", metric), math.nan)
            gap = value - stated
            ours.append(Cell(number(value, form), note="" if len(newest) else "no finished record"))
            theirs.append(Cell(number(stated, form)))
            differences.append(Cell(number(gap, f"+{form}")))
            data.append([name, metric, value, stated, gap, " ".join(newest["key"])])
        if len(known[list(STATISTICS)].drop_duplicates()) > 1:
            said.append(f"The records of {name} differ in its sizes; those of the newest are shown.")
        lines.append([Cell(DATASETS.get(name, name)), *ours, *theirs, *differences])
    shown = [s.capitalize() for s in STATISTICS]
    header = ["Data set", *shown, *(f"paper: {s}" for s in STATISTICS), *(f"diff.: {s}" for s in STATISTICS)]
    columns = ["dataset", "metric", "value", "paper", "difference", "keys"]
    frame = pd.DataFrame(data, columns=columns)
    return Table(
        name="table1",
        title="Table 1: data sets",
        caption="Density is interactions / (users × items). Differences are ours minus the paper's.",
        blocks=[Block(title="", header=header, lines=lines)],
        notes=said,
        keys=sorted({key for keys in frame["keys"] for key in keys.split()}),
        data=frame,
        is_of_data=True,
    )


def comparison(records: pd.DataFrame, ranking: str, paper: Published, signs: Signs, took: Block | None) -> Table:
    """Table 2 of one protocol, budget and ranking; ``took``: the cost of its records, the same for all rankings."""
    protocol, budget = records[["protocol", "budget"]].iloc[0]
    data = cells(records, ranking, paper)
    places = data[[*BLOCK, "row", "metric"]].itertuples(index=False, name=None)
    data["sign"] = [signs.get((protocol, budget, ranking, *place), "") for place in places]
    found = []
    for block in blocks(records):
        part, is_compared = in_block(data, block), block[0] in DATASETS and ranking == "sampled"
        shown = compared_block(part, records, block, is_compared=is_compared)
        shown.lines.append(improvements(part, paper, is_compared=is_compared))
        found.append(shown)
    return Table(
        name=f"table2-{protocol}-{budget}-{ranking}",
        title=f"Table 2: comparison (protocol {protocol}, budget {budget}, {ranking} ranking)",
        caption=caption(records, ranking),
        blocks=found,
        cost=took,
        notes=notes(records, data, ranking) + ([LEGEND] if data["sign"].any() else []),
        keys=sorted(records["key"]),
        data=data,
        ranking=ranking,
    )


def compared_block(
    part: pd.DataFrame, records: pd.DataFrame, block: tuple[str, str], *, is_compared: bool, kind: str = "Model"
) -> Block:
    """The rows of ``part``, the cells of one block; ``is_compared``: with the paper's values and the differences."""
    dependent = set(records.loc[records["is_candidate_dependent"], "row"])
    columns = [[shown, "paper", "diff."] if is_compared else [shown] for shown in SHOWN.values()]
    lines = []
    for row, own in groupby(part.to_dict("records"), key=itemgetter("row")):
        shown = [c for cell in own for c in compared(cell)[: 3 if is_compared else 1]]
        lines.append([Cell(label(row, row in dependent)), *shown])
    return Block(title=heading(block), header=[kind, *sum(columns, [])], lines=lines)


def label(row: str, is_dependent: bool) -> str:
    """A row's name with its marks: a floor, ours, † for scores that depend on the other candidates."""
    kind = " (floor)" if row in FLOORS else " (ours)" if row == OURS else ""
    return f"{row}{kind}{' †' if is_dependent else ''}"


def mean_text(cell: dict) -> str:
    """The mean, with the deviation where there are several seeds."""
    text = number(cell["mean"], ".4f")
    return f"{text} ± {cell['std']:.4f}" if cell["n_seeds"] > 1 and text != EMPTY else text


def compared(cell: dict) -> list[Cell]:
    """Our value with its marks, the paper's, the difference."""
    mark = "best" if cell["best"] else "second" if cell["second"] else ""
    theirs = [Cell(number(cell["paper"], ".4f")), Cell(number(cell["difference"], "+.4f"))]
    return [Cell(mean_text(cell), mark, cell["note"], cell.get("sign", "")), *theirs]


def improvements(part: pd.DataFrame, paper: Published, *, is_compared: bool) -> list[Cell]:
    """The line of %Imp.: MCLN over the best of the paper's baselines."""
    line = [Cell(IMPROVEMENT)]
    for shown, own in part.groupby("metric", sort=False):
        ours = improvement(dict(zip(own["row"], own["mean"], strict=True)))
        theirs = paper.get(("table2", part["dataset"].iloc[0], IMPROVEMENT, shown), math.nan)
        values = (ours, theirs, ours - theirs) if is_compared else (ours,)
        line += [Cell(number(value, "+.2f")) for value in values]
    return line


def cost(records: pd.DataFrame, *, rows: Sequence[str] | None = None, kind: str = "Model") -> Block | None:
    """What the finished runs took, means over the seeds, and the search for their settings; ``rows`` in their order."""
    forms = {
        "best_epoch": ".0f", "epochs": ".0f", "seconds.train": ",.1f", "seconds.evaluate": ",.1f",
        "parameters": ",.0f", "peak_memory_mib": ",.1f", "tuning.trials": ".0f", "tuning.seconds": ",.1f",
    }  # fmt: skip
    done = records[records["status"] == "done"].astype(dict.fromkeys(forms, float))
    done = done.fillna({"tuning.trials": 0.0, "tuning.seconds": 0.0})
    means = run_means(done, list(forms)).to_dict("index")
    lines = []
    for block in blocks(records):
        for row in [r for r in rows or order([row for *_, row in means]) if (*block, r) in means]:
            values = [Cell(number(means[(*block, row)][column], form)) for column, form in forms.items()]
            lines.append([Cell(heading(block)), Cell(row), *values])
    names = ["best epoch", "epochs", "train s", "evaluate s", "parameters", "memory MiB", "trials", "tuning s"]
    return Block(title="", header=["Data set", kind, *names], lines=lines) if lines else None
