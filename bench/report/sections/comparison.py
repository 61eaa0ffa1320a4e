"""Table 2: the models on the data sets. Values are rounded here and nowhere else."""

import math
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter

import pandas as pd

from bench.report import independent
from bench.report.evidence import Evidence
from bench.report.leaderboard import NOT_RUN, TABLE, improvement, leaderboard
from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.paper import IMPROVEMENT, Published
from bench.report.prose import caption, command, notes
from bench.report.rows import (
    BASELINES,
    BLOCK,
    CHANGED,
    FLOORS,
    ITEMWISE,
    OUTSIDE,
    STUDIED,
    about,
    baselines_among,
    blocks,
    heading,
    in_block,
    need,
)
from bench.report.sections import cost
from bench.report.sections.data_sets import table_1
from bench.report.sections.significance import LEGEND, comparisons, signs_of
from bench.report.suspects import suspects
from bench.spec import RANKINGS, SHOWN
from bench.study import Study

BESIDE = {  # what may stand beside our value: the column of the cells, and how its numbers are written
    "paper": ("paper", ".4f"),
    "diff.": ("difference", "+.4f"),
    "independent run": ("independent", ".4f"),
}
CSV = [
    "dataset", "row", "metric", "mean", "std", "n_seeds", "paper", "difference", "best", "second", "keys", "features",
    "note",
]  # fmt: skip


def pages(evidence: Evidence, tested: Evidence | None = None) -> list[Table]:
    """Table 1, then a Table 2 for each protocol, budget and ranking; none mixes two of these, or has a knock-out.

    Args:
        tested: whose tests the signs are of, where it is not ``evidence``.
    """
    records = evidence.frame[~evidence.frame["is_variant"]]
    if records.empty:
        return []
    found = [table_1(records, evidence.published)]
    for _, group in evidence.main.groupby(TABLE[:2]):
        found += [table_2(evidence, group, ranking, tested or evidence) for ranking in RANKINGS]
    return found


def table_2(evidence: Evidence, records: pd.DataFrame, ranking: str, tested: Evidence) -> Table:
    """Table 2 of one protocol, budget and ranking."""
    protocol, budget = records[TABLE[:2]].iloc[0]
    names = {"protocol": protocol, "budget": budget, "ranking": ranking}
    board = leaderboard(evidence)
    own = beside_paper(board[(board[TABLE] == pd.Series(names)).all(axis=1)], evidence.published, "table2", ranking)
    signs, places = signs_of(tested), own[[*TABLE, *BLOCK, "row", "metric"]].itertuples(index=False, name=None)
    data = own.assign(sign=[signs.get(place, "") for place in places])
    shown = []
    for block in blocks(records):
        part = in_block(data, block)
        made = compared_block(part, records, block)
        made.lines.append(improvements(part, evidence))
        made.notes.extend(rivals(part, tested))
        made.notes.extend(suspects(part, in_block(records, block), evidence, ranking))
        shown.append(made)
    said = notes(records, data, ranking, ours=evidence.ours)
    return Table(
        question=Question.COMPARISON,
        kind="table2",
        what="Table 2: comparison",
        caption=caption(records, ranking),
        blocks=shown,
        cost=cost.block(records, ranking),
        notes=said + ([Note(LEGEND, is_warning=True)] if data["sign"].any() else []),
        data=data[[*CSV, "sign", "independent"]],
        **names,
    )


def beside_paper(data: pd.DataFrame, paper: Published, table: str, ranking: str) -> pd.DataFrame:
    """The cells with the paper's values, which are of sampled candidates, and beside MCLN's with the independent run's.

    Args:
        table: under which name the paper's values go.
    """
    theirs, others = [], []
    for place in data[["dataset", "row", "metric"]].itertuples(index=False, name=None):
        dataset, row, metric = place
        theirs.append(paper.get((table, *place), math.nan) if ranking == "sampled" else math.nan)
        is_known = (table, row) == ("table2", STUDIED) and not math.isnan(theirs[-1])
        others.append(independent.value(dataset, metric) if is_known else math.nan)
    return data.assign(paper=theirs, difference=data["mean"] - theirs, independent=others)


def compared_block(
    part: pd.DataFrame,
    records: pd.DataFrame,
    block: tuple[str, str],
    study: Study | None = None,
    names: Mapping[str, str] = SHOWN,
) -> Block:
    """The rows of ``part``, the cells of one block, with the paper's values of the metrics for which it has any.

    Rows that were not run and that the paper does not have either are named in a line below. ``names`` has the
    metrics and the heads of their columns.
    """
    dependent = set(records.loc[records["is_candidate_dependent"], "row"])
    titles = study.titles if study else {}
    others = beside(part)
    columns, lines = [Column("Variant" if study else "Model", "name")], []
    for metric, name in names.items():
        columns += [Column(name, metric=name)]
        columns += [Column(one, metric=name, is_papers=True) for one in others[metric]]
    shown_rows = part.loc[part["is_run"] | part["paper"].notna(), "row"].unique()
    for row, own in groupby(part[part["row"].isin(shown_rows)].to_dict("records"), key=itemgetter("row")):
        own = list(own)
        cells = [shown for cell in own for shown in compared(cell, others[cell["metric"]])]
        more = {"about": {} if study else {"model": row}, "keys": own[0]["keys"], "is_run": own[0]["is_run"]}
        lines.append(Line([Cell(label(titles.get(row, row), row in dependent)), *cells], **more))
    missing = not_run(part, records, block, study)
    return Block(title=heading(block), about=about(block), columns=columns, lines=lines, notes=missing)


