"""A model on copies of a data set trains each copy as a model of its own would."""

import numpy as np
import pytest
import torch

from bench import registry
from bench.train.bridge import TrainingSet, build
from benchmarks.together import copies
from tests.toy import TOY_TRAIN, random_batch, random_set


def test_copies_share_no_user_and_no_item():
    found = copies(TOY_TRAIN, 2, n_users=2, n_items=3)
    assert found.tolist() == [[0, 0], [0, 1], [1, 1], [1, 2], [2, 3], [2, 4], [3, 4], [3, 5]]


@pytest.mark.parametrize("name", ["BPRMF", "LightGCN"])
def test_a_step_on_two_copies_is_a_step_on_each(name):
    data = random_set()
    pairs = np.stack([data.user, data.item], axis=1) - 1
    n_users, n_items = (data.num(kind) - 1 for kind in ("user_id", "item_id"))
    cls = registry.load(registry.cards()[name])
    one = build(cls, TrainingSet(pairs, n_users=n_users, n_items=n_items, features={}), {})
    both = copies(pairs, 2, n_users=n_users, n_items=n_items)
    two = build(cls, TrainingSet(both, n_users=2 * n_users, n_items=2 * n_items, features={}), {})
    with torch.no_grad():
        for own, many in zip(one.parameters(), two.parameters(), strict=True):
            many.copy_(torch.cat([own, own[1:]]))
    batch = random_batch(data)
    shift = {"user_id": n_users, "item_id": n_items, "neg_item_id": n_items}
    twice = {key: torch.cat([ids, ids + shift[key]]) for key, ids in batch.items()}
    for model, some, rate in ((one, batch, 0.1), (two, twice, 0.2)):  # the mean halves each copy's gradient
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        for _ in range(3):
            optimizer.zero_grad()
            model.calculate_loss(some).backward()
            optimizer.step()
    for own, many in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.allclose(many, torch.cat([own, own[1:]]), atol=1e-5)
