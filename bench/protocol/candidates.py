"""Frozen candidates: drawn once per data set and protocol, and shared by every model, seed and epoch."""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False, kw_only=True)
class Cases:
    """The test cases: each is a held-out pair of a user and a target item. Users and items are numbered from 0.

    Attributes:
        user, target: (case,) int64.
        candidates: (case, n_candidates) int64, distinct, none met by the user in any part of the data.
        met_start, met_items: the items that user u has met anywhere are met_items[met_start[u]:met_start[u + 1]];
            full ranking leaves them out, except for the target.
    """

    user: np.ndarray
    target: np.ndarray
    candidates: np.ndarray
    met_start: np.ndarray
    met_items: np.ndarray

    @property
    def hash(self) -> str:
        """A hash of the cases and candidates, their ids and their order."""
        parts = (self.user, self.target, self.candidates)
        return hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest()[:16]


def draw_cases(
    pairs: np.ndarray, met: np.ndarray, *, n_users: int, n_items: int, n_candidates: int, seed: int
) -> Cases:
    """Return the cases of the held-out ``pairs`` (case, 2), with candidates drawn uniformly outside ``met`` (pair, 2).

    ``met`` must hold every train, validation and test pair, so that no candidate is a known positive, and leave every
    user of the cases at least ``n_candidates`` items.
    """
    keys = np.unique(met[:, 0] * n_items + met[:, 1])
    met_user, met_items = keys // n_items, keys % n_items
    start = np.searchsorted(met_user, np.arange(n_users + 1))
    n_free = n_items - np.diff(start)
    user, target = pairs[:, 0], pairs[:, 1]
    places = draw_distinct(n_free[user], n_candidates, np.random.default_rng(seed))
    # Place p is that of the free item before which p free items come. Its id is p plus the number of met items before
    # it, and a met item comes before it if at most p free items come before the met item.
    free_before_met = met_items - (np.arange(len(met_items)) - start[met_user])
    width = n_items + 1  # user u has the keys from u * width on, so that one sorted array serves all users
    keys_of_met, keys_of_places = met_user * width + free_before_met, user[:, None] * width + places
    met_before = np.searchsorted(keys_of_met, keys_of_places, side="right") - start[user][:, None]
    return Cases(user=user, target=target, candidates=places + met_before, met_start=start, met_items=met_items)


def draw_distinct(sizes: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw (case, n) distinct integers below ``sizes`` (case,), each row uniformly without replacement.

    The first distinct values of a uniform sequence are such a draw. The sequence is somewhat longer than ``n``; where
    it still has too many repeats, because ``sizes`` is small, NumPy draws the row anew.
    """
    sequences = (rng.random((len(sizes), n + n // 4 + 8)) * sizes[:, None]).astype(np.int64)
    drawn = np.empty((len(sizes), n), dtype=np.int64)
    for case, sequence in enumerate(sequences):
        distinct = list(dict.fromkeys(sequence.tolist()))
        drawn[case] = distinct[:n] if len(distinct) >= n else rng.choice(sizes[case], n, replace=False)
    return drawn