def beside(part: pd.DataFrame) -> dict[str, list[str]]:
    """The heads of BESIDE by metric: those that have any value in these cells."""
    metrics = part["metric"]
    has = {head: set(metrics[part[column].notna()]) for head, (column, _) in BESIDE.items()}
    return {metric: [head for head in BESIDE if metric in has[head]] for metric in metrics.unique()}


def not_run(part: pd.DataFrame, records: pd.DataFrame, block: tuple[str, str], study: Study | None) -> list[Note]:
    """The rows without a record: those that the data set does not form, with the reasons, and how to run the others."""
    missing = part[~part["is_run"]].drop_duplicates("row")
    titles, said = study.titles if study else {}, []
    for reason, own in missing.groupby("note", sort=False):
        names = ", ".join(titles.get(row, row) for row in own["row"])
        if reason == NOT_RUN:
            said += never_run(in_block(records, block), list(own["row"]), titles, study)
        else:
            said.append(Note(f"Not there: {names}, because {reason}.", is_warning=True))
    return said


def never_run(records: pd.DataFrame, rows: list[str], titles: Mapping[str, str], study: Study | None) -> list[Note]:
    """The rows that one command runs, with it, and those that need more than their names."""
    needs = {row: "" if study else need(row) for row in rows}
    rest, said = [row for row in rows if not needs[row]], []
    if rest:
        names = ", ".join(titles.get(row, row) for row in rest)
        said.append(Note(f"Not run: {names}.", command=command(records, rest, study)))
    for how in (CHANGED, OUTSIDE):
        own = [row for row in rows if needs[row] == how]
        said += [Note(f"Not run: {', '.join(own)}. {how}: docs/running.md.")] if own else []
    return said


def label(row: str, is_dependent: bool) -> str:
    """A row's name with its marks: a floor, our variant, † for scores that depend on the other candidates."""
    kind = " (floor)" if row in FLOORS else " (our variant)" if row == ITEMWISE else ""
    return f"{row}{kind}{' †' if is_dependent else ''}"


def mean_text(cell: Mapping) -> str:
    """The mean, with the deviation where there are several seeds, and their number where others have more."""
    text = number(cell["mean"], ".4f")
    text += f" ± {cell['std']:.4f}" if cell["n_seeds"] > 1 else ""
    return text + (f" ({cell['n_seeds']} of {cell['n_wanted']})" if 0 < cell["n_seeds"] < cell["n_wanted"] else "")


def compared(cell: Mapping, heads: Iterable[str]) -> list[Cell]:
    """Our value with its marks, and what stands beside it under ``heads``."""
    mark = "best" if cell["best"] else "second" if cell["second"] else ""
    others = [Cell(number(cell[column], form)) for column, form in map(BESIDE.get, heads)]
    why = cell["note"] if cell["is_run"] else ""  # a line below names what was not run
    return [Cell(mean_text(cell), mark, why, cell.get("sign", "")), *others]


def rivals(part: pd.DataFrame, tested: Evidence) -> list[Note]:
    """Against whom the signs of one block are, where it has any, and which of its rows were not tested."""
    found, said = comparisons(tested), []
    tests = found.merge(part[[*TABLE, *BLOCK]].head(1)) if len(found) else found
    if part["sign"].any():
        best = tests.groupby("metric")["vs"].first().reindex(list(SHOWN))
        metrics = best.index.to_series().map(SHOWN).groupby(best, sort=False).agg(", ".join)
        names = [f"{row} in {some}" for row, some in metrics.items()]
        said.append(f"▲ and ▼: against {'; '.join(names) if len(names) > 1 else best.iloc[0]}.")
    known = set(tests.loc[tests["p_holm"].notna(), ["row", "vs"]].to_numpy().ravel()) if len(tests) else set()
    others = [row for row in part.loc[part["mean"].notna(), "row"].unique() if row not in known]
    if known and others:
        said.append(f"Not tested, so that a missing mark says nothing about them: {', '.join(others)}.")
    return [Note(one, is_warning=True) for one in said]


def improvements(part: pd.DataFrame, evidence: Evidence) -> Line:
    """The line of %Imp.: ours over the best of the paper's baselines; the paper's own, which is MCLN's, stands beside
    it where all of its baselines were run, since a gain over fewer of them is larger."""
    cells, others = [Cell(IMPROVEMENT)], beside(part)
    for metric, own in part.groupby("metric", sort=False):
        means = dict(zip(own["row"], own["mean"], strict=True))
        known = baselines_among((row for row, mean in means.items() if pd.notna(mean)), evidence.ours)
        ours, is_whole = improvement(means, evidence.ours), evidence.ours == STUDIED and known == set(BASELINES)
        theirs = evidence.published.get(("table2", part["dataset"].iloc[0], IMPROVEMENT, metric), math.nan)
        values = {"paper": theirs, "diff.": ours - theirs} if is_whole else {}
        cells += [Cell(number(one, "+.2f")) for one in (ours, *(values.get(head, math.nan) for head in others[metric]))]
    return Line(cells, is_foot=True)
