"""For whom does a model work? The means of every row over slices, which are parts of the test cases."""

from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd

from bench.report.boards import Board, Ranked, boards
from bench.report.conditions import mixtures
from bench.report.evidence import Evidence, remember
from bench.report.leaderboard import TABLE
from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.rows import BLOCK, about
from bench.spec import SHOWN
from bench.store import case_facts
from bench.store.store import Store

METRICS = ("ndcg@10", "hr@10")
FEWEST = 30  # cases; the values of a slice with fewer are no more than a hint
HEAD, TAIL = 0.2, 0.8  # shares of the train pairs, counted from the most popular item down
CSV = [*TABLE, *BLOCK, "slicing", "slice", "n_cases", "row", "metric", "mean", "keys"]
NOTES = [
    "Train degree: the cases are quartered by how many train items their user has; equal degrees stay together.",
    "Popularity: the head is the most popular items that together hold the first 20% of the train pairs, the one that "
    "crosses this limit included; the tail is the least popular items within the last 20%; mid is what lies between; "
    "cold items are in no train list. Equally popular items stay together.",
    "Modalities: how many modalities have features for the test item, and which.",
    "Train is what the protocol trains on; a pair that it repeats counts once.",
    f"The values of a slice of fewer than {FEWEST} cases are grey on the page and never marked as the best.",
]


def pages(evidence: Evidence) -> list[Table]:
    """Return a table for each Table 2 that has any slices."""
    groups = groupby((board for board in boards(evidence) if board.rows), key=attrgetter("table"))
    return [page for page in (table(evidence, list(group)) for _, group in groups) if page.blocks]


@remember
def slicings_of(evidence: Evidence, path: Path) -> dict[str, pd.Categorical] | None:
    """Return the slicings by the facts in ``path`` (see ``bench.run.count_cases``); None where these are missing."""
    facts = case_facts.read(path)
    return None if facts is None else slicings(facts)


def slicings(facts: pd.DataFrame) -> dict[str, pd.Categorical]:
    """Return the slice of each case in all ways to slice the cases, by the name of the way, without those that put all
    cases into one slice."""
    found = {
        "train degree of the user": by_degree(facts["user_degree"]),
        "popularity of the test item": by_popularity(facts),
        "test item in the user's own train list": pd.Categorical(np.where(facts["is_in_own_train"], "yes", "no")),
    }
    has = facts.filter(regex="^has_").rename(columns=lambda name: name.removeprefix("has_"))
    if len(has.columns):
        found["modalities of the test item"] = by_modalities(has)
    return {name: slicing for name, slicing in found.items() if len(slicing.categories) > 1}


def by_degree(degree: pd.Series) -> pd.Categorical:
    """Slice the cases into quarters at the quartiles of ``degree``, named by the degrees that they hold."""
    quarter = pd.Categorical(np.searchsorted(degree.quantile([0.25, 0.5, 0.75]), degree))
    ends = degree.groupby(quarter, observed=True).agg(["min", "max"])
    return quarter.rename_categories([f"Q{n + 1} ({low}-{high})" for n, low, high in ends.itertuples()])


def by_popularity(facts: pd.DataFrame) -> pd.Categorical:
    """Slice the cases by the popularity of their item, by the share of train pairs that more popular items hold."""
    share = facts["pairs_above"] / facts["train_pairs"]
    names = np.select([facts["item_popularity"] == 0, share < HEAD, share < TAIL], ["cold", "head", "mid"], "tail")
    return pd.Categorical(names, ["head", "mid", "tail", "cold"]).remove_unused_categories()


def by_modalities(has: pd.DataFrame) -> pd.Categorical:
    """Slice the cases by the modalities that have features for the test item, one column of ``has`` each."""
    present = [list(has.columns[case]) for case in has.to_numpy(dtype=bool)]
    return pd.Categorical([f"{len(names)}: {'+'.join(names)}" if names else "0" for names in present])


