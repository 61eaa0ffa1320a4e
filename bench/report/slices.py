"""For whom does it work? The means of every row over parts of the test cases."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from bench.report.boards import GAINS, PLACES, Board, Ranked, boards
from bench.report.evidence import Evidence
from bench.report.layout import Block, Cell, Table, number
from bench.spec import SHOWN
from bench.store import case_facts
from bench.store.store import Store

METRICS = ("ndcg@10", "hr@10")
HEAD, TAIL = 0.2, 0.8  # of the train pairs, counted from the most popular item down
NOTES = [
    "Train degree: quarters of the cases by the number of train items of their user; equal degrees stay together.",
    "Popularity of the test item in train: head, the most popular items up to 20% of the train pairs and those that "
    "cross it; tail, the least popular items within 20%; mid, those between; cold, in no train list. Equally popular "
    "items stay together.",
    "Modalities of the test item: how many have features for it, and which.",
    "A pair that train repeats counts once. Train is what the protocol trains on.",
]


@dataclass(frozen=True, eq=False)
class Slicing:
    """Every case in one slice: ``code`` places it among ``labels``."""

    name: str
    labels: list[str]
    code: Int[np.ndarray, " case"]

    @cached_property
    def counts(self) -> Int[np.ndarray, " slice"]:
        return np.bincount(self.code, minlength=len(self.labels))


def contents(evidence: Evidence) -> list[Table]:
    """A table for each Table 2."""
    groups = list(dict.fromkeys(board.group for board in boards(evidence) if board.rows))
    found = [table(evidence, [b for b in boards(evidence) if b.group == group and b.rows]) for group in groups]
    return [page for page in found if page.blocks]


@lru_cache(maxsize=32)
def slicings_of(path: Path, evidence: Evidence) -> list[Slicing]:  # of this evidence: the next reads anew
    """The slicings of the facts at ``path`` (see ``bench.run.casefacts``); none where they are not there."""
    facts = case_facts.read(path)
    return [] if facts is None else slicings(facts)


def slicings(facts: pd.DataFrame) -> list[Slicing]:
    """All ways to slice; one that would leave all cases together is left out."""
    found = [by_degree(facts["user_degree"].to_numpy()), by_popularity(facts)]
    own = facts["is_in_own_train"].to_numpy()
    found.append(dense("test item in the user's own train list", ["no", "yes"], own.astype(int)))
    has = [name for name in facts if name.startswith("has_")]
    if has:
        found.append(by_modalities(facts[has].to_numpy(dtype=bool), [name.removeprefix("has_") for name in has]))
    return [slicing for slicing in found if len(slicing.labels) > 1]


def by_degree(degree: np.ndarray) -> Slicing:
    """Quarters between the quartiles of ``degree`` (case,), named by the degrees they hold."""
    code = np.searchsorted(np.quantile(degree, [0.25, 0.5, 0.75]), degree)
    labels = []
    for quarter in range(4):
        held = degree[code == quarter]
        labels.append(f"Q{quarter + 1} ({held.min()}-{held.max()})" if len(held) else "")
    return dense("train degree of the user", labels, code)


def by_popularity(facts: pd.DataFrame) -> Slicing:
    share = facts["pairs_above"] / facts["train_pairs"]
    code = np.select([facts["item_popularity"] == 0, share < HEAD, share < TAIL], [3, 0, 1], 2)
    return dense("popularity of the test item", ["head", "mid", "tail", "cold"], code)


def by_modalities(has: np.ndarray, names: list[str]) -> Slicing:
    """``has`` (case, modality) says which of ``names`` have features for the test item."""
    kinds, code = np.unique(has @ (1 << np.arange(len(names))), return_inverse=True)
    labels = []
    for kind in kinds:
        there = [name for n, name in enumerate(names) if kind >> n & 1]
        labels.append(f"{len(there)}: {'+'.join(there)}" if there else "0")
    order = np.argsort(labels)
    return dense("modalities of the test item", [labels[n] for n in order], np.argsort(order)[code])


def dense(name: str, labels: list[str], code: np.ndarray) -> Slicing:
    """A slicing of the labels that occur."""
    used, code = np.unique(code, return_inverse=True)
    return Slicing(name, [labels[n] for n in used], code)


def slice_means(ranked: Ranked, slicing: Slicing) -> dict[str, Float[np.ndarray, " slice"]]:
    """Metric to the mean over the cases of each slice and over the seeds, unrounded."""
    n = len(slicing.labels)
    hits = np.bincount((slicing.code * (PLACES + 1) + ranked.place).ravel(), minlength=n * (PLACES + 1)).reshape(n, -1)
    return {metric: hits @ GAINS[metric] / hits.sum(axis=1) for metric in METRICS}


def table(evidence: Evidence, found: list[Board]) -> Table:
    """The slices of one protocol, budget and ranking."""
    protocol, budget, ranking = found[0].group
    shown, lines, said = [], [], []
    for board in found:
        pages, data, notes = board_slices(evidence, board)
        shown, lines, said = shown + pages, lines + data, said + notes
    data = pd.DataFrame(lines)
    return Table(
        name=f"slices-{protocol}-{budget}-{ranking}",
        title=f"Slices (protocol {protocol}, budget {budget}, {ranking} ranking)",
        caption="Means over parts of the test cases; the first line of each part counts its cases.",
        blocks=shown,
        notes=NOTES + said,
        keys=sorted({key for line in lines for key in line["keys"].split()}),
        data=data,
        ranking=ranking,
    )


def board_slices(evidence: Evidence, board: Board) -> tuple[list[Block], list[dict], list[str]]:
    """Blocks, lines of the CSV, and notes of one data set."""
    first = evidence.by_key[board.keys[board.rows[0]][0]]
    found, data = slicings_of(Store(evidence.results).cases(first.job), evidence), first.job.data_hash
    if not found:
        return [], [], [f"{board.heading}: the facts of its cases are not stored; its next run writes them."]
    same = [row for row in board.rows if {evidence.by_key[k].job.data_hash for k in board.keys[row]} == {data}]
    ranked = {row: board.ranked(evidence, row) for row in same}
    fitting = {row: r for row, r in ranked.items() if isinstance(r, Ranked) and r.place.shape[1] == len(found[0].code)}
    names = dict(zip(("protocol", "budget", "ranking", "dataset", "features"), board.cell("", ""), strict=False))
    said = [f"{board.heading}: {row} has no ranks for these cases." for row in board.rows if row not in fitting]
    pages, lines = [], []
    for slicing in found if fitting else ():
        means = {row: slice_means(r, slicing) for row, r in fitting.items()}
        pages.append(block(board, slicing, means))
        lines += [
            {
                **names,
                "slicing": slicing.name,
                "slice": label,
                "n_cases": int(slicing.counts[n]),
                "row": row,
                "metric": metric,
                "mean": own[metric][n],
                "keys": " ".join(board.keys[row]),
            }
            for row, own in means.items()
            for n, label in enumerate(slicing.labels)
            for metric in METRICS
        ]
    return pages, lines, said


def block(board: Board, slicing: Slicing, means: dict[str, dict[str, np.ndarray]]) -> Block:
    """A column a slice and metric, the best value of each marked."""
    columns = [(n, metric) for n in range(len(slicing.labels)) for metric in METRICS]
    values = {(n, metric): [own[metric][n] for own in means.values()] for n, metric in columns}
    lines = [[Cell("cases"), *(Cell(f"{slicing.counts[n]:,}") for n, _ in columns)]]
    for row, own in means.items():
        cells = []
        for n, metric in columns:
            is_best = own[metric][n] == max(values[n, metric]) > min(values[n, metric])
            cells.append(Cell(number(own[metric][n], ".4f"), "best" if is_best else ""))
        lines.append([Cell(row), *cells])
    header = ["Model", *(f"{slicing.labels[n]} {SHOWN[metric]}" for n, metric in columns)]
    return Block(title=f"{board.heading}: {slicing.name}", header=header, lines=lines)
