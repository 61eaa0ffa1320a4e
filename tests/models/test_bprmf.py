"""BPRMF: worked toy values, gradients by hand, and what must hold in any case."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from baselines.bprmf import BPRMF
from bench.nn.losses import bpr
from bench.train.batches import Batches
from tests.toy import TOY_ITEMS, TOY_USERS, close, make, random_batch, random_set, set_rows, toy_batch, toy_set

approx = pytest.approx


def toy(**settings):
    """The toy of the spec, section 5, in float64."""
    model = make(BPRMF, toy_set(), **{"embedding_size": 2, "reg_weight": 0.01, **settings}).double()
    set_rows(model.user_embedding.weight, TOY_USERS)
    set_rows(model.item_embedding.weight, TOY_ITEMS)
    return model


def small(data=None, **settings):
    return make(BPRMF, data or random_set(), **{"embedding_size": 4, "reg_weight": 0.0, **settings}).double()


def scores(model):
    return model.score_all(model.represent(), torch.arange(model.n_users))


def test_toy_scores():
    found = scores(toy())[1:, 1:]
    assert found.tolist() == close([[0.03, 0.08, 0.08], [-0.19, 0.06, 0.36]])
    x = found[[0, 1], [0, 1]] - found[[0, 1], [2, 0]]
    assert x.tolist() == close([-0.05, 0.25])
    assert F.softplus(-x).tolist() == close([0.718460, 0.575939])


def test_toy_loss():
    assert toy(reg_weight=0.0).calculate_loss(toy_batch()).item() == close(0.647200)
    assert toy().calculate_loss(toy_batch()).item() == close(0.650875)
    assert toy(reg_weight=2.0).calculate_loss(toy_batch()).item() == close(0.647200 + 0.735)  # B = 2


def test_toy_gradients():
    model = toy()
    model.calculate_loss(toy_batch()).backward()
    users, items = model.user_embedding.weight.grad, model.item_embedding.weight.grad
    assert users.tolist() == close([[0, 0], [-0.230124, 0.180374], [0.064174, -0.085565]])
    expected = [[0, 0], [-0.086298, 0.035315], [0.066674, -0.086065], [0.023625, 0.054250]]
    assert items.tolist() == close(expected)


def test_gradient_of_each_triple():
    """g = -sigma(-x) / B: g (q_i - q_j) + l p_u / B for the user, g p_u + l q_i / B, -g p_u + l q_j / B."""
    data, weight = random_set(), 0.3
    model, batch = small(data, reg_weight=weight), random_batch(data, size=24)
    model.calculate_loss(batch).backward()
    p, q = (t.detach() for t in model.embed())
    users, items = torch.zeros_like(p), torch.zeros_like(q)
    for u, i, j in zip(*(batch[k].tolist() for k in batch), strict=True):
        g = -torch.sigmoid(-(p[u] @ (q[i] - q[j]))) / 24
        users[u] += g * (q[i] - q[j]) + weight * p[u] / 24
        items[i] += g * p[u] + weight * q[i] / 24
        items[j] += -g * p[u] + weight * q[j] / 24
    assert torch.allclose(model.user_embedding.weight.grad, users)
    assert torch.allclose(model.item_embedding.weight.grad, items)


def test_zero_parameters():
    data = random_set()
    model = small(data)
    for p in model.parameters():
        torch.nn.init.zeros_(p)
    loss = model.calculate_loss(random_batch(data))
    loss.backward()
    assert loss.item() == approx(np.log(2))
    assert not any(p.grad.any() for p in model.parameters())


def test_positive_equal_to_negative():
    data = random_set()
    model, batch = small(data), random_batch(data)
    loss = model.calculate_loss({**batch, "neg_item_id": batch["item_id"]})
    loss.backward()
    assert loss.item() == approx(np.log(2))
    assert all(p.grad.abs().max() < 1e-15 for p in model.parameters())


def test_loss_does_not_see_a_change_of_basis():
    data = random_set()
    model, batch = small(data), random_batch(data)
    before = model.calculate_loss(batch).item()
    basis = torch.randn(4, 4, dtype=torch.float64)
    with torch.no_grad():
        model.user_embedding.weight.copy_(model.user_embedding.weight @ basis)
        model.item_embedding.weight.copy_(model.item_embedding.weight @ torch.linalg.inv(basis).T)
    assert model.calculate_loss(batch).item() == approx(before, rel=1e-9)


def test_swapping_the_items_moves_the_loss_by_the_margin():
    data = random_set()
    model, batch = small(data), random_batch(data)
    torch.nn.init.normal_(model.item_embedding.weight)
    other = {**batch, "item_id": batch["neg_item_id"], "neg_item_id": batch["item_id"]}
    table, user = scores(model), batch["user_id"]
    margin = (table[user, batch["item_id"]] - table[user, batch["neg_item_id"]]).mean().item()
    difference = model.calculate_loss(other) - model.calculate_loss(batch)
    assert difference.item() == approx(margin)


def test_pairs_equal_the_matrix():
    model = make(BPRMF, random_set())
    user, item = torch.randint(1, 31, (50,)), torch.randint(1, 41, (50,))
    pairs = model.predict({"user_id": user, "item_id": item})
    assert torch.allclose(pairs, scores(model)[user, item], atol=1e-6)


def test_no_overflow_and_no_saturated_ties():
    """Margins far past float32's sigmoid stay finite in the loss and apart in the ranking."""
    assert bpr(torch.tensor([-500.0, 500]), torch.tensor([500.0, -500])).item() == approx(500)
    model = toy(reg_weight=0.0).float()
    with torch.no_grad():
        model.user_embedding.weight.mul_(100), model.item_embedding.weight.mul_(100)
    assert len(scores(model)[2, 1:].unique()) == 3
    assert torch.isfinite(model.calculate_loss(toy_batch()))


@pytest.mark.parametrize("sampling", ["user", "interaction"])
def test_batches(sampling):
    data = random_set()
    model, generator = small(data), torch.Generator().manual_seed(0)
    options = {"n_negatives": 1, "size": 20, "sampling": sampling, "generator": generator}
    met = {*zip(data.user.tolist(), data.item.tolist(), strict=True)}
    batches = list(Batches(data.user, data.item, draw_negatives=model.draw_negatives, **options))
    assert len(batches) == (180 // 20 + 1 if sampling == "user" else 9)
    for batch in batches:
        user, item, negative = (batch[k].tolist() for k in ("user_id", "item_id", "neg_item_id"))
        assert met.issuperset(zip(user, item, strict=True))
        assert met.isdisjoint(zip(user, negative, strict=True))
        assert 0 not in negative
        assert sampling == "interaction" or len({*user}) == 20


def test_an_absent_row_still_moves_under_dense_adam():
    model = toy()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    one = {"user_id": [1], "item_id": [1], "neg_item_id": [3]}
    other = {"user_id": [2], "item_id": [2], "neg_item_id": [3]}
    rows = []
    for batch in (one, other):
        optimizer.zero_grad()
        model.calculate_loss({k: torch.tensor(v) for k, v in batch.items()}).backward()
        optimizer.step()
        rows.append(model.user_embedding.weight[1].detach().clone())
    assert not model.user_embedding.weight.grad[1].any()
    assert not torch.equal(*rows)


def test_initial_weights():
    model = make(BPRMF, random_set())
    for table, n in ((model.user_embedding, 31), (model.item_embedding, 41)):
        limit = (6 / (n + 64)) ** 0.5
        assert 0.95 * limit < table.weight.abs().max() <= limit
