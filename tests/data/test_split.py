"""What stands in train, valid and test, worked out by hand."""

import numpy as np
import pytest

from bench.data.split import count_untaught, split, with_negatives
from tests.data.files import dataset, same

TRAIN = [
    *[[0, 3], [0, 1], [0, 3], [0, 0], [0, 2]],  # repeats 3; validation 1 and test 2 stand in train
    *[[1, 2], [1, 2], [1, 4]],  # repeats 2; validation = test = 4
    *[[2, 0], [2, 1]],  # nothing but validation 0 and test 1
    *[[3, 4], [3, 2]],  # validation 1 stands outside train; user 0's test item 2 may stay
]
VALID = [[0, 1], [1, 4], [2, 0], [3, 1]]
TEST = [[0, 2], [1, 4], [2, 1], [3, 0], [4, 3]]  # user 4 has no train list


@pytest.fixture
def leaky():
    return dataset(TRAIN, VALID, TEST, n_users=5, n_items=5)


def test_released_is_the_files(leaky):
    parts = split(leaky, "released")
    assert parts.train.tolist() == TRAIN
    assert parts.test.tolist() == TEST
    assert parts.valid.shape == (0, 2)
    assert parts.valid.dtype == np.int64


def test_clean_by_hand(leaky):
    parts = split(leaky, "clean")
    assert parts.train.tolist() == [[0, 3], [0, 0], [1, 2], [3, 4], [3, 2]]
    assert parts.valid.tolist() == [[0, 1], [3, 1]]
    assert parts.test.tolist() == [[0, 2], [1, 4], [3, 0]]


def test_splitting_changes_nothing(leaky):
    split(leaky, "clean")
    assert same(leaky, dataset(TRAIN, VALID, TEST, n_users=5, n_items=5))


def test_clean_against_plain_loops(rng):
    draw = rng.integers([30, 12], size=(400, 2)).tolist()
    train, valid, test = draw[:300], draw[300:340], draw[340:]
    parts = split(dataset(train, valid, test, n_users=30, n_items=12), "clean")
    expected = []
    for pair in train:
        if pair not in expected and pair not in valid and pair not in test:
            expected.append(pair)
    trained = {user for user, _ in expected}
    assert parts.train.tolist() == expected
    assert parts.valid.tolist() == [p for p in valid if p not in test and p[0] in trained]
    assert parts.test.tolist() == [p for p in test if p[0] in trained]


def test_users_without_negatives_are_left_out():
    """User 1 has all three items, one of them twice; user 0 has one item three times."""
    pairs = np.array([[1, 0], [0, 2], [1, 1], [0, 2], [1, 2], [1, 0], [0, 2]])
    assert with_negatives(pairs, n_items=3).tolist() == [[0, 2]] * 3
    assert with_negatives(pairs, n_items=4).tolist() == pairs.tolist()
    said = ["1 user with every item in train, for whom no negative can be drawn"]
    assert (count_untaught(pairs, n_items=3), count_untaught(pairs, n_items=4)) == (said, [])
