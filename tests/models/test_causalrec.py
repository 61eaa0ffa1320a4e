"""CausalRec: parts, scores and losses against plain loops; what the removal leaves of equal items."""

import math

import pytest
import torch

from baselines.causalrec import CausalRec
from tests.toy import as_dense, make, random_batch, random_set


def sigma(x):
    return 1 / (1 + math.exp(-x))


def small(data=None, **settings):
    model = make(CausalRec, data or random_set(), **{"embedding_size": 3, "content_size": 2, **settings})
    with torch.no_grad():
        model.item_bias.normal_()
    return model


def parts(model, data, user, item):
    """(m, n) of one pair, entry by entry."""
    row = torch.from_numpy(data.item_features["visual"][item])
    row = (row / row.norm().clamp_min(1e-12)).tolist()
    phi = math.tanh if model.hyper.activation == "tanh" else float
    weights = (model.user_embedding.weight, model.item_embedding.weight, model.user_content.weight)
    gamma, own, theta = (w.tolist()[k] for w, k in zip(weights, (user, item, user), strict=True))

    def mapped(table):
        return [sum(f * w for f, w in zip(row, column, strict=True)) for column in table.T.tolist()]

    gate, look, bias = (mapped(w) for w in (model.gate, model.projection, model.content_bias))
    m = model.item_bias.tolist()[item][0] + sum(g * q * (1 + phi(x)) for g, q, x in zip(gamma, own, gate, strict=True))
    n = bias[0] + sum(t * phi(x) for t, x in zip(theta, look, strict=True))
    return m, n


def together(m, n):
    return sigma(m + n) * sigma(m) * sigma(n)


@pytest.mark.parametrize("activation", ["tanh", "none"])
def test_scores_against_a_loop(activation):
    data = random_set()
    model = small(data, activation=activation, debias=0.0).eval()
    scores = model.score_all(model.represent(), torch.tensor([1, 2]))
    for user in (1, 2):
        for item in (1, 9, 40):
            expected = together(*parts(model, data, user, item))
            assert scores[user - 1, item].item() == pytest.approx(expected, rel=1e-4)


def test_what_is_taken_away_is_the_score_at_the_mean_item():
    """m* from the mean id vector, the mean bias and the mean row, the padding item left out."""
    data = random_set()
    plain, debiased = (small(data, debias=s).eval() for s in (0.0, 0.6))
    debiased.load_state_dict(plain.state_dict())
    gate = 1 + (as_dense(plain.content)[1:].mean(0) @ plain.gate).tanh()
    typical = (
        plain.user_embedding.weight @ (plain.item_embedding.weight[1:].mean(0) * gate) + plain.item_bias[1:].mean()
    )
    user, item = 5, 7
    before, after = (m.score_all(m.represent(), torch.tensor([user]))[0, item].item() for m in (plain, debiased))
    _, n = parts(plain, data, user, item)
    assert after == pytest.approx(before - 0.6 * together(typical[user].item(), n), abs=1e-5)


def test_equal_items_keep_a_share_of_their_score():
    data = random_set()
    data.item_features["visual"][1:] = data.item_features["visual"][1]
    model = small(data, debias=0.25).eval()
    with torch.no_grad():
        model.item_embedding.weight[1:] = model.item_embedding.weight[1]
        model.item_bias[1:] = model.item_bias[1]
    score = model.score_all(model.represent(), torch.tensor([3]))[0, 1].item()
    assert score == pytest.approx(0.75 * together(*parts(model, data, 3, 1)), rel=1e-4)


def test_losses_against_a_loop():
    data = random_set()
    model, batch = small(data, reg_weight=0.5, projection_reg_weight=0.1), random_batch(data, size=6)
    expected = {"joint": 0.0, "match": 0.0, "content": 0.0}
    for user, positive, negative in zip(
        *(batch[k].tolist() for k in ("user_id", "item_id", "neg_item_id")), strict=True
    ):
        (m_i, n_i), (m_j, n_j) = (parts(model, data, user, item) for item in (positive, negative))
        expected["joint"] -= math.log(sigma(together(m_i, n_i) - together(m_j, n_j))) / 6
        expected["match"] -= math.log(sigma(m_i - m_j)) / 6
        expected["content"] -= math.log(sigma(n_i - n_j)) / 6
    found = {name: value.item() for name, value in model.terms(batch).items()}
    rows = [model.user_embedding(batch["user_id"]), model.user_content(batch["user_id"])]
    for key in ("item_id", "neg_item_id"):
        rows += [model.item_embedding(batch[key]), model.item_bias[batch[key]]]
    own = sum(r.square().sum().item() for r in rows) / 6
    shared = sum(p.square().sum().item() for p in (model.gate, model.projection, model.content_bias))
    assert found == pytest.approx(expected | {"reg": 0.5 * (0.5 * own + 0.1 * shared)}, rel=1e-4)
