"""VBPR: worked toy values, a loop over triples as oracle, and what must hold in any case."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from baselines.bprmf import BPRMF
from baselines.vbpr import VBPR, scaled
from bench.spec import NotApplicable
from bench.train.bridge import TrainingSet
from tests.toy import (
    TOY_ITEMS,
    TOY_TEXTUAL,
    TOY_TRAIN,
    TOY_USERS,
    TOY_VISUAL,
    as_dense,
    close,
    make,
    random_batch,
    random_set,
    set_rows,
    toy_batch,
    toy_set,
)

approx = pytest.approx
PLAIN = {"projection_reg_weight": 0.0, "feature_scale": "none", "reg_weight": 0.0}
NO_BIAS = {"item_bias": False, "visual_bias": False}


def toy(data=None, **settings):
    """The toy of the spec, section 5, in float64."""
    sizes = {"embedding_size": 2, "content_size": 2}
    model = make(VBPR, data or toy_set(), **{**PLAIN, **sizes, **settings}).double()
    set_rows(model.user_embedding.weight, TOY_USERS)
    set_rows(model.item_embedding.weight, TOY_ITEMS)
    set_rows(model.user_content.weight, [[0.3, -0.2], [0.1, 0.4]])
    with torch.no_grad():
        model.projection.copy_(torch.tensor([[0.1, 0], [0, 0.1], [0.1, -0.1]]))
        if model.hyper.item_bias:
            set_rows(model.item_bias, [[0.05], [-0.02], [0.1]])
        if model.hyper.visual_bias:
            model.visual_bias.copy_(torch.tensor([[0.01], [-0.02], [0.03]]))
    return model


def small(data=None, **settings):
    """A random model in float64 with large weights, biases included."""
    sizes = {"embedding_size": 4, "content_size": 3}
    model = make(VBPR, data or random_set(), **{**PLAIN, **sizes, **settings}).double()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return model


def with_rows(data, **features):
    """The pairs of ``data`` with other item rows."""
    pairs = np.stack([data.user, data.item], axis=1) - 1
    return TrainingSet(pairs, n_users=data.num("user_id") - 1, n_items=data.num("item_id") - 1, features=features)


def scores(model):
    return model.score_all(model.represent(), torch.arange(1, model.n_users))[:, 1:]


def gradients(model, batch):
    model.zero_grad()
    model.calculate_loss(batch).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def test_toy_projection():
    items = toy().items()
    assert items[1:, 2:4].tolist() == close([[0.3, -0.2], [0.1, 0], [0.2, 0.1]])
    assert (items[1:, 4] - toy().item_bias[1:, 0]).tolist() == close([0.07, 0.01, 0])


def test_toy_scores_and_loss():
    assert scores(toy()).tolist() == close([[0.28, 0.10, 0.22], [-0.12, 0.06, 0.52]])
    assert toy().calculate_loss(toy_batch()).item() == close(0.635394)
    assert scores(toy(**NO_BIAS)).tolist() == close([[0.16, 0.11, 0.12], [-0.24, 0.07, 0.42]])
    assert toy(**NO_BIAS).calculate_loss(toy_batch()).item() == close(0.611730)


def test_toy_regulariser():
    """Half squares: .735 of the ids, .30 / 2 of theta, .0154 / 2 of beta; .0414 / 2 of E and beta'."""
    whole = toy(reg_weight=0.01).calculate_loss(toy_batch()).item()
    assert whole == close(0.635394 + 0.01 * (0.735 + 0.15 + 0.0077) / 2)
    shared = toy(projection_reg_weight=0.5).calculate_loss(toy_batch()).item()
    assert shared == close(0.635394 + 0.5 * (0.04 + 0.0014) / 2)


def test_toy_gradients():
    """g = -sigma(-x) / 2 of each triple, x = (.06, .18), times the differences that meet the parameter."""
    found = gradients(toy(), toy_batch())
    g, h = (-1 / (1 + np.exp(x)) / 2 for x in (0.06, 0.18))
    assert found["item_bias"].flatten().tolist() == close([0, g - h, h, -g])
    content = np.array(TOY_VISUAL, dtype=float)
    one, other = content[0] - content[2], content[1] - content[0]
    assert found["visual_bias"].flatten().tolist() == close(g * one + h * other)
    theta = np.array([[0.3, -0.2], [0.1, 0.4]])
    assert found["projection"].tolist() == close(g * np.outer(one, theta[0]) + h * np.outer(other, theta[1]))
    assert found["user_content.weight"].tolist() == close([[0, 0], [g * 0.1, -g * 0.3], [-h * 0.2, h * 0.2]])
    ids, users = np.array(TOY_ITEMS), np.array(TOY_USERS)
    assert found["user_embedding.weight"][1:].tolist() == close([g * (ids[0] - ids[2]), h * (ids[1] - ids[0])])
    expected = [g * users[0] - h * users[1], h * users[1], -g * users[0]]
    assert found["item_embedding.weight"][1:].tolist() == close(expected)


