"""For whom does it work? The means of every row over parts of the test cases."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int

from bench.report.boards import Board, Ranked, boards
from bench.report.evidence import Evidence
from bench.report.layout import Block, Cell, Table, number
from bench.spec import SHOWN
from bench.store.store import Store

METRICS = ("ndcg@10", "hr@10")
HEAD, TAIL = 0.2, 0.8  # of the train pairs, counted from the most popular item down
NOTES = [
    "Train degree: quarters of the cases by the number of train items of their user; equal degrees stay together.",
    "Popularity of the test item in train: head, the most popular items that hold 20% of the train pairs; tail, the "
    "least popular that hold 20%; mid, those between; cold, in no train list. Equally popular items stay together.",
    "Modalities of the test item: how many have features for it, and which.",
    "A pair that train repeats counts once. Train is what the protocol trains on.",
]


class Slicing(NamedTuple):
    """Every case in one slice: ``code`` places it among ``labels``."""

    name: str
    labels: list[str]
    code: Int[np.ndarray, " case"]

    @property
    def counts(self) -> Int[np.ndarray, " slice"]:
        return np.bincount(self.code, minlength=len(self.labels))


def contents(evidence: Evidence) -> list[Table]:
    """A table for each Table 2."""
    groups = list(dict.fromkeys(board.group for board in boards(evidence) if board.rows))
    found = [table(evidence, [b for b in boards(evidence) if b.group == group and b.rows]) for group in groups]
    return [page for page in found if page.blocks]


def facts_of(evidence: Evidence, key: str) -> pd.DataFrame | None:
    """The facts of the record's cases, in their order (see ``bench.run.casefacts``); None where they are not there."""
    try:
        return pd.read_parquet(Store(evidence.results).cases(evidence.by_key[key].job))
    except (OSError, ValueError):
        return None


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
    kinds, code = np.unique(has, axis=0, return_inverse=True)
    labels = []
    for kind in kinds:
        there = [name for name, is_there in zip(names, kind, strict=True) if is_there]
        labels.append(f"{len(there)}: {'+'.join(there)}" if there else "0")
    order = np.argsort(labels)
    return dense("modalities of the test item", [labels[n] for n in order], np.argsort(order)[code.ravel()])


def dense(name: str, labels: list[str], code: np.ndarray) -> Slicing:
    """A slicing of the labels that occur."""
    used, code = np.unique(code, return_inverse=True)
    return Slicing(name, [labels[n] for n in used], code)


def slice_means(ranked: Ranked, metric: str, slicing: Slicing) -> np.ndarray:
    """(slice,) mean over the cases of each slice and over the seeds, unrounded."""
    return np.bincount(slicing.code, weights=ranked.values(metric).mean(axis=0)) / slicing.counts


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
        cost=None,
        notes=NOTES + said,
        keys=sorted({key for line in lines for key in line["keys"].split()}),
        data=data,
        ranking=ranking,
    )


def board_slices(evidence: Evidence, board: Board) -> tuple[list[Block], list[dict], list[str]]:
    """Blocks, lines of the CSV, and notes of one data set."""
    facts = facts_of(evidence, board.keys[board.rows[0]][0])
    if facts is None:
        return [], [], [f"{board.heading}: the facts of its cases are not stored; its next run writes them."]
    ranked = {row: board.ranked(evidence, row) for row in board.rows}
    fitting = {row: r for row, r in ranked.items() if isinstance(r, Ranked) and r.place.shape[1] == len(facts)}
    said = [f"{board.heading}: {row} has no ranks for these cases." for row in board.rows if row not in fitting]
    pages, lines = [], []
    for slicing in slicings(facts) if fitting else ():
        means = {row: {m: slice_means(r, m, slicing) for m in METRICS} for row, r in fitting.items()}
        pages.append(block(board, slicing, means))
        lines += [
            {
                **dict(zip(("protocol", "budget", "ranking", "dataset", "features"), board.cell("", ""), strict=False)),
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
    best = {(n, metric): max(own[metric][n] for own in means.values()) for n, metric in columns}
    lines = [[Cell("cases"), *(Cell(f"{slicing.counts[n]:,}") for n, _ in columns)]]
    for row, own in means.items():
        cells = []
        for n, metric in columns:
            is_best = len(means) > 1 and own[metric][n] == best[n, metric]
            cells.append(Cell(number(own[metric][n], ".4f"), "best" if is_best else ""))
        lines.append([Cell(row), *cells])
    header = ["Model", *(f"{slicing.labels[n]} {SHOWN[metric]}" for n, metric in columns)]
    return Block(title=f"{board.heading}: {slicing.name}", header=header, lines=lines)
