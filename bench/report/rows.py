"""The rows and blocks of tables: their names, their order, and which of the paper's rows are baselines."""

from collections.abc import Iterable, Sequence

import pandas as pd

from bench.spec import CAUSAL_MODELS, NEWER_MODELS, PAPER_MODELS, SHOWN_MODELS

DATASETS = {"beauty": "Beauty", "art": "Art", "taobao": "Taobao"}  # in the paper's order, with its names
ROWS = tuple(SHOWN_MODELS.get(model, model) for model in PAPER_MODELS)
*BASELINES, STUDIED = ROWS
ITEMWISE = "MCLN:itemwise"  # our own variant of the model under study
FLOORS = ("Pop", "ItemKNN", "EASE")  # not the paper's: what any model should beat
MODELS = {*FLOORS, *ROWS, *NEWER_MODELS, *CAUSAL_MODELS}  # those of this benchmark, as rows name them
CHANGED = "(tuned) needs --tune, then --hyper tuned, and settings in brackets need --set"
OUTSIDE = "A model from outside needs --models path/to/file.py:NAME, unless it is installed"
BLOCK = ["dataset", "features"]  # what is compared within


def heading(block: Sequence[str]) -> str:
    """A (data set, features) as tables call it."""
    return f"{DATASETS.get(block[0], block[0])} ({block[1]})"


def about(block: Sequence[str], **more: str) -> dict[str, str]:
    """What a line or block of (data set, features) is about, and what ``more``."""
    return {**dict(zip(BLOCK, block, strict=True)), **more}


def place(dataset: str) -> int:
    """In the paper's order, in which its data sets stand before all others."""
    return list(DATASETS).index(dataset) if dataset in DATASETS else len(DATASETS)


def blocks(records: pd.DataFrame) -> list[tuple[str, str]]:
    """(dataset, features) in the paper's order, other data sets after them by name."""
    found = set(zip(*(records[name] for name in BLOCK), strict=True))
    return sorted(found, key=lambda block: (place(block[0]), block))


def baselines_among(rows: Iterable[str], ours: str) -> set[str]:
    """The paper's baselines of ``ours`` that have any of ``rows``, whatever its preset and settings."""
    return {model_of(row) for row in rows} & (set(BASELINES) - {model_of(ours)})


def model_of(row: str) -> str:
    """The model of a row such as "SVD++:released" or "MCLN (tuned)", by the name that rows give it."""
    return row.partition(" (")[0].partition(":")[0]


def need(row: str) -> str:
    """What a row of Table 2 needs besides its name to be run; empty where nothing."""
    if model_of(row) not in MODELS:
        return OUTSIDE
    return CHANGED if " (" in row else ""


def in_block(records: pd.DataFrame, block: Sequence[str]) -> pd.DataFrame:
    dataset, features = (records[name].to_numpy() for name in BLOCK)
    return records[(dataset == block[0]) & (features == block[1])]


def order(rows: Iterable[str]) -> list[str]:
    """Floors, the paper's rows, our variant, newer models, then the others by name."""
    fixed = (*FLOORS, *ROWS, ITEMWISE, *NEWER_MODELS)
    found = set(rows)
    return [row for row in fixed if row in found] + sorted(found - set(fixed))


def seeds_of(records: pd.DataFrame) -> list[int]:
    return sorted({int(seed) for seed in records["seed"]})