def test_without_content_it_is_bprmf_with_item_bias():
    data = with_rows(random_set(), visual=np.zeros((40, 6)))
    model, batch = small(data), random_batch(data)
    plain = make(BPRMF, data, embedding_size=4, reg_weight=0.0).double()
    plain.load_state_dict({k: model.state_dict()[k] for k in plain.state_dict()})
    table = plain.score_all(plain.represent(), torch.arange(1, 31))[:, 1:]
    assert torch.allclose(scores(model), table + model.item_bias[1:].T)
    torch.nn.init.zeros_(model.item_bias)
    assert model.calculate_loss(batch).item() == approx(plain.calculate_loss(batch).item(), rel=1e-12)
    ours, theirs = gradients(model, batch), gradients(plain, batch)
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-12) for name in theirs)


def test_without_user_content_the_projection_rests():
    data = random_set()
    model, batch = small(data), random_batch(data)
    torch.nn.init.zeros_(model.user_content.weight), torch.nn.init.zeros_(model.visual_bias)
    plain = make(BPRMF, data, embedding_size=4).double()
    plain.load_state_dict({k: model.state_dict()[k] for k in plain.state_dict()})
    table = plain.score_all(plain.represent(), torch.arange(1, 31))[:, 1:]
    assert torch.allclose(scores(model), table + model.item_bias[1:].T)
    found = gradients(model, batch)
    assert not found["projection"].any()
    assert found["user_content.weight"].any()


def test_a_shift_of_all_rows_changes_nothing():
    data, batch = random_set(), random_batch(random_set())
    rows = data.item_features["visual"][1:]
    shifted = with_rows(data, visual=rows + np.linspace(-2, 2, 12, dtype=np.float32))
    model, moved = small(with_rows(data, visual=rows)), small(shifted)
    moved.load_state_dict(model.state_dict())
    assert model.calculate_loss(batch).item() == approx(moved.calculate_loss(batch).item(), rel=1e-5)
    one, other = gradients(model, batch), gradients(moved, batch)
    for name in ("user_embedding.weight", "item_embedding.weight", "item_bias", "user_content.weight"):
        assert torch.allclose(one[name], other[name], atol=1e-5), name
    assert torch.equal(scores(model).argsort(), scores(moved).argsort())


def test_a_rotation_of_the_rows_changes_nothing(rng):
    data = random_set(modalities=("visual",))
    rotation = np.linalg.qr(rng.normal(size=(12, 12)))[0].astype(np.float32)
    model, turned = small(data), small(with_rows(data, visual=data.item_features["visual"][1:] @ rotation))
    turned.load_state_dict(model.state_dict())
    with torch.no_grad():
        for p in (turned.projection, turned.visual_bias):
            p.copy_(torch.from_numpy(rotation).double().T @ p)
    assert torch.allclose(scores(model), scores(turned), atol=1e-5)


def test_equal_items_have_equal_scores():
    rows = np.array([[1, 2], [1, 2], [3, 1]], dtype=np.float32)
    model = small(TrainingSet(TOY_TRAIN, n_users=2, n_items=3, features={"visual": rows}))
    with torch.no_grad():
        model.item_embedding.weight[2], model.item_bias[2] = (
            model.item_embedding.weight[1],
            model.item_bias[1],
        )
    found = scores(model)
    assert torch.equal(found[:, 0], found[:, 1])
    assert not torch.allclose(found[:, 0], found[:, 2])


