"""Numbers users and items, and splits raw interactions into train, validation and test.

Each split gives train, validation and test pairs. Validation pairs are also in train, as in the paper's files; the
protocol ``clean`` takes them out. Only the order of the times matters; equal times keep the order of the rows.
"""

import numpy as np
import pandas as pd

from bench.data.dataset import Pairs

Parts = tuple[Pairs, Pairs, Pairs]  # train, validation, test


def keep_core(user: np.ndarray, item: np.ndarray, *, core: int) -> np.ndarray:
    """Return (n,) bool: the largest part of the interactions in which each user and each item has at least ``core``."""
    is_kept = np.ones(len(user), dtype=bool)
    while True:
        counts = (np.bincount(ids[is_kept], minlength=ids.max() + 1)[ids] for ids in (user, item))
        is_still_kept = is_kept & np.logical_and.reduce([count >= core for count in counts])
        if (is_still_kept == is_kept).all():
            return is_kept
        is_kept = is_still_kept


def number(tokens: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the distinct tokens in order, and the place of each of ``tokens`` among them, int64.

    The order is numerical where all tokens are numbers, and alphabetical otherwise.
    """
    distinct = set(tokens.tolist())
    is_numeric = all(token.isascii() and token.isdecimal() for token in distinct)
    ordered = sorted(distinct, key=by_value if is_numeric else None)
    return ordered, pd.Index(ordered, dtype=object).get_indexer(tokens)


def by_value(token: str) -> tuple[int, str, str]:
    """Return a key that sorts tokens of digits by their numbers; ``int`` would refuse more than 4,300 digits."""
    digits = token.lstrip("0")
    return len(digits), digits, token


def leave_one_out(pairs: Pairs, times: np.ndarray) -> Parts:
    """Take each user's last pair for test and the pair before that for validation.

    A user with two pairs has no validation pair, and a user with one pair only trains.
    """
    return cut_last(pairs, times, valid=1, test=1)


def hold_out(pairs: Pairs, times: np.ndarray, *, valid: float | int, test: float | int) -> Parts:
    """Take the share ``test`` of each user's pairs, the last ones, for test, and ``valid`` before those for validation.

    Shares are rounded down, but one above 0 gives at least one pair, test first, if another is left to train on.
    """
    counts = np.bincount(pairs[:, 0])
    n_valid, n_test = (np.maximum(part_of(counts, share), share > 0) for share in (valid, test))
    return cut_last(pairs, times, valid=n_valid, test=n_test)


def part_of(counts: np.ndarray | int, share: float | int) -> np.ndarray | float:
    """Return ``share`` of ``counts``, rounded down: 0.29 of 100 is 29, though their product in floats is less."""
    return np.floor(np.round(counts * float(share), 6))


def cut_last(pairs: Pairs, times: np.ndarray, *, valid: np.ndarray | int, test: np.ndarray | int) -> Parts:
    """Take the last ``test`` pairs, a number for each user (n_users,) or one for all, for test and ``valid`` before
    them for validation; one is always left to train on."""
    ordered = pairs[np.lexsort((times, pairs[:, 0]))]
    user = ordered[:, 0]
    counts = np.bincount(user)
    n_test = np.minimum(test, counts - 1)
    n_valid = np.minimum(valid, counts - 1 - n_test)
    from_end = np.cumsum(counts)[user] - 1 - np.arange(len(user))
    is_test = from_end < n_test[user]
    is_valid = ~is_test & (from_end < (n_test + n_valid)[user])
    return ordered[~is_test], ordered[is_valid], ordered[is_test]


def cut_by_time(pairs: Pairs, times: np.ndarray, *, valid: float | int, test: float | int) -> Parts:
    """Take the pairs after one moment, the same for all users, for test, and those after an earlier one for validation.

    As pairs of one moment stay together, the shares are upper bounds. A user or an item may be in test alone.
    """
    order = np.lexsort((times, pairs[:, 0]))
    pairs, times, moments = pairs[order], times[order], np.sort(times)
    last_valid = len(times) - int(part_of(len(times), test)) - 1
    last_train = last_valid - int(part_of(len(times), valid))
    is_test = times > moments[last_valid]
    is_valid = ~is_test & (times > moments[max(last_train, 0)])
    return pairs[~is_test], pairs[is_valid], pairs[is_test]
