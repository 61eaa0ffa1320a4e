"""Tables 1 and 2: the data sets, and the models on them. Values are rounded here and nowhere else."""

import math
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE, improvement, leaderboard
from bench.report.model import EMPTY, Block, Cell, Column, Line, Note, Table, keys_of, number
from bench.report.paper import IMPROVEMENT, STATISTICS, Published
from bench.report.prose import caption, notes
from bench.report.rows import BLOCK, DATASETS, FLOORS, ITEMWISE, blocks, heading, in_block
from bench.report.sections import cost
from bench.report.sections.significance import LEGEND, signs_of
from bench.spec import RANKINGS, SHOWN

Signs = Mapping[tuple[str, ...], str]  # of the differences that are more than chance, by table, block, row and metric
CSV = [
    "dataset", "row", "metric", "mean", "std", "n_seeds", "paper", "difference", "best", "second", "keys", "features",
    "note",
]  # fmt: skip


def pages(evidence: Evidence, signs: Signs | None = None) -> list[Table]:
    """Table 1, then a Table 2 for each protocol, budget and ranking; none mixes two of these, or has a knock-out.

    Args:
        signs: what ``significance.signs_of`` found, where it was asked before.
    """
    records = evidence.frame[~evidence.frame["is_variant"]]
    if records.empty:
        return []
    signs = signs_of(evidence) if signs is None else signs
    found = [statistics(records, evidence.published)]
    for _, group in evidence.main.groupby(TABLE[:2]):
        found += [table_2(evidence, group, ranking, signs) for ranking in RANKINGS]
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
            ours.append(Cell(number(value, form), note="" if len(newest) else "no finished record"))
            theirs.append(Cell(number(stated, form)))
            differences.append(Cell(number(value - stated, f"+{form}")))
            data.append([name, metric, value, stated, value - stated, " ".join(newest["key"])])
        if len(known[list(STATISTICS)].drop_duplicates()) > 1:
            said.append(f"The records of {name} differ in its sizes; those of the newest are shown.")
        cells = [Cell(DATASETS.get(name, name)), *ours, *theirs, *differences]
        lines.append(Line(cells, about={"dataset": name}))
    columns = [Column("Data set", "name"), *(Column(one.capitalize()) for one in STATISTICS)]
    columns += [Column(f"{what}: {one}", is_papers=True) for what in ("paper", "diff.") for one in STATISTICS]
    frame = pd.DataFrame(data, columns=["dataset", "metric", "value", "paper", "difference", "keys"])
    return Table(
        name="table1",
        title="Table 1: data sets",
        caption="Density is interactions / (users × items). Differences are ours minus the paper's.",
        blocks=[Block(columns=columns, lines=lines)],
        notes=list(map(Note, said)),
        keys=keys_of(frame),
        data=frame,
    )


def table_2(evidence: Evidence, records: pd.DataFrame, ranking: str, signs: Signs) -> Table:
    """Table 2 of one protocol, budget and ranking."""
    protocol, budget = records[TABLE[:2]].iloc[0]
    board = leaderboard(evidence)
    own = (board["protocol"] == protocol) & (board["budget"] == budget) & (board["ranking"] == ranking)
    data = beside_paper(board[own], evidence.published, "table2", ranking)
    places = board.loc[own, [*TABLE, *BLOCK, "row", "metric"]].itertuples(index=False, name=None)
    data["sign"] = [signs.get(place, "") for place in places]
    shown = []
    for block in blocks(records):
        part, is_compared = in_block(data, block), block[0] in DATASETS and ranking == "sampled"
        lines = [*rows_of(part, records, is_compared=is_compared), improvements(part, evidence, is_compared)]
        columns = columns_of(is_compared=is_compared)
        shown.append(Block(title=heading(block), dataset=block[0], columns=columns, lines=lines))
    said = notes(records, data, ranking, ours=evidence.ours)
    return Table(
        name=f"table2-{protocol}-{budget}-{ranking}",
        title=f"Table 2: comparison (protocol {protocol}, budget {budget}, {ranking} ranking)",
        caption=caption(records, ranking),
        blocks=shown,
        cost=cost.block(records, ranking),
        notes=said + ([Note(LEGEND, is_warning=True)] if data["sign"].any() else []),
        keys=sorted(records["key"]),
        data=data[[*CSV, "sign"]],
        protocol=protocol,
        budget=budget,
        ranking=ranking,
    )


def beside_paper(data: pd.DataFrame, paper: Published, table: str, ranking: str) -> pd.DataFrame:
    """The cells with the paper's values, which are of sampled candidates and stand beside no other.

    Args:
        table: under which name the paper's values go.
    """
    places = data[["dataset", "row", "metric"]].itertuples(index=False, name=None)
    theirs = [paper.get((table, *place), math.nan) if ranking == "sampled" else math.nan for place in places]
    return data.assign(paper=theirs, difference=data["mean"] - theirs)


def columns_of(*, is_compared: bool, kind: str = "Model") -> list[Column]:
    """A column a metric; ``is_compared``: with the paper's values and the differences."""
    found = [Column(kind, "name")]
    for metric in SHOWN.values():
        papers = [Column(name, metric=metric, is_papers=True) for name in ("paper", "diff.")]
        found += [Column(metric, metric=metric), *(papers if is_compared else [])]
    return found


def rows_of(part: pd.DataFrame, records: pd.DataFrame, *, is_compared: bool) -> list[Line]:
    """The rows of ``part``, the cells of one block."""
    dependent = set(records.loc[records["is_candidate_dependent"], "row"])
    lines = []
    for row, own in groupby(part.to_dict("records"), key=itemgetter("row")):
        own = list(own)
        cells = [shown for cell in own for shown in (compared(cell) if is_compared else compared(cell)[:1])]
        lines.append(Line([Cell(label(row, row in dependent)), *cells], is_run=own[0]["is_run"]))
    return lines


def label(row: str, is_dependent: bool) -> str:
    """A row's name with its marks: a floor, our variant, † for scores that depend on the other candidates."""
    kind = " (floor)" if row in FLOORS else " (ours)" if row == ITEMWISE else ""
    return f"{row}{kind}{' †' if is_dependent else ''}"


def mean_text(cell: Mapping) -> str:
    """The mean, with the deviation where there are several seeds."""
    text = number(cell["mean"], ".4f")
    return f"{text} ± {cell['std']:.4f}" if cell["n_seeds"] > 1 and text != EMPTY else text


def compared(cell: Mapping) -> list[Cell]:
    """Our value with its marks, the paper's, the difference."""
    mark = "best" if cell["best"] else "second" if cell["second"] else ""
    theirs = [Cell(number(cell["paper"], ".4f")), Cell(number(cell["difference"], "+.4f"))]
    return [Cell(mean_text(cell), mark, cell["note"], cell.get("sign", "")), *theirs]


def improvements(part: pd.DataFrame, evidence: Evidence, is_compared: bool) -> Line:
    """The line of %Imp.: ours over the best of the paper's baselines."""
    cells = [Cell(IMPROVEMENT)]
    for metric, own in part.groupby("metric", sort=False):
        ours = improvement(dict(zip(own["row"], own["mean"], strict=True)), evidence.ours)
        theirs = evidence.published.get(("table2", part["dataset"].iloc[0], IMPROVEMENT, metric), math.nan)
        cells += [Cell(number(one, "+.2f")) for one in ((ours, theirs, ours - theirs) if is_compared else (ours,))]
    return Line(cells, is_foot=True)
