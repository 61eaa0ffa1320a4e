"""Table 2: the models on the data sets. Values are rounded here and nowhere else."""

import math
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter

import pandas as pd

from bench.report import independent
from bench.report.differences import LEGEND, PLACE, by_place, comparisons, sign
from bench.report.evidence import Evidence
from bench.report.leaderboard import NOT_RUN, TABLE, improvement, leaderboard
from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.paper import IMPROVEMENT, Published
from bench.report.prose import caption, command, notes
from bench.report.rows import (
    BASELINES,
    BLOCK,
    CHANGED,
    ITEMWISE,
    OUTSIDE,
    STUDIED,
    about,
    baselines_among,
    blocks,
    heading,
    in_block,
    is_floor,
    listed,
    need,
)
from bench.report.sections import cost
from bench.report.sections.data_sets import table_1
from bench.report.suspects import suspects
from bench.spec import RANKINGS, SHOWN
from bench.study import Study

BESIDE = {  # the columns beside our value, by head: the column of the cells' data, and the format of its numbers
    "paper": ("paper", ".4f"),
    "diff.": ("difference", "+.4f"),
    "independent run": ("independent", ".4f"),
}
CSV = [
    "dataset", "row", "metric", "mean", "std", "n_seeds", "paper", "difference", "best", "second", "keys", "features",
    "note",
]  # fmt: skip


def pages(evidence: Evidence, tested: Evidence | None = None) -> list[Table]:
    """Return Table 1, then a Table 2 for each protocol, budget and ranking; none of them has a knock-out. The signs are
    from the tests of ``tested``, where it is given."""
    records = evidence.frame[~evidence.frame["is_variant"]]
    if records.empty:
        return []
    found = [table_1(records, evidence.paper)]
    for _, group in evidence.main.groupby(TABLE[:2]):
        found += [table_2(evidence, group, ranking, tested or evidence) for ranking in RANKINGS]
    return found


def table_2(evidence: Evidence, records: pd.DataFrame, ranking: str, tested: Evidence) -> Table:
    """Return Table 2 of one protocol, budget and ranking."""
    protocol, budget = records[TABLE[:2]].iloc[0]
    names = {"protocol": protocol, "budget": budget, "ranking": ranking}
    board = leaderboard(evidence)
    cells = beside_paper(board[(board[TABLE] == pd.Series(names)).all(axis=1)], evidence.paper, "table2", ranking)
    tests, places = by_place(tested), cells[PLACE].itertuples(index=False, name=None)
    data = cells.assign(sign=[sign(tests[place]) if place in tests else "" for place in places])
    table_blocks = []
    for place in blocks(records):
        part = in_block(data, place)
        block = compared_block(part, records, place)
        block.lines.append(improvements(part, evidence))
        block.notes.extend(rivals(part, tested))
        block.notes.extend(suspects(part, in_block(records, place), evidence, ranking))
        table_blocks.append(block)
    table_notes = notes(records, data, ranking, ours=evidence.ours)
    return Table(
        question=Question.COMPARISON,
        kind="table2",
        what="Table 2: comparison",
        caption=caption(records, ranking),
        blocks=table_blocks,
        cost=cost.block(records, ranking),
        notes=table_notes + ([Note(LEGEND, is_warning=True)] if data["sign"].any() else []),
        data=data[[*CSV, "sign", "independent"]],
        **names,
    )


def beside_paper(data: pd.DataFrame, paper: Published, table: str, ranking: str) -> pd.DataFrame:
    """Return the cells with the paper's values, which are all on sampled candidates, and MCLN's with the independent
    run's values, too; ``table`` is the table of the paper that they are looked up in."""
    theirs, independents = [], []
    for place in data[["dataset", "row", "metric"]].itertuples(index=False, name=None):
        dataset, row, metric = place
        theirs.append(paper.get((table, *place), math.nan) if ranking == "sampled" else math.nan)
        is_known = (table, row) == ("table2", STUDIED) and not math.isnan(theirs[-1])
        independents.append(independent.value(dataset, metric) if is_known else math.nan)
    return data.assign(paper=theirs, difference=data["mean"] - theirs, independent=independents)


def compared_block(
    part: pd.DataFrame,
    records: pd.DataFrame,
    block: tuple[str, str],
    study: Study | None = None,
    names: Mapping[str, str] = SHOWN,
) -> Block:
    """Lay out ``part``, the cells of one block, with the paper's values of the metrics for which the paper has any, and
    notes on the rows that were not run; ``names`` has the metrics and the heads of their columns."""
    dependent = set(records.loc[records["is_candidate_dependent"], "row"])
    titles = study.titles if study else {}
    heads = beside(part)
    columns, lines = [Column("Variant" if study else "Model", "name")], []
    for metric, name in names.items():
        columns += [Column(name, metric=name)]
        columns += [Column(head, metric=name, is_papers=True) for head in heads[metric]]
    shown_rows = part.loc[part["is_run"] | part["paper"].notna(), "row"].unique()
    for row, of_row in groupby(part[part["row"].isin(shown_rows)].to_dict("records"), key=itemgetter("row")):
        values = list(of_row)
        cells = [cell for value in values for cell in compared(value, heads[value["metric"]])]
        behind = {"about": {} if study else {"model": row}, "keys": values[0]["keys"], "is_run": values[0]["is_run"]}
        lines.append(Line([Cell(label(titles.get(row, row), row in dependent)), *cells], **behind))
    missing = not_run(part, records, block, study)
    return Block(title=heading(block), about=about(block), columns=columns, lines=lines, notes=missing)


