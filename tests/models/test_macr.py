"""MACR: gates, scores and losses by hand; what c does to an item that everybody likes."""

import math

import pytest
import torch

from baselines.lightgcn import LightGCN
from baselines.macr import MACR
from tests.toy import TOY_ITEMS, TOY_USERS, make, random_set, set_rows, toy_batch, toy_set


def sigma(x):
    return 1 / (1 + math.exp(-x))


def inner(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def toy(**settings):
    """Vectors of the specs' toy; w = (1, 0) and v = (0, 1) read an item's first entry and a user's second."""
    model = make(MACR, toy_set(), **{"embedding_size": 2, "backbone": "bprmf", **settings})
    set_rows(model.user_embedding.weight, TOY_USERS)
    set_rows(model.item_embedding.weight, TOY_ITEMS)
    with torch.no_grad():
        model.item_branch.copy_(torch.tensor([[1.0], [0.0]]))
        model.user_branch.copy_(torch.tensor([[0.0], [1.0]]))
    return model


def test_scores_by_hand():
    model = toy(reference=0.3).eval()
    scores = model.score_all(model.represent(), torch.tensor([1, 2]))[:, 1:]
    expected = [[(inner(u, i) - 0.3) * sigma(i[0]) * sigma(u[1]) for i in TOY_ITEMS] for u in TOY_USERS]
    assert torch.allclose(scores, torch.tensor(expected), atol=1e-6)


def test_losses_by_hand():
    """The batch (u0, +0, -2), (u1, +1, -0)."""
    model = toy(item_weight=0.5, user_weight=0.25, reg_weight=2.0)
    pair = item = user = square = 0.0
    for u, i, j in ((0, 0, 2), (1, 1, 0)):
        p, q, r = TOY_USERS[u], TOY_ITEMS[i], TOY_ITEMS[j]
        s_i, s_j = (inner(p, x) * sigma(x[0]) * sigma(p[1]) for x in (q, r))
        pair += (-math.log(sigma(s_i)) - math.log(1 - sigma(s_j))) / 2
        item += (-math.log(sigma(q[0])) - math.log(1 - sigma(r[0]))) / 2
        user += (-math.log(sigma(p[1])) - math.log(1 - sigma(p[1]))) / 2
        square += sum(inner(x, x) for x in (p, q, r)) / 2
    found = {name: value.item() for name, value in model.terms(toy_batch()).items()}
    assert found == pytest.approx({"pair": pair, "item": 0.5 * item, "user": 0.25 * user, "reg": square}, rel=1e-5)


def test_a_larger_c_moves_items_of_a_high_own_score_down():
    """Of two items with the same match, the one that everybody likes comes first at c = 0 and last at c = 40."""
    ranks = []
    for reference in (0.0, 40.0):
        model = toy(reference=reference)
        set_rows(model.user_embedding.weight, [[0.0, 1.0], [0.0, 1.0]])
        set_rows(model.item_embedding.weight, [[2.0, 1.0], [-2.0, 1.0], [0.0, 1.0]])
        ranks.append(model.score_all(model.represent(), torch.tensor([1]))[0, 1:].argsort(descending=True).tolist())
    assert ranks == [[0, 2, 1], [1, 2, 0]]


def test_the_penalty_is_on_the_vectors_before_propagation():
    model = make(MACR, random_set(), embedding_size=4, n_layers=2, reg_weight=1.0)
    batch = toy_batch()
    own = (model.user_embedding.weight, model.item_embedding.weight, model.item_embedding.weight)
    places = (batch["user_id"], batch["item_id"], batch["neg_item_id"])
    square = sum(table[place].square().sum() for table, place in zip(own, places, strict=True)) / len(batch["user_id"])
    assert model.terms(batch)["reg"].item() == pytest.approx(square.item() / 2, rel=1e-5)


def test_the_backbone_is_lightgcn():
    data = random_set()
    model, plain = (make(m, data, embedding_size=4, n_layers=2) for m in (MACR, LightGCN))
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if k.endswith("embedding.weight")})
    for ours, theirs in zip(model.backbone(), plain.embed(), strict=True):
        assert torch.allclose(ours, theirs)
