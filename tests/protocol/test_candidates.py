"""Frozen candidates: distinct, unmet, uniform, the same every time."""

import numpy as np
import pytest

from bench.protocol.candidates import draw_cases
from bench.spec import BenchError

SHAPE = {"n_users": 8, "n_items": 40}


def cases(seed=0, n=12, **shape):
    rng = np.random.default_rng(7)
    met = np.array([(u, i) for u in range(8) for i in rng.choice(40, 5 + u, replace=False)])
    pairs = np.array([met[met[:, 0] == u][0] for u in range(8)])
    return draw_cases(pairs, met, n_candidates=n, seed=seed, **{**SHAPE, **shape}), met


def test_candidates_are_distinct_and_unmet():
    drawn, met = cases()
    for user, row in zip(drawn.user, drawn.candidates, strict=True):
        assert len(set(row)) == 12
        assert not set(row) & set(met[met[:, 0] == user][:, 1])
        assert row.min() >= 0
        assert row.max() < 40


def test_every_unmet_item_is_equally_likely():
    counts = np.zeros((8, 40))
    for seed in range(400):
        drawn, met = cases(seed)
        np.add.at(counts, (np.repeat(drawn.user, 12), drawn.candidates.ravel()), 1)
    counts[met[:, 0], met[:, 1]] = np.nan
    for user in range(8):
        free = 40 - 5 - user
        expected, spread = 400 * 12 / free, (400 * 12 / free * (1 - 12 / free)) ** 0.5
        assert np.nanmax(abs(counts[user] - expected)) < 4.5 * spread


def test_all_free_items_can_be_asked_for():
    drawn, met = cases(n=28)  # the last user has 28 left
    assert sorted(drawn.candidates[7]) == sorted(set(range(40)) - set(met[met[:, 0] == 7][:, 1]))


def test_too_few_items_is_one_clear_error():
    with pytest.raises(BenchError, match="user 7 has only 28 items never met, but 29"):
        cases(n=29)


def test_the_seed_decides_and_the_hash_names_it():
    assert cases(0)[0].hash == cases(0)[0].hash
    assert cases(0)[0].hash != cases(1)[0].hash


def test_met_items_are_listed_by_user():
    drawn, met = cases()
    for user in range(8):
        listed = drawn.met_items[drawn.met_start[user] : drawn.met_start[user + 1]]
        assert sorted(listed) == sorted(met[met[:, 0] == user][:, 1])