def beside(part: pd.DataFrame) -> dict[str, list[str]]:
    """Return, by metric, the heads of BESIDE that have any value in these cells."""
    metrics = part["metric"]
    has = {head: set(metrics[part[column].notna()]) for head, (column, _) in BESIDE.items()}
    return {metric: [head for head in BESIDE if metric in has[head]] for metric in metrics.unique()}


def not_run(part: pd.DataFrame, records: pd.DataFrame, block: tuple[str, str], study: Study | None) -> list[Note]:
    """Return notes that name the rows without a record: how to run them, or why the data set cannot have them."""
    missing = part[~part["is_run"]].drop_duplicates("row")
    titles, found = study.titles if study else {}, []
    for reason, rows in missing.groupby("note", sort=False)["row"]:
        if reason == NOT_RUN:
            found += never_run(in_block(records, block), list(rows), titles, study)
        else:
            names = listed(titles.get(row, row) for row in rows)
            found.append(Note(f"Not there: {names}, because {reason}.", is_warning=True))
    return found


def never_run(records: pd.DataFrame, rows: list[str], titles: Mapping[str, str], study: Study | None) -> list[Note]:
    """Return notes on the rows that were never run: those that one command runs, and those that need further flags."""
    needs = {row: "" if study else need(row) for row in rows}
    by_name, found = [row for row in rows if not needs[row]], []
    if by_name:
        names = listed(titles.get(row, row) for row in by_name)
        found.append(Note(f"Not run: {names}.", command=command(records, by_name, study)))
    for how in (CHANGED, OUTSIDE):
        names = listed(row for row in rows if needs[row] == how)
        found += [Note(f"Not run: {names}. {how}; see docs/running.md.")] if names else []
    return found


def label(row: str, is_dependent: bool) -> str:
    """Return a row's name with its marks: floor, our variant, and † where scores depend on the other candidates."""
    kind = " (floor)" if is_floor(row) else " (our variant)" if row == ITEMWISE else ""
    return f"{row}{kind}{' †' if is_dependent else ''}"


def mean_text(cell: Mapping) -> str:
    """Return the mean, with the deviation over several seeds, and their number where other rows have more seeds."""
    text = number(cell["mean"], ".4f")
    text += f" ± {cell['std']:.4f}" if cell["n_seeds"] > 1 else ""
    return text + (f" ({cell['n_seeds']} of {cell['n_wanted']})" if 0 < cell["n_seeds"] < cell["n_wanted"] else "")


def compared(cell: Mapping, heads: Iterable[str]) -> list[Cell]:
    """Return the cell of our value with its marks, and the cells beside it under ``heads``."""
    mark = "best" if cell["best"] else "second" if cell["second"] else ""
    cells_beside = [Cell(number(cell[column], form)) for column, form in map(BESIDE.get, heads)]
    why = cell["note"] if cell["is_run"] else ""  # a note below the block names the rows that were not run
    return [Cell(mean_text(cell), mark, why, cell.get("sign", "")), *cells_beside]


def rivals(part: pd.DataFrame, tested: Evidence) -> list[Note]:
    """Return notes on the signs of one block: which baselines they are against, and which rows were not tested."""
    tests, texts = comparisons(tested).merge(part[[*TABLE, *BLOCK]].head(1)), []
    if part["sign"].any():
        best = tests.groupby("metric")["vs"].first().reindex(list(SHOWN))
        metrics = best.index.to_series().map(SHOWN).groupby(best, sort=False).agg(", ".join)
        names = [f"{row} in {shown}" for row, shown in metrics.items()]
        texts.append(f"▲ and ▼: against {'; '.join(names) if len(names) > 1 else best.iloc[0]}.")
    in_tests = set(tests.loc[tests["p_holm"].notna(), ["row", "vs"]].to_numpy().ravel())
    untested = [row for row in part.loc[part["mean"].notna(), "row"].unique() if row not in in_tests]
    if in_tests and untested:
        texts.append(f"Not tested, so that a missing mark says nothing about them: {', '.join(untested)}.")
    return [Note(text, is_warning=True) for text in texts]


def improvements(part: pd.DataFrame, evidence: Evidence) -> Line:
    """Return the line of %Imp., the gain of our row over the best of the paper's baselines.

    The paper's own %Imp., which is MCLN's, stands beside it only where all of the paper's baselines were run, since a
    gain over fewer baselines is larger.
    """
    cells, heads = [Cell(IMPROVEMENT)], beside(part)
    for metric, column in part.groupby("metric", sort=False):
        means = dict(zip(column["row"], column["mean"], strict=True))
        baselines = baselines_among((row for row, mean in means.items() if pd.notna(mean)), evidence.ours)
        ours, is_whole = improvement(means, evidence.ours), evidence.ours == STUDIED and baselines == set(BASELINES)
        theirs = evidence.paper.get(("table2", part["dataset"].iloc[0], IMPROVEMENT, metric), math.nan)
        values = {"paper": theirs, "diff.": ours - theirs} if is_whole else {}
        gains = [ours, *(values.get(head, math.nan) for head in heads[metric])]
        cells += [Cell(number(gain, "+.2f")) for gain in gains]
    return Line(cells, is_foot=True)
