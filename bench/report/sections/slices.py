"""For whom does a model work? The means of every row over slices, which are parts of the test cases."""

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from bench.report.boards import GAINS, PLACES, Board, Ranked, boards
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


@dataclass(frozen=True, eq=False)
class Slicing:
    """A way to slice the cases: ``code`` is the place of each case's slice among ``labels``."""

    name: str
    labels: list[str]
    code: Int[np.ndarray, " case"]

    @cached_property
    def counts(self) -> Int[np.ndarray, " slice"]:
        return np.bincount(self.code, minlength=len(self.labels))


def pages(evidence: Evidence) -> list[Table]:
    """Return a table for each Table 2 that has any slices."""
    groups = groupby((board for board in boards(evidence) if board.rows), key=attrgetter("table"))
    return [page for page in (table(evidence, list(group)) for _, group in groups) if page.blocks]


@remember
def slicings_of(evidence: Evidence, path: Path) -> list[Slicing] | None:
    """Return the slicings by the facts in ``path`` (see ``bench.run.count_cases``); None where these are missing."""
    facts = case_facts.read(path)
    return None if facts is None else slicings(facts)


def slicings(facts: pd.DataFrame) -> list[Slicing]:
    """Return all ways to slice the cases, without those that put all cases into one slice."""
    found = [by_degree(facts["user_degree"].to_numpy()), by_popularity(facts)]
    is_known = facts["is_in_own_train"].to_numpy()
    found.append(dense("test item in the user's own train list", ["no", "yes"], is_known.astype(int)))
    columns = [name for name in facts if name.startswith("has_")]
    if columns:
        modalities = [name.removeprefix("has_") for name in columns]
        found.append(by_modalities(facts[columns].to_numpy(dtype=bool), modalities))
    return [slicing for slicing in found if len(slicing.labels) > 1]


def by_degree(degree: np.ndarray) -> Slicing:
    """Slice the cases into quarters at the quartiles of ``degree`` (case,), named by the degrees that they hold."""
    code = np.searchsorted(np.quantile(degree, [0.25, 0.5, 0.75]), degree)
    labels = []
    for quarter in range(4):
        degrees = degree[code == quarter]
        labels.append(f"Q{quarter + 1} ({degrees.min()}-{degrees.max()})" if len(degrees) else "")
    return dense("train degree of the user", labels, code)


def by_popularity(facts: pd.DataFrame) -> Slicing:
    """Slice the cases by the popularity of their item, by the share of train pairs that more popular items hold."""
    share = facts["pairs_above"] / facts["train_pairs"]
    code = np.select([facts["item_popularity"] == 0, share < HEAD, share < TAIL], [3, 0, 1], 2)
    return dense("popularity of the test item", ["head", "mid", "tail", "cold"], code)


def by_modalities(has: np.ndarray, names: list[str]) -> Slicing:
    """Slice the cases by the modalities ``names`` that have features for the test item: ``has`` (case, modality)."""
    present = [[name for name, is_there in zip(names, case, strict=True) if is_there] for case in has]
    words = [f"{len(some)}: {'+'.join(some)}" if some else "0" for some in present]
    labels, code = np.unique(words, return_inverse=True)
    return Slicing("modalities of the test item", labels.tolist(), code)


def dense(name: str, labels: list[str], code: np.ndarray) -> Slicing:
    """Return a slicing with only those labels that some case has."""
    used, code = np.unique(code, return_inverse=True)
    return Slicing(name, [labels[n] for n in used], code)


def slice_means(ranked: Ranked, slicing: Slicing) -> dict[str, Float[np.ndarray, " slice"]]:
    """Return, by metric, the mean over the cases of each slice and over the seeds, unrounded."""
    n = len(slicing.labels)
    hits = np.bincount((slicing.code * (PLACES + 1) + ranked.place).ravel(), minlength=n * (PLACES + 1)).reshape(n, -1)
    return {metric: hits @ GAINS[metric] / hits.sum(axis=1) for metric in METRICS}


def table(evidence: Evidence, group: list[Board]) -> Table:
    """Return the table of the slices of one protocol, budget and ranking, whose boards are ``group``."""
    table_blocks, lines, texts = [], [], NOTES.copy()
    for board in group:
        found, ranked, missing = sliceable(evidence, board)
        texts += missing
        for slicing in found if ranked else ():
            means = {row: slice_means(ranks, slicing) for row, ranks in ranked.items()}
            table_blocks.append(block(board, slicing, means))
            lines += csv_lines(board, slicing, means)
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


def sliceable(evidence: Evidence, board: Board) -> tuple[list[Slicing], dict[str, Ranked], list[str]]:
    """Return the slicings of a data set, the ranks of the rows that have ranks for its cases, and what is missing."""
    jobs = [evidence.by_key[board.keys[row][0]].job for row in board.rows]
    of_jobs = [slicings_of(evidence, Store(evidence.results).cases(job)) for job in jobs]
    found = next(filter(None, of_jobs), [])
    if not found:
        missing = "the facts of its test cases are not stored; the next run on it writes them"
        alike = "no slices, because every way of slicing puts all test cases into one slice"
        return [], {}, [f"{board.heading}: {alike if [] in of_jobs else missing}."]
    ranked = {row: board.ranked(evidence, row) for row in board.rows}
    n_cases = len(found[0].code)
    fitting = {row: r for row, r in ranked.items() if isinstance(r, Ranked) and r.place.shape[1] == n_cases}
    unfit = [f"{board.heading}: {row} has no ranks for these cases." for row in board.rows if row not in fitting]
    return found, fitting, unfit


def csv_lines(board: Board, slicing: Slicing, means: dict[str, dict[str, np.ndarray]]) -> list[dict]:
    """Return one line of the CSV per row, slice and metric."""
    lines = []
    for row, of_row in means.items():
        for n, label in enumerate(slicing.labels):
            about = {"slicing": slicing.name, "slice": label, "n_cases": int(slicing.counts[n]), "row": row}
            about |= {**board.names, "keys": " ".join(board.keys[row])}
            lines += [{**about, "metric": metric, "mean": of_row[metric][n]} for metric in METRICS]
    return lines


def block(board: Board, slicing: Slicing, means: dict[str, dict[str, np.ndarray]]) -> Block:
    """Lay out one column per slice and metric, with the best value of each marked."""
    places = [(n, metric) for n in range(len(slicing.labels)) for metric in METRICS]
    values = {(n, metric): [of_row[metric][n] for of_row in means.values()] for n, metric in places}
    lines = [Line([Cell("cases"), *(Cell(f"{slicing.counts[n]:,}") for n, _ in places)])]
    for row, of_row in means.items():
        cells = []
        for n, metric in places:
            is_best = of_row[metric][n] == max(values[n, metric]) > min(values[n, metric])
            mark = "few" if slicing.counts[n] < FEWEST else "best" if is_best else ""
            cells.append(Cell(number(of_row[metric][n], ".4f"), mark))
        lines.append(Line([Cell(row), *cells], about={"model": row}, keys=" ".join(board.keys[row])))
    names = [(slicing.labels[n], SHOWN[metric]) for n, metric in places]
    columns = [Column("Model", "name"), *(Column(f"{label} {name}", metric=name, term=name) for label, name in names)]
    title = f"{board.heading}: {slicing.name}"
    return Block(title=title, about=about(board.block), columns=columns, lines=lines)