def table(evidence: Evidence, group: list[Board]) -> Table:
    """Return the table of the slices of one protocol, budget and ranking, whose boards are ``group``."""
    table_blocks, lines, texts = [], [], NOTES.copy()
    for board in group:
        found, ranked, missing = sliceable(evidence, board)
        texts += missing
        by_case = {(row, metric): r.values(metric).mean(axis=0) for row, r in ranked.items() for metric in METRICS}
        for name, slicing in found.items() if ranked else ():
            by_slice = pd.DataFrame(by_case).groupby(slicing, observed=True).mean().round(12)  # as in ``cells``
            places = [(label, metric) for label in slicing.categories for metric in METRICS]
            means = by_slice.T.unstack().loc[list(ranked), places]
            table_blocks.append(block(board, name, slicing.value_counts(), means))
            lines += csv_lines(board, name, slicing.value_counts(), means)
    records = evidence.rows_of([line["keys"] for line in lines])
    return Table(
        question=Question.WHOM,
        kind="slices",
        what="Slices",
        caption="Means over parts of the test cases; the first line of each part counts its cases.",
        blocks=table_blocks,
        notes=[*map(Note, texts), *mixtures(records)],
        data=pd.DataFrame(lines, columns=CSV),
        **dict(zip(TABLE, group[0].table, strict=True)),
    )


def sliceable(evidence: Evidence, board: Board) -> tuple[dict[str, pd.Categorical], dict[str, Ranked], list[str]]:
    """Return the slicings of a data set, the ranks of the rows that have ranks for its cases, and what is missing."""
    jobs = [evidence.by_key[board.keys[row][0]].job for row in board.rows]
    of_jobs = [slicings_of(evidence, Store(evidence.results).cases(job)) for job in jobs]
    found = next(filter(None, of_jobs), {})
    if not found:
        missing = "the facts of its test cases are not stored; the next run on it writes them"
        alike = "no slices, because every way of slicing puts all test cases into one slice"
        return {}, {}, [f"{board.heading}: {alike if {} in of_jobs else missing}."]
    ranked = {row: board.ranked(evidence, row) for row in board.rows}
    n_cases = len(next(iter(found.values())))
    fitting = {row: r for row, r in ranked.items() if isinstance(r, Ranked) and r.place.shape[1] == n_cases}
    unfit = [f"{board.heading}: {row} has no ranks for these cases." for row in board.rows if row not in fitting]
    return found, fitting, unfit


def csv_lines(board: Board, slicing: str, counts: pd.Series, means: pd.DataFrame) -> list[dict]:
    """Return one line of the CSV per row, slice and metric."""
    lines = []
    for row, of_row in means.iterrows():
        about = {**board.names, "slicing": slicing, "row": row, "keys": " ".join(board.keys[row])}
        for (label, metric), mean in of_row.items():
            lines.append({**about, "slice": label, "n_cases": counts[label], "metric": metric, "mean": mean})
    return lines


def block(board: Board, slicing: str, counts: pd.Series, means: pd.DataFrame) -> Block:
    """Lay out one column per slice and metric, with the best value of each marked.

    ``counts`` are the cases of each slice, ``means`` has a line per row and a column per slice and metric.
    """
    highest, lowest = means.max(), means.min()
    lines = [Line([Cell("cases"), *(Cell(f"{counts[label]:,}") for label, _ in means)])]
    for row, of_row in means.iterrows():
        cells = []
        for place, mean in of_row.items():
            is_best = mean == highest[place] > lowest[place]
            mark = "few" if counts[place[0]] < FEWEST else "best" if is_best else ""
            cells.append(Cell(number(mean, ".4f"), mark))
        lines.append(Line([Cell(row), *cells], about={"model": row}, keys=" ".join(board.keys[row])))
    heads = [Column(f"{label} {SHOWN[metric]}", metric=SHOWN[metric]) for label, metric in means]
    title = f"{board.heading}: {slicing}"
    return Block(title=title, about=about(board.block), columns=[Column("Model", "name"), *heads], lines=lines)
