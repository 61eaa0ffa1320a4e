"""The pairs that a protocol trains on, selects the epoch by, and scores."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int64

from bench.data.dataset import Dataset, Pairs
from bench.spec import counted


@dataclass(frozen=True, eq=False)
class Split:
    """User-item pairs of the three parts, int64, ids from 0; ``train`` may repeat pairs."""

    train: Pairs
    valid: Pairs
    test: Pairs


def split(dataset: Dataset, train: Literal["released", "clean"]) -> Split:
    """Return the pairs of ``dataset`` as the protocol's ``train`` has it.

    released: train as in the files, repeats kept; no validation.
    clean: train without repeats, validation pairs and the user's own test pairs; validation without test pairs; a
        user without any train pair left is in no part.
    """
    if train == "released":
        return Split(dataset.train, np.empty((0, 2), dtype=np.int64), dataset.test)
    valid_keys, test_keys = keys(dataset, dataset.valid), keys(dataset, dataset.test)
    train_keys, first = np.unique(keys(dataset, dataset.train), return_index=True)
    is_free = ~np.isin(train_keys, np.concatenate([valid_keys, test_keys]))
    train_pairs = dataset.train[np.sort(first[is_free])]
    is_trained = np.zeros(dataset.n_users, dtype=bool)
    is_trained[train_pairs[:, 0]] = True
    valid = dataset.valid[is_trained[dataset.valid[:, 0]] & ~np.isin(valid_keys, test_keys)]
    return Split(train_pairs, valid, dataset.test[is_trained[dataset.test[:, 0]]])


def with_negatives(pairs: Pairs, *, n_items: int) -> Pairs:
    """Return the ``pairs`` of users who have not met every item in them: for the others no negative can be drawn."""
    met = np.unique(pairs, axis=0)[:, 0]
    return pairs[(np.bincount(met) < n_items)[pairs[:, 0]]]


def count_untaught(pairs: Pairs, *, n_items: int) -> list[str]:
    """Return a warning, in a list, if users have met every item in the training ``pairs``; else an empty list."""
    n = len(np.unique(pairs[:, 0])) - len(np.unique(with_negatives(pairs, n_items=n_items)[:, 0]))
    return [f"{counted(n, 'user')} with every item in train, for whom no negative can be drawn"] if n else []


def count_untrained(dataset: Dataset) -> list[str]:
    """Return a warning, in a list, if users have test pairs but no train pair; else an empty list."""
    n = len(np.setdiff1d(dataset.test[:, 0], dataset.train[:, 0]))
    return [f"{counted(n, 'user')} with test pairs but without train pairs, not scored under clean"] if n else []


def keys(dataset: Dataset, pairs: Pairs) -> Int64[np.ndarray, " pair"]:
    """Return one number per pair; equal numbers mean equal pairs."""
    return pairs[:, 0] * dataset.n_items + pairs[:, 1]
