"""Thinning, numbering and the three splits, each by hand."""

import numpy as np
import pytest

from bench.data.preparing import cut_by_time, hold_out, keep_core, leave_one_out, number


def test_core_is_iterated():
    """Item 2 has one user; without it user 1 has one item; without that item 1 has one user ... all fall."""
    user, item = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 2, 0, 3])
    assert not keep_core(user, item, core=2).any()
    full = keep_core(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 0]), core=2)
    assert full.tolist() == [True, True, True, True, False]


def test_leave_one_out_of_short_users():
    pairs = np.array([[0, 5], [1, 6], [1, 7]])
    train, valid, test = leave_one_out(pairs, np.array([1.0, 9.0, 2.0]))
    assert train.tolist() == [[0, 5], [1, 7]]
    assert len(valid) == 0
    assert test.tolist() == [[1, 6]]


def test_numbers_are_ordered_as_numbers_and_words_as_words():
    assert number(np.array(["10", "9", "10"], dtype=object))[0] == ["9", "10"]
    long, longer = "9" * 5000, "1" + "0" * 5000  # of more digits than int() reads
    assert number(np.array([longer, long, "010", "9", "10"], dtype=object))[0] == ["9", "010", "10", long, longer]
    ordered, places = number(np.array(["b", "10", "9"], dtype=object))
    assert (ordered, places.tolist()) == (["10", "9", "b"], [2, 0, 1])


@pytest.mark.parametrize(
    ("n", "parts"), [(1, (1, 0, 0)), (2, (1, 0, 1)), (3, (2, 1, 1)), (10, (9, 2, 1)), (25, (22, 5, 3))]
)
def test_shares_of_a_user(n, parts):
    """A fifth is validation and an eighth test, rounded down, one at least; the times are shuffled."""
    times = np.random.default_rng(0).permutation(n)
    train, valid, test = hold_out(np.stack([np.zeros(n, int), times], axis=1), times, valid=0.2, test=0.125)
    assert (len(train), len(valid), len(test)) == (n - parts[2], *parts[1:])
    assert train[:, 1].tolist() == list(range(n - parts[2]))
    assert valid[:, 1].tolist() == list(range(n - parts[2] - parts[1], n - parts[2]))
    assert test[:, 1].tolist() == list(range(n - parts[2], n))


@pytest.mark.parametrize(("n", "n_test"), [(1, 0), (2, 1), (3, 1), (10, 5)])
def test_a_share_of_nothing_is_nothing(n, n_test):
    times = np.arange(n)
    _, valid, test = hold_out(np.stack([np.zeros(n, int), times], axis=1), times, valid=0, test=0.5)
    assert (len(valid), len(test)) == (0, n_test)


def test_one_moment_cuts_all_users():
    """Ten pairs at the moments 0 to 9: the last two are test, the one before them validation."""
    user, times = np.array([0, 1] * 5), np.arange(10)
    train, valid, test = cut_by_time(np.stack([user, 10 + times], axis=1), times, valid=0.1, test=0.2)
    assert test.tolist() == [[0, 18], [1, 19]]
    assert valid.tolist() == [[1, 17]]
    assert train.tolist() == [[0, 10], [0, 12], [0, 14], [0, 16], [1, 11], [1, 13], [1, 15], [1, 17]]


def test_pairs_of_one_moment_stay_together():
    """Three pairs at moment 2 are more than validation may have, and go to train."""
    pairs = np.stack([np.arange(6), np.arange(6)], axis=1)
    train, valid, test = cut_by_time(pairs, np.array([0, 1, 2, 2, 2, 3]), valid=0.2, test=0.4)
    assert (len(train), len(valid), test.tolist()) == (5, 0, [[5, 5]])


def test_a_share_whose_product_in_floats_is_less_than_whole():
    """0.29 * 100 is 28.999999999999996 and 0.1 * 100 is 10."""
    times = np.arange(100)
    pairs = np.stack([np.zeros(100, int), times], axis=1)
    for split in (hold_out, cut_by_time):
        train, valid, test = split(pairs, times, valid=0.1, test=0.29)
        assert (len(train), len(valid), len(test)) == (71, 10, 29)
