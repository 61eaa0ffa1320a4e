"""Data that a protocol leaves too little of are refused, with what is lacking; others pass."""

import dataclasses

import numpy as np
import pytest

from bench.data.split import split
from bench.protocol.candidates import draw_cases
from bench.run.prepared import judge, prepare
from bench.spec import PROTOCOLS, BenchError
from tests.data.files import dataset
from tests.run.made import planned

CLEAN, PAPER = PROTOCOLS["clean"], PROTOCOLS["paper"]
TRAIN, VALID, TEST = [(0, 0), (0, 1), (1, 2)], [(0, 1), (1, 3)], [(0, 4), (1, 5)]


def made(train=TRAIN, valid=VALID, test=TEST, n_users=2, n_items=120):
    return dataset(train, valid, test, n_users=n_users, n_items=n_items)


def test_what_is_whole_passes_as_it_is_split():
    for protocol in (CLEAN, PAPER):
        parts, expected = judge(made(), protocol), split(made(), protocol.train)
        assert all(np.array_equal(getattr(parts, part), getattr(expected, part)) for part in ("train", "valid", "test"))


@pytest.mark.parametrize(
    ("data", "protocol", "message"),
    [
        (
            made(test=[]),
            CLEAN,
            r"data set hand \(none\), protocol clean: there is no pair to test on, once users without train",
        ),
        (made(test=[]), PAPER, r"data set hand \(none\), protocol paper: there is no pair to test on$"),
        (made(train=[(0, 1)], valid=[], test=[(1, 4)]), CLEAN, "there is no pair to test on"),
        (made(train=[(0, 4)]), CLEAN, "there is no pair to train on"),
        (made(valid=[]), CLEAN, "no pair to choose the epoch by in the data; --protocols paper needs none"),
        (made(valid=[(0, 0), (0, 1)]), CLEAN, "there is no pair to"),
        (made(train=[(0, 0), (0, 1)], valid=[(0, 1)], test=[(0, 4)], n_users=1), CLEAN, "there is one user"),
        (made(n_items=101), CLEAN, "user 0 has only 98 items never met, but 99 candidates are asked for"),
    ],
)
def test_what_is_lacking(data, protocol, message):
    with pytest.raises(BenchError, match=message):
        judge(data, protocol)


def test_a_user_with_too_few_items_left_is_named_as_in_the_files():
    data = dataclasses.replace(made(n_items=101), ids={"user": np.array([205, 309]), "item": np.arange(101)})
    with pytest.raises(BenchError, match="user 205 has only 98 items never met"):
        judge(data, CLEAN)


def test_no_validation_is_needed_where_the_test_set_chooses():
    assert len(judge(made(valid=[]), PAPER).test) == 2


def test_just_enough_items():
    """User 0 has met items 0, 1 and 4: 99 of 102 are left."""
    assert len(judge(made(n_items=102), CLEAN).test) == 2


def test_validation_and_test_have_candidates_of_seeds_of_their_own(folder):
    (work,) = planned(folder)
    prepared = prepare(work)
    met = np.concatenate([prepared.dataset.train, prepared.dataset.valid, prepared.dataset.test])
    more = {"n_users": prepared.dataset.n_users, "n_items": prepared.dataset.n_items, "n_candidates": 99}
    seeds = {"test": CLEAN.candidate_seed, "valid": CLEAN.candidate_seed + 1}
    for part, seed in seeds.items():
        own = draw_cases(getattr(prepared.split, part), met, seed=seed, **more)
        assert getattr(prepared, part).hash == own.hash
