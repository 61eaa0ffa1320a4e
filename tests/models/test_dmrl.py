"""DMRL: worked toy values, plain-loop oracles of score, loss and distance correlation, and what must hold anyway."""

from math import log

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from baselines.dmrl import DMRL
from baselines.dmrl import correlation as kernel
from baselines.dmrl import model as dmrl
from baselines.dmrl.content import keep
from baselines.dmrl.correlation import DistanceCovariance, adjacent_correlations
from bench.spec import BenchError, NotApplicable
from tests.toy import make, random_batch, random_set, toy_set

approx = pytest.approx
U, Q, T, V = [0.1, 0.2, -0.3, 0.4], [0.5, -0.1, 0.2, 0.3], [0.2, 0.1, 0, -0.2], [-0.1, 0.3, 0.4, 0.1]
B1 = [
    [0.5, -0.5, 0.2],
    [0.1, 0.3, -0.4],
    [0.2, 0.2, 0.2],
    [-0.3, 0.1, 0.5],
    [0.4, -0.2, 0.1],
    [0.1, 0.1, 0.1],
    [-0.2, 0.5, 0.3],
    [0.3, -0.1, -0.2],
]
B2 = [[1, 0.5, 0], [0, 1, 0.5], [0.5, 0, 1]]
SMALL = {"embedding_size": 8, "hidden_size": 6, "visual_hidden_size": 10}


@pytest.fixture
def toy():
    """User 1 and item 1 of the spec's pair; the content stands projected."""
    return lambda **more: toy_model(**more)


def toy_model(**settings):
    model = make(DMRL, toy_set(), embedding_size=4, n_factors=2, frozen_content=True, **settings).eval()
    with torch.no_grad():
        model.user_embedding.weight[1], model.item_embedding.weight[1] = torch.tensor(U), torch.tensor(Q)
        model.projected[1] = torch.tensor([T, V])
        model.attention.hidden.copy_(torch.tensor(B1))
        model.attention.bias.copy_(torch.tensor([0.1, 0, -0.1]))
        model.attention.output.copy_(torch.tensor(B2))
    return model


def small(data=None, **settings):
    return make(DMRL, data or random_set(), **{**SMALL, **settings})


def all_scores(model):
    with torch.no_grad():
        return model.score_all(model.represent(), torch.arange(model.n_users))


def attention(model, vectors):
    """alpha of one pair and factor, from [u, q, ...] of width d / K, by the equation."""
    z = torch.cat(vectors)
    hidden = torch.tanh(F.normalize(z, dim=0) @ model.attention.hidden + model.attention.bias)
    return torch.softmax(hidden @ model.attention.output, 0)


def direct(model, user, item):
    """The score of a user (d) with an item (modality, d), factor by factor, modality by modality."""
    score, k = 0, model.hyper.n_factors
    for u, rows in zip(user.chunk(k), zip(*(row.chunk(k) for row in item), strict=True), strict=True):
        alpha = attention(model, [u, *rows])
        score = score + sum(a * F.softplus(u @ row) for a, row in zip(alpha, rows, strict=True))
    return score


def centred(x):
    distance = ((x.unsqueeze(0) - x.unsqueeze(1)).square().sum(-1) + 1e-8).sqrt()
    return distance - distance.mean(0) - distance.mean(1, keepdim=True) + distance.mean()


def correlation(x, y):
    """dCor by its definition."""
    a, b = centred(x), centred(y)
    aa, ab, bb = (((p * q).mean().clamp_min(0) + 1e-8).sqrt() for p, q in ((a, a), (a, b), (b, b)))
    return ab / ((aa * bb).sqrt() + 1e-10)


def dcor(x, y):
    """dCor of two (row, dim) arrays by the model's code."""
    return adjacent_correlations(torch.stack([torch.as_tensor(x), torch.as_tensor(y)]).unsqueeze(0).double()).item()


def column(*values):
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


