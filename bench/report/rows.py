"""The rows and blocks of tables: their names, their order, and which of the paper's rows are baselines."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from bench.spec import CAUSAL_MODELS, NEWER_MODELS, PAPER_MODELS, SHOWN_MODELS

DATASETS = {"beauty": "Beauty", "art": "Art", "taobao": "Taobao"}  # in the paper's order, with its names
ROWS = tuple(SHOWN_MODELS.get(model, model) for model in PAPER_MODELS)
*BASELINES, STUDIED = ROWS
ITEMWISE = "MCLN:itemwise"  # this benchmark's variant of the model under study
FLOORS = ("Pop", "ItemKNN", "EASE")  # simple models, not in the paper, that any model should beat
MODELS = {*FLOORS, *ROWS, *NEWER_MODELS, *CAUSAL_MODELS}  # the models of this benchmark, as rows name them
CHANGED = "(tuned) needs --tune, then --hyper tuned, and settings in brackets need --set"
OUTSIDE = "A model from outside needs --models path/to/file.py:NAME, unless it is installed"
BLOCK = ["dataset", "features"]  # only rows that agree in these columns are compared


def listed(names: Iterable[str]) -> str:
    """Return the names in one line, between semicolons where a name has a comma itself."""
    all_names = list(names)
    return ("; " if any("," in name for name in all_names) else ", ").join(all_names)


def heading(block: Sequence[str]) -> str:
    """Return the heading of a (data set, features) in tables."""
    return f"{DATASETS.get(block[0], block[0])} ({block[1]})"


def about(block: Sequence[str], **further: str) -> dict[str, str]:
    """Return the attribute ``about`` of a line or block: data set and features, and the ``further`` entries."""
    return {**dict(zip(BLOCK, block, strict=True)), **further}


def by_heading(texts: Mapping[tuple[str, str], object], separator: str) -> str:
    """Return the text that all blocks have or, where they differ, each block's heading with its text."""
    if len(set(texts.values())) == 1:
        return str(next(iter(texts.values())))
    return separator.join(f"{heading(block)} {text}" for block, text in texts.items())


def place(dataset: str) -> int:
    """Return the place of a data set in the paper's order, in which all other data sets come last."""
    return list(DATASETS).index(dataset) if dataset in DATASETS else len(DATASETS)


def blocks(records: pd.DataFrame) -> list[tuple[str, str]]:
    """Return each (data set, features) of the records in the paper's order, other data sets after them by name."""
    unordered = set(zip(*(records[name] for name in BLOCK), strict=True))
    return sorted(unordered, key=lambda block: (place(block[0]), block))


def baselines_among(rows: Iterable[str], ours: str) -> set[str]:
    """Return the paper's models other than that of ``ours``, and other than MCLN, that have any of ``rows``."""
    return {model_of(row) for row in rows} & (set(BASELINES) - {model_of(ours)})


def model_of(row: str) -> str:
    """Return the model's name in a row such as "SVD++:released" or "MCLN (tuned)"."""
    return row.partition(" (")[0].partition(":")[0]


def is_floor(row: str) -> bool:
    """Whether a row is a floor's, with any settings."""
    return model_of(row) in FLOORS


def need(row: str) -> str:
    """Return what running a row of Table 2 needs besides its name; empty where its name is enough."""
    if model_of(row) not in MODELS:
        return OUTSIDE
    return CHANGED if " (" in row else ""


def in_block(records: pd.DataFrame, block: Sequence[str]) -> pd.DataFrame:
    dataset, features = (records[name].to_numpy() for name in BLOCK)
    return records[(dataset == block[0]) & (features == block[1])]


def order(rows: Iterable[str]) -> list[str]:
    """Return ``rows`` once each in order: floors, the paper's rows, our variant, newer models, then others by name."""
    fixed = (*FLOORS, *ROWS, ITEMWISE, *NEWER_MODELS)
    given = set(rows)
    return [row for row in fixed if row in given] + sorted(given - set(fixed))


def seeds_of(records: pd.DataFrame) -> list[int]:
    return sorted({int(seed) for seed in records["seed"]})
