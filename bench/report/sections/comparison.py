"""Tables 1 and 2: the data sets, and the models on them. Values are rounded here and nowhere else."""

import math
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE, improvement, leaderboard
from bench.report.model import EMPTY, Block, Cell, Column, Line, Note, Table, number
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
    found = [table_1(records, evidence.published)]
    for _, group in evidence.main.groupby(TABLE[:2]):
        found += [table_2(evidence, group, ranking, signs) for ranking in RANKINGS]
    return found


def table_1(records: pd.DataFrame, paper: Published) -> Table:
    """The data sets, from the newest record that knows their sizes."""
    data, said = (
        [],
        ["A dash under paper means that the paper's Table 1 does not have the data set (bench/report/paper.csv)."],
    )
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
    columns += [Column(f"{what}: {one}", is_papers=True) for what in ("paper", "diff.") for one in STATISTICS]
    return Table(
        kind="table1",
        what="Table 1: data sets",
        caption="Density is interactions / (users × items). Differences are ours minus the paper's.",
        blocks=[Block(columns=columns, lines=[sizes(name, own) for name, own in frame.groupby("dataset", sort=False)])],
        notes=[*map(Note, said)],
        data=frame,
    )


def sizes(name: str, own: pd.DataFrame) -> Line:
    forms = [".5f" if metric == "density" else ",.0f" for metric in own["metric"]]
    reasons = ["" if keys else "no finished record" for keys in own["keys"]]
    ours = [Cell(number(*one), note=why) for *one, why in zip(own["value"], forms, reasons, strict=True)]
    theirs = [Cell(number(*one)) for one in zip(own["paper"], forms, strict=True)]
    gaps = [Cell(number(value, f"+{form}")) for value, form in zip(own["difference"], forms, strict=True)]
    return Line([Cell(DATASETS.get(name, name)), *ours, *theirs, *gaps], about={"dataset": name})


def table_2(evidence: Evidence, records: pd.DataFrame, ranking: str, signs: Signs) -> Table:
    """Table 2 of one protocol, budget and ranking."""
    protocol, budget = records[TABLE[:2]].iloc[0]
    about = {"protocol": protocol, "budget": budget, "ranking": ranking}
    board = leaderboard(evidence)
    own = beside_paper(board[(board[TABLE] == pd.Series(about)).all(axis=1)], evidence.published, "table2", ranking)
    places = own[[*TABLE, *BLOCK, "row", "metric"]].itertuples(index=False, name=None)
    data = own.assign(sign=[signs.get(place, "") for place in places])
    shown = []
    for block in blocks(records):
        part, is_compared = in_block(data, block), block[0] in DATASETS and ranking == "sampled"
        made = compared_block(part, records, block, is_compared=is_compared)
        made.lines.append(improvements(part, evidence, is_compared=is_compared))
        shown.append(made)
    said = notes(records, data, ranking, ours=evidence.ours)
    return Table(
        kind="table2",
        what="Table 2: comparison",
        caption=caption(records, ranking),
        blocks=shown,
        cost=cost.block(records, ranking),
        notes=said + ([Note(LEGEND, is_warning=True)] if data["sign"].any() else []),
        data=data[[*CSV, "sign"]],
        **about,
    )


def beside_paper(data: pd.DataFrame, paper: Published, table: str, ranking: str) -> pd.DataFrame:
    """The cells with the paper's values, which are of sampled candidates and stand beside no other.

    Args:
        table: under which name the paper's values go.
    """
    places = data[["dataset", "row", "metric"]].itertuples(index=False, name=None)
    theirs = [paper.get((table, *place), math.nan) if ranking == "sampled" else math.nan for place in places]
    return data.assign(paper=theirs, difference=data["mean"] - theirs)


def compared_block(
    part: pd.DataFrame, records: pd.DataFrame, block: tuple[str, str], *, is_compared: bool, kind: str = "Model"
) -> Block:
    """The rows of ``part``, the cells of one block; ``is_compared``: with the paper's values and the differences."""
    dependent = set(records.loc[records["is_candidate_dependent"], "row"])
    columns, lines = [Column(kind, "name")], []
    for metric in SHOWN.values():
        papers = [Column(name, metric=metric, is_papers=True) for name in ("paper", "diff.")]
        columns += [Column(metric, metric=metric), *(papers if is_compared else [])]
    for row, own in groupby(part.to_dict("records"), key=itemgetter("row")):
        own = list(own)
        cells = [shown for cell in own for shown in (compared(cell) if is_compared else compared(cell)[:1])]
        lines.append(Line([Cell(label(row, row in dependent)), *cells], is_run=own[0]["is_run"]))
    return Block(title=heading(block), dataset=block[0], columns=columns, lines=lines)


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


def improvements(part: pd.DataFrame, evidence: Evidence, *, is_compared: bool) -> Line:
    """The line of %Imp.: ours over the best of the paper's baselines."""
    cells = [Cell(IMPROVEMENT)]
    for metric, own in part.groupby("metric", sort=False):
        ours = improvement(dict(zip(own["row"], own["mean"], strict=True)), evidence.ours)
        theirs = evidence.published.get(("table2", part["dataset"].iloc[0], IMPROVEMENT, metric), math.nan)
        cells += [Cell(number(one, "+.2f")) for one in ((ours, theirs, ours - theirs) if is_compared else (ours,))]
    return Line(cells, is_foot=True)
