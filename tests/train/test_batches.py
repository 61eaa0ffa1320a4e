"""Batches: who is drawn, how often, and that nothing else is."""

import numpy as np
import pytest
import torch

from bench.train.batches import Batches
from tests.toy import random_set


def batches(sampling, *, size=7, n_negatives=1, repeat=False, seed=0):
    data = random_set(n_users=10, per_user=4)
    user, item = data.user, data.item
    if repeat:  # user 1's first entry ten times over
        user, item = np.append(user, [1] * 9), np.append(item, [item[user == 1][0]] * 9)
    from bench.nn.sampling import NegativeSampler

    return data, Batches(
        user,
        item,
        draw_negatives=NegativeSampler(data.inter_matrix()),
        n_negatives=n_negatives,
        size=size,
        sampling=sampling,
        generator=torch.Generator().manual_seed(seed),
    )


def test_user_batches_hold_distinct_users_and_as_many_steps_as_released():
    _, b = batches("user")
    drawn = list(b)
    assert len(drawn) == 40 // 7 + 1
    assert all(len(set(x["user_id"].tolist())) == 7 for x in drawn)


def test_a_batch_larger_than_the_users_takes_all_of_them():
    _, b = batches("user", size=64)
    assert [len(x["user_id"]) for x in b] == [10]


def test_interaction_batches_are_the_train_entries_once_each():
    data, b = batches("interaction")
    pairs = sorted((u, i) for x in b for u, i in zip(x["user_id"].tolist(), x["item_id"].tolist(), strict=True))
    assert pairs == sorted(zip(data.user.tolist(), data.item.tolist(), strict=True))


@pytest.mark.parametrize("sampling", ["user", "interaction"])
def test_positives_are_met_and_negatives_are_not(sampling):
    data, b = batches(sampling, n_negatives=3)
    met = set(zip(data.user.tolist(), data.item.tolist(), strict=True))
    for x in b:
        assert x["neg_item_id"].shape == (len(x["user_id"]), 3)
        for u, i, js in zip(x["user_id"].tolist(), x["item_id"].tolist(), x["neg_item_id"].tolist(), strict=True):
            assert (u, i) in met
            assert all((u, j) not in met and j > 0 for j in js)


@pytest.mark.parametrize("sampling", ["user", "interaction"])
def test_without_negatives_the_positives_are_the_same_and_nothing_is_drawn(sampling):
    """A loss without negatives must not pay for them, nor meet other users and items than one that has them."""
    _, without = batches(sampling, n_negatives=0)
    _, with_one = batches(sampling)
    for x, y in zip(without, with_one, strict=True):
        assert x["neg_item_id"].shape == (len(x["user_id"]), 0)
        assert torch.equal(x["user_id"], y["user_id"])
        assert torch.equal(x["item_id"], y["item_id"])
    before = without.generator.get_state()
    without.draw_negatives(torch.ones(5, 0, dtype=torch.long), without.generator)
    assert torch.equal(without.generator.get_state(), before)


def test_repeated_entries_are_drawn_as_often_as_they_repeat():
    data, b = batches("user", size=64, repeat=True)
    first = data.item[data.user == 1][0]
    hits = [x["item_id"][x["user_id"] == 1].item() == first for _ in range(300) for x in b]
    assert abs(np.mean(hits) - 10 / 13) < 0.1


def test_equal_seeds_give_equal_batches():
    one, two, other = (list(batches("user", seed=s)[1]) for s in (0, 0, 1))
    assert all(torch.equal(a[k], b[k]) for a, b in zip(one, two, strict=True) for k in a)
    assert any(not torch.equal(a[k], b[k]) for a, b in zip(one, other, strict=True) for k in a)