def test_the_pair_of_the_spec(toy):
    score = all_scores(toy())[1, 1].item()
    assert score == approx(1.381298, abs=1e-6)
    assert all_scores(toy(weighting="inside"))[1, 1].item() == approx(4.153307, abs=1e-6)


def test_weights_and_factor_scores_of_the_spec(toy):
    model = toy()
    u, i = (part.by_factor() for part in model.attention.parts(torch.tensor([U]), torch.tensor([[Q, T, V]])))
    alpha = model.attention.weights((u.hidden + i.hidden), u.square + i.square)[..., 0].T
    assert alpha[0].tolist() == approx([0.434461, 0.350961, 0.214578], abs=1e-6)
    assert alpha[1].tolist() == approx([0.217050, 0.435713, 0.347238], abs=1e-6)
    inner = (u.vector * i.vector).sum((-1, -2)).T
    assert inner.flatten().tolist() == approx([0.03, 0.04, 0.05, 0.06, -0.08, -0.08])
    assert (alpha * F.softplus(inner)).sum(1).tolist() == approx([0.712234, 0.669065], abs=1e-6)


def test_without_the_output_map_every_modality_weighs_the_same(toy):
    model = toy()
    model.attention.output.zero_()
    assert all_scores(model)[1, 1].item() == approx(1.390519, abs=1e-6)


def test_distance_correlations_of_the_spec():
    x = column(0, 1, 2)
    assert dcor(x, x) == approx(1, abs=1e-6)
    assert dcor(x, 2 * x + 3) == approx(1, abs=1e-6)
    assert dcor(x, column(0, 1, 4)) == approx(0.965661, abs=1e-6)
    assert dcor(x, column(1, 0, 1)) == approx(0.562316, abs=1e-6)
    assert dcor(x, column(5, 5, 5)) == approx(0.011929, abs=1e-6)


def test_centred_distances_of_the_spec():
    expected = [[-1.111044, 0.222189, 0.888856], [0.222189, -0.444378, 0.222189], [0.888856, 0.222189, -1.111044]]
    matrix = centred(column(0, 1, 2))
    assert matrix.numpy() == approx(np.array(expected), abs=1e-6)
    own = DistanceCovariance.apply(column(0, 1, 2).view(1, 1, 3, 1)).item()
    assert own == approx(matrix.square().mean().item())


