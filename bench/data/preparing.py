"""From raw interactions to numbered users and items and to train, validation and test.

Each split gives train, validation and test pairs. Validation pairs stand in train, too, as in the paper's files; the
protocol ``clean`` takes them out. Times are compared with one another alone; equal ones keep the order of the rows.
"""

import numpy as np

from bench.data.dataset import Pairs

Parts = tuple[Pairs, Pairs, Pairs]  # train, validation, test


def keep_core(user: np.ndarray, item: np.ndarray, *, core: int) -> np.ndarray:
    """(n,) bool: what is left after users and items with fewer than ``core`` were taken out until none is there."""
    kept = np.ones(len(user), dtype=bool)
    while True:
        counts = (np.bincount(ids[kept], minlength=ids.max() + 1)[ids] for ids in (user, item))
        is_fit = kept & np.logical_and.reduce([count >= core for count in counts])
        if (is_fit == kept).all():
            return kept
        kept = is_fit


def number(tokens: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The distinct tokens in their order, and the place of each of ``tokens`` among them, int64.

    The order is that of numbers where all tokens are numbers, and that of letters otherwise.
    """
    distinct = set(tokens.tolist())
    is_numeric = all(token.isascii() and token.isdecimal() for token in distinct)
    ordered = sorted(distinct, key=by_value if is_numeric else None)
    place_of = {token: place for place, token in enumerate(ordered)}
    return ordered, np.array([place_of[token] for token in tokens.tolist()], dtype=np.int64)


def by_value(token: str) -> tuple[int, str, str]:
    """What sorts tokens of digits as their numbers, of however many digits; Python reads no more than 4,300."""
    digits = token.lstrip("0")
    return len(digits), digits, token


def leave_one_out(pairs: Pairs, times: np.ndarray) -> Parts:
    """A user's last pair is test, the one before it validation.

    A user of two pairs has no validation pair, a user of one only trains.
    """
    return cut_last(pairs, times, valid=1, test=1)


def hold_out(pairs: Pairs, times: np.ndarray, *, valid: float | int, test: float | int) -> Parts:
    """The last pairs of each user are test and those before them validation: these shares of them, rounded down.

    Of a share above 0 there is one pair at least, as long as one is left to train on: first comes test.
    """
    counts = np.bincount(pairs[:, 0])
    n_valid, n_test = (np.maximum(part_of(counts, share), share > 0) for share in (valid, test))
    return cut_last(pairs, times, valid=n_valid, test=n_test)


def part_of(counts: np.ndarray | int, share: float | int) -> np.ndarray | float:
    """``share`` of ``counts``, rounded down: 0.29 of 100 is 29, though their product in floats is less."""
    return np.floor(np.round(counts * float(share), 6))


def cut_last(pairs: Pairs, times: np.ndarray, *, valid: np.ndarray | int, test: np.ndarray | int) -> Parts:
    """So many of each user's last pairs are test and those before them validation, but one is left to train on.

    Args:
        valid, test: (n_users,) counts, or one for all users.
    """
    ordered = pairs[np.lexsort((np.arange(len(times)), times, pairs[:, 0]))]
    user = ordered[:, 0]
    counts = np.bincount(user)
    n_test = np.minimum(test, counts - 1)
    n_valid = np.minimum(valid, counts - 1 - n_test)
    from_end = np.cumsum(counts)[user] - 1 - np.arange(len(user))
    is_test = from_end < n_test[user]
    is_valid = ~is_test & (from_end < (n_test + n_valid)[user])
    return ordered[~is_test], ordered[is_valid], ordered[is_test]


def cut_by_time(pairs: Pairs, times: np.ndarray, *, valid: float | int, test: float | int) -> Parts:
    """One moment for all users: what comes after it is test, at most this share of all pairs; so with validation.

    Pairs of one moment stay together. A user or an item may be in test alone.
    """
    moments = np.sort(times)
    last_valid = len(times) - int(part_of(len(times), test)) - 1
    last_train = last_valid - int(part_of(len(times), valid))
    is_test = times > moments[last_valid]
    is_valid = ~is_test & (times > moments[max(last_train, 0)])
    order = np.lexsort((np.arange(len(times)), times, pairs[:, 0]))
    train, valid_pairs, test_pairs = (pairs[order][chosen[order]] for chosen in (~is_test, is_valid, is_test))
    return train, valid_pairs, test_pairs
