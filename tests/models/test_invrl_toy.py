"""InvRL: the values of the worked toy."""

import numpy as np
import pytest
import torch

from baselines.invrl import InvRL, backend
from baselines.invrl.backend import draw_gate, penalty
from baselines.invrl.networks import square
from tests.models.test_invrl import REGULAR, close
from tests.toy import TOY_ITEMS, TOY_USERS, as_dense, make, set_rows, toy_batch, toy_set

CONTENT = [[0.2, -0.1], [0.3, 0.1]]
W = [[0.1, 0, 0.1, 0.2, 0], [0, 0.1, -0.1, 0, 0.2]]
MASK = [1, 0.5, 0.25, 0.8, 0.1]


def toy(mask=(1, 1, 1, 1, 1)) -> InvRL:
    model = make(InvRL, toy_set(), embedding_size=2, content_size=2, n_sampled=2, **REGULAR).double()
    set_rows(model.networks.user[:, 0], np.hstack([TOY_USERS, CONTENT]))
    set_rows(model.networks.item[:, 0], TOY_ITEMS)
    with torch.no_grad():
        model.networks.projection[:, 0] = torch.tensor(W).T
        model.networks.bias[0] = torch.tensor([0.01, -0.01])
        model.networks.mask[:] = torch.tensor(mask)
    model.with_negatives = lambda positive: torch.tensor([[1, 3, 2], [2, 1, 1]])
    return model


def test_toy_rows_and_weights():
    model = toy()
    r = 0.5**0.5
    expected = [[0.447214, 0, 0.894427, r, r], [0, r, r, 0, 1], [0.894427, 0.447214, 0, 1, 0]]
    assert close(as_dense(model.content)[1:], expected)
    assert close(model.user_factor[1:], [0.866025] * 2)
    assert close(model.item_factor[1:], [0.707107, 0.577350, 0.707107])
    omega = model.weight(torch.tensor([1]), torch.tensor([[1, 2, 3]])) / model.share - 1
    assert close(omega, [[0.612372, 0.5, 0.612372]])


@pytest.mark.parametrize(
    ("mask", "scores", "loss"),
    [
        ([1] * 5, [[0.082919, 0.077142, 0.136416], [-0.100127, 0.103213, 0.453305]], 4.220381),
        (MASK, [[0.069866, 0.082768, 0.130652], [-0.134756, 0.071071, 0.439069]], 4.226995),
    ],
)
def test_toy_scores_and_ranking_loss(mask, scores, loss):
    model, batch = toy(mask), toy_batch()
    assert close(model.score_all(model.represent(), torch.tensor([1, 2]))[:, 1:], scores)
    label = torch.zeros(2, dtype=torch.long)
    assert close(model.pair_losses(model.networks, batch["user_id"], batch["item_id"], label).sum(), loss)


def test_toy_projection():
    projected = toy().embed()[1][1:, 2:]
    assert close(projected, [[0.285585, 0.041979], [0.080711, 0.19], [0.299443, 0.034721]])


@pytest.mark.parametrize(("item_factor", "reg"), [(1.0, 0.001338), (2.0, 0.001429)])
def test_toy_regulariser_is_a_512th_beside_the_mean(item_factor, reg):
    model, batch = toy(), toy_batch()
    user = batch["user_id"]
    mean = model.pair_losses(model.networks, user, batch["item_id"], 0 * user).mean()
    assert close(512 * (model.objective(batch, item_factor, 1e-2) - mean), reg)


def test_toy_l1_on_known_dimensions():
    model, batch = toy(), toy_batch()
    pairs, label = (batch["user_id"], batch["item_id"]), torch.zeros(2, dtype=torch.long)
    mask = torch.tensor(MASK, dtype=torch.float64)
    with_l1, without = (model.environment_loss(model.networks, m, label, pairs) for m in (mask, 0 * mask))
    assert close(512 * (with_l1 - without), 0.00038)
    assert close(without, 4.220381 / 2)


def test_toy_penalty(monkeypatch):
    g = torch.tensor([[1, 2], [3, 2.5]]).T.unsqueeze(2)  # (feat, environment, dim)
    mu = torch.tensor([-0.1, 0.2])
    assert close(penalty(g, mu), 0.647656)
    assert close(penalty(3 * g, mu), 81 * 0.647656, atol=1e-4)
    assert close(square(mu), 0.05)
    monkeypatch.setattr(backend, "GATE_NOISE", 0.0)
    assert close(draw_gate(mu, 1)[:, 0], [0.4, 0.7])