@pytest.mark.parametrize("side", [3, 4, 100])
def test_correlations_equal_their_definition_whatever_the_tiles(side, monkeypatch):
    monkeypatch.setattr(kernel, "ROWS", side)
    x = torch.randn(2, 3, 7, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plain = torch.stack([torch.stack([correlation(t[k], t[k + 1]) for k in range(2)]) for t in x])
    assert torch.allclose(adjacent_correlations(x), plain, atol=1e-10)
    assert torch.autograd.gradcheck(DistanceCovariance.apply, (x.requires_grad_(),))


def test_correlations_in_single_precision():
    x = 0.05 * torch.randn(2, 4, 600, 16, generator=torch.Generator().manual_seed(0)) + 3
    exact = x.double().requires_grad_()
    x.requires_grad_()
    for tensor in (x, exact):
        adjacent_correlations(tensor).sum().backward()
    assert torch.allclose(adjacent_correlations(x).double(), adjacent_correlations(exact), atol=1e-4)
    assert (x.grad - exact.grad).norm() < 1e-3 * exact.grad.norm()


def test_correlation_ignores_translation_rotation_and_scale():
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(2, 20, 3, generator=generator, dtype=torch.float64)
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    assert 0 <= dcor(x, y) <= 1
    assert dcor(x, x) == approx(1, abs=1e-6)
    assert dcor(x, y) == approx(dcor(y, x), abs=1e-9)
    assert dcor(x, y) == approx(dcor(x, 7 * y @ rotation + 2), abs=1e-5)


def test_one_factor_has_nothing_to_disentangle():
    model, x = small(n_factors=1), torch.randn(5, 3, 8)
    assert model.disentangle(x[:, 0], x).item() == 0


@pytest.mark.parametrize("modalities", [("visual",), ("textual",), ("visual", "textual", "acoustic")])
def test_precomputed_parts_score_as_the_equation(modalities, monkeypatch):
    monkeypatch.setattr(dmrl, "USERS", 7), monkeypatch.setattr(dmrl, "ITEMS", 9)
    model = small(random_set(modalities=modalities)).eval()
    with torch.no_grad():
        users, items = model.embed()
        table = torch.stack([torch.stack([direct(model, u, i) for i in items]) for u in users])
        user, item = torch.arange(model.n_users), torch.arange(model.n_items).expand(model.n_users, -1)
        assert torch.allclose(all_scores(model), table, atol=1e-6)
        assert torch.allclose(model.score(model.represent(), user, item), table, atol=1e-6)


def test_weights_are_a_distribution_and_forget_the_scale_of_a_factor():
    model = small()
    hidden, square = torch.randn(3, 4, 5), torch.rand(4, 5) + 0.1
    alpha = model.attention.weights(hidden, square)
    assert (alpha > 0).all()
    assert torch.allclose(alpha.sum(0), torch.ones(4, 5))
    assert torch.allclose(alpha, model.attention.weights(3 * hidden, 9 * square), atol=1e-6)


def test_a_factor_scores_between_its_modalities():
    model = small(n_factors=1).eval()
    with torch.no_grad():
        users, items = (10 * rows for rows in model.embed())
        parts = model.attention.parts(users, items)
        scores, each = model.score_all(parts, torch.arange(31)), F.softplus(torch.einsum("ud,imd->uim", users, items))
    assert (scores >= each.amin(2) - 1e-5).all()
    assert (scores <= each.amax(2) + 1e-5).all()


def test_users_of_nothing_score_k_ln_2():
    data = random_set()
    model = small(data, reg_weight=0.0, corr_weight=0.0)
    torch.nn.init.zeros_(model.user_embedding.weight)
    assert all_scores(model).numpy() == approx(4 * log(2), abs=1e-6)
    assert model.calculate_loss(random_batch(data, n_negatives=4)).item() == approx(log(2), abs=1e-6)


def plain_loss(model, batch, *, is_tiled):
    """The loss row by row; ``is_tiled``: the flat negatives meet the users of the batch in turn."""
    users, items = model.embed()
    user, positive, negative = users[batch["user_id"]], items[batch["item_id"]], items[batch["neg_item_id"]]
    size, many = negative.shape[:2]
    meets = torch.arange(size).repeat(many) if is_tiled else torch.arange(size).repeat_interleave(many)
    flat = [direct(model, user[m], row) for m, row in zip(meets, negative.flatten(0, 1), strict=True)]
    worst = torch.stack(flat).view(size, many).amax(1)
    ranking = sum(F.softplus(w - direct(model, u, p)) for u, p, w in zip(user, positive, worst, strict=True))
    squares = user.square().sum() + positive.square().sum() + negative.square().sum()
    if model.hyper.n_layers:
        ids = model.item_embedding.weight
        squares = squares + model.user_embedding.weight[batch["user_id"]].square().sum()
        squares = squares + sum(ids[batch[name]].square().sum() for name in ("item_id", "neg_item_id"))
    tables, k = torch.cat([user.unsqueeze(1), positive], 1).unbind(1), model.hyper.n_factors
    pairs = [pair for t in tables for pair in zip(t.chunk(k, 1), t.chunk(k, 1)[1:], strict=False)]
    c = sum(correlation(x, y) for x, y in pairs) * 2 / (k * (k + 1))
    return (ranking + model.hyper.reg_weight * squares / 2) / size + model.hyper.corr_weight * c


@pytest.mark.parametrize(("is_tiled", "n_layers"), [(False, 0), (True, 0), (False, 2)])
def test_the_loss_row_by_row(is_tiled, n_layers):
    data, settings = random_set(), {"dropout": 0.0, "reg_weight": 0.1, "corr_weight": 0.1}
    model = small(data, tile_users=is_tiled, n_layers=n_layers, **settings)
    batch = random_batch(data, size=6, n_negatives=4)
    one, other = (plain_loss(model, batch, is_tiled=t).item() for t in (is_tiled, not is_tiled))
    assert model.calculate_loss(batch).item() == approx(one, rel=1e-5)
    assert one != approx(other, rel=1e-4)


def test_one_step_moves_content_and_attention_unless_frozen():
    data = random_set()
    for is_frozen in (False, True):
        model = small(data, frozen_content=is_frozen)
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        model.calculate_loss(random_batch(data, n_negatives=4)).backward()
        optimizer.step()
        moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
        ids = {"user_embedding.weight", "item_embedding.weight"}
        assert moved == (ids if is_frozen else before.keys())


@pytest.mark.parametrize("n_factors", [2, 4])
def test_the_order_of_factors_only_matters_to_neighbours(n_factors):
    model, x = small(n_factors=n_factors), torch.randn(9, 4, 8)
    order = torch.arange(n_factors).roll(1) if n_factors == 2 else torch.tensor([1, 3, 0, 2])
    y = x.unflatten(-1, (n_factors, -1))[:, :, order].flatten(-2)
    user, item = torch.arange(9), torch.arange(9).expand(9, -1)
    one, two = (model.score(model.attention.parts(z[:, 0], z[:, 1:]), user, item) for z in (x, y))
    assert torch.allclose(one, two, atol=1e-5)
    c = [model.disentangle(z[:, 0], z[:, 1:]).item() for z in (x, y)]
    assert (c[0] == approx(c[1], abs=1e-5)) == (n_factors == 2)


@pytest.mark.parametrize("sparse", [False, True])
def test_content_by_its_equation(sparse):
    data = random_set(sparse=sparse)
    model = small(data).eval()
    content = model.content["visual"]
    torch.nn.init.normal_(content.hidden_bias), torch.nn.init.normal_(content.output_bias)
    rows = data.item_features["visual"]
    rows = F.normalize(torch.as_tensor(rows.toarray() if sparse else rows), dim=1)
    hidden = F.normalize(F.leaky_relu(rows @ content.hidden + content.hidden_bias, 0.2), dim=1)
    expected = hidden @ content.output + content.output_bias
    assert content.hidden.shape == (12, 10)
    assert torch.allclose(content(), expected, atol=1e-6)
    assert torch.allclose(content(torch.tensor([3, 7])), expected[[3, 7]], atol=1e-6)


def test_items_without_content_have_finite_gradients():
    content = small().content["visual"]
    assert not content.rows.rows[0].any()
    content(torch.tensor([0, 1])).sum().backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.abs().max() < 1e3 for p in content.parameters())


def test_dropout_draws_once_an_item_and_rests_at_evaluation():
    model = small(dropout=0.5)
    assert not torch.equal(model.embed()[1], model.embed()[1])
    model.eval()
    assert torch.equal(model.embed()[1], model.embed()[1])
    share = [keep(torch.empty(1001, 999), p).mean().item() for p in (0.8, 0.5)]
    assert share == approx([0.8, 0.5], abs=2e-3)
    bits = keep(torch.empty(4, 100_000), 0.5)
    assert torch.corrcoef(bits).fill_diagonal_(0).abs().max() < 0.02


def test_frozen_content_is_projected_without_dropout():
    one, two = (small(frozen_content=True, dropout=p).projected for p in (0.0, 0.5))
    assert torch.equal(one, two)


def test_settings_that_make_no_sense():
    with pytest.raises(BenchError, match="no multiple"):
        small(embedding_size=9)
    with pytest.raises(NotApplicable, match="modalities"):
        small(random_set(modalities=()))