def test_cold_item():
    """Its ids learn as a negative alone; its content tells users apart all the same."""
    data = random_set()
    warm = data.item != 7
    cold = TrainingSet(
        np.stack([data.user[warm], data.item[warm]], axis=1) - 1,
        n_users=30,
        n_items=40,
        features={"visual": data.item_features["visual"][1:]},
    )
    model = small(cold)
    batch = random_batch(cold, size=100)
    assert 7 not in batch["item_id"]
    assert 7 in batch["neg_item_id"]
    assert gradients(model, batch)["item_embedding.weight"][7].any()
    rest = batch["neg_item_id"] != 7
    assert not gradients(model, {k: v[rest] for k, v in batch.items()})["item_embedding.weight"][7].any()
    torch.nn.init.zeros_(model.item_embedding.weight)
    assert scores(model)[:, 6].std() > 0.1


@pytest.mark.parametrize("scale", ["row", "max", "none"])
def test_dense_and_sparse_rows_agree(scale):
    batch = random_batch(random_set())
    dense, sparse = (small(random_set(sparse=s), feature_scale=scale, modalities="all") for s in (False, True))
    sparse.load_state_dict(dense.state_dict())
    assert torch.allclose(scores(dense), scores(sparse), atol=1e-5)
    one, other = gradients(dense, batch), gradients(sparse, batch)
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


def test_number_of_parameters():
    model = make(VBPR, random_set(), embedding_size=5, content_size=3)
    users, items, width = 31, 41, 12
    expected = users * (5 + 3) + items * (5 + 1) + width * (3 + 1)
    assert sum(p.numel() for p in model.parameters()) == expected


@pytest.mark.parametrize("settings", [{}, {"negative_reg_factor": 0.1}, NO_BIAS, {"modalities": "all"}], ids=str)
def test_equals_the_loop_over_triples(settings):
    data = random_set()
    model = small(data, reg_weight=0.2, projection_reg_weight=0.3, **settings)
    batch, h, total = random_batch(data, size=20), model.hyper, 0
    f = np.hstack([data.item_features[m] for m in (("visual", "textual") if h.modalities == "all" else ("visual",))])
    f, p, q, theta = (
        torch.from_numpy(f).double(),
        *(t.weight for t in (model.user_embedding, model.item_embedding, model.user_content)),
    )
    beta = model.item_bias if h.item_bias else torch.zeros(len(q), 1)
    direction = model.visual_bias if h.visual_bias else torch.zeros(f.shape[1], 1).double()
    for u, i, j in zip(*(batch[k].tolist() for k in batch), strict=True):
        x = beta[i] - beta[j] + p[u] @ (q[i] - q[j]) + (theta[u] @ model.projection.T + direction.T) @ (f[i] - f[j])
        weights = zip(
            (p[u], theta[u], q[i], beta[i], q[j], beta[j]),
            (1, 1, 1, 1, *[h.negative_reg_factor] * 2),
            strict=True,
        )
        total = total + torch.nn.functional.softplus(-x) + 0.1 * sum(w * r.square().sum() for r, w in weights)
    expected = total / 20 + 0.15 * (model.projection.square().sum() + direction.square().sum())
    assert model.calculate_loss(batch).item() == approx(expected.item(), rel=1e-9)
    found = gradients(model, batch)
    for (name, ours), theirs in zip(
        found.items(), torch.autograd.grad(expected, list(model.parameters())), strict=True
    ):
        assert torch.allclose(ours, theirs, atol=1e-9), name


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_scales(kind):
    rows = kind(np.array([[3, -4], [0, 0], [0, 2]], dtype=np.float32))
    expected = {
        "row": [[0.6, -0.8], [0, 0], [0, 1]],
        "max": [[0.75, -1], [0, 0], [0, 0.5]],
        "none": [[3, -4], [0, 0], [0, 2]],
    }
    for how, values in expected.items():
        found = scaled(rows, how)
        assert (found.toarray() if sp.issparse(found) else found) == approx(np.array(values))
    assert not abs(scaled(0 * rows, "max")).max()


def test_which_rows_are_content():
    """Visual rows where there are some, else all that there are; nothing to read is no job for this model."""
    assert make(VBPR, random_set()).content.width == 12
    assert make(VBPR, random_set(), modalities="all").content.width == 12 + 7
    assert make(VBPR, random_set(modalities=("textual", "acoustic"))).content.width == 7 + 5
    textual = with_rows(toy_set(), textual=TOY_TEXTUAL)
    assert as_dense(make(VBPR, textual, feature_scale="none").content).tolist() == [
        [0, 0],
        *TOY_TEXTUAL.tolist(),
    ]
    with pytest.raises(NotApplicable, match="content"):
        make(VBPR, toy_set(modalities=()))
