"""Frozen candidates: drawn once a data set and protocol seed, shared by every model, seed and epoch."""

import hashlib
from dataclasses import dataclass

import numpy as np

from bench.spec import BenchError


@dataclass(frozen=True, eq=False, kw_only=True)
class Cases:
    """What is ranked: one case is one held-out pair. Ids from 0.

    Attributes:
        user, target: (case,) int64.
        candidates: (case, n_candidates) int64, distinct, none met by the user in any part of the data.
        met_start, met_items: items each user has met anywhere, user u's at met_items[met_start[u]:met_start[u + 1]];
            full ranking leaves them out, the target excepted.
    """

    user: np.ndarray
    target: np.ndarray
    candidates: np.ndarray
    met_start: np.ndarray
    met_items: np.ndarray

    @property
    def hash(self) -> str:
        """Names the candidates: cases, order and ids."""
        parts = (self.user, self.target, self.candidates)
        return hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest()[:16]


def draw_cases(
    pairs: np.ndarray, met: np.ndarray, *, n_users: int, n_items: int, n_candidates: int, seed: int
) -> Cases:
    """The cases of the held-out ``pairs`` (case, 2), with ``n_candidates`` uniform draws outside ``met`` (n, 2).

    ``met`` must hold every train, validation and test pair, so that no candidate is a known positive. The first
    distinct values of a uniform sequence are a uniform draw without replacement.

    Raises:
        BenchError: when a user has fewer than ``n_candidates`` items left to draw from.
    """
    keys = np.unique(met[:, 0] * n_items + met[:, 1])
    met_user, met_items = keys // n_items, keys % n_items
    start = np.searchsorted(met_user, np.arange(n_users + 1))
    free = n_items - np.diff(start)
    user, target = pairs[:, 0], pairs[:, 1]
    if len(user) and free[user].min() < n_candidates:
        short = user[free[user].argmin()]
        raise BenchError(
            f"user {short} has only {free[short]} items never met, but {n_candidates} candidates are asked for; "
            "the data set is too small for this protocol"
        )
    ranks = _distinct(free[user], n_candidates, np.random.default_rng(seed))
    gaps = met_items - (np.arange(len(met_items)) - start[met_user])  # free items before each met one
    found = np.searchsorted(met_user * (n_items + 1) + gaps, user[:, None] * (n_items + 1) + ranks, side="right")
    candidates = ranks + found - start[user][:, None]
    return Cases(user=user, target=target, candidates=candidates, met_start=start, met_items=met_items)


def _distinct(free: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(case, n) distinct integers below ``free`` (case,), each row a uniform draw without replacement."""
    wide = n + n // 4 + 8
    draws = (rng.random((len(free), wide)) * free[:, None]).astype(np.int64)
    order = np.argsort(draws, axis=1, kind="stable")
    ordered = np.take_along_axis(draws, order, axis=1)
    again = np.zeros(draws.shape, dtype=bool)
    np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    first = np.argsort(again, axis=1, kind="stable")[:, :n]
    chosen = np.take_along_axis(draws, first, axis=1)
    for row in np.flatnonzero((~again).sum(axis=1) < n):  # few free items: too many repeats among the draws
        chosen[row] = rng.choice(free[row], n, replace=False)
    return chosen
