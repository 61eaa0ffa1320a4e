"""NGCF: RecBole's values with the same weights, a dense oracle, and what must always hold."""

import numpy as np
import pytest
import torch

from baselines.bprmf import BPRMF
from baselines.ngcf import NGCF
from baselines.ngcf import model as ngcf
from bench.nn.losses import bpr
from tests.models.recbole_twin import every_score, twins
from tests.toy import as_dense, make, random_batch, random_set, toy_batch, toy_set

approx = pytest.approx
PLAIN = {"message_dropout": 0.0, "reg_weight": 0.0}
PAPER = NGCF.presets["paper"]
KINDS = ("norm", "mean_plus_I", "mean", "plain", "sym")


def small(data=None, **settings):
    """A random model with two layers of unequal width, float64, large weights."""
    model = make(NGCF, data or random_set(), **{**PLAIN, "embedding_size": 4, "layer_sizes": (5, 3), **settings})
    for p in model.double().parameters():
        torch.nn.init.normal_(p, std=0.5)
    return model


def nodes_of(model, columns=slice(None)):
    """Final vectors below the paddings, users then items."""
    users, items = model.embed()
    return torch.cat([users[1:, columns], items[1:, columns]]).tolist()


def scores(model):
    return model.score_all(model.represent(), torch.arange(1, model.n_users))[:, 1:].tolist()


RECBOLE = {"adj": "sym", "variant": "paper", "normalise": "propagated", "bias": True, "reg_on": "final"}
RECBOLE |= {"embedding_size": 8, "layer_sizes": (8, 6, 4), "edge_dropout": 0.0, **PLAIN}


@pytest.mark.filterwarnings("ignore:torch.sparse.SparseTensor")
def test_equals_recboles(tmp_path, monkeypatch):
    from recbole.model.general_recommender.ngcf import NGCF as RecBoleNGCF

    options = {**RECBOLE, "hidden_size_list": [8, 6, 4], "node_dropout": 0.0}
    theirs, ours, batch = twins(RecBoleNGCF, NGCF, tmp_path, monkeypatch, **options)
    for p in theirs.parameters():
        torch.nn.init.normal_(p, std=0.3)
    state = {}
    for name, value in theirs.state_dict().items():
        place = name.replace("GNNlayers", "sums" if ".linear." in name else "products")
        state[place.replace(".linear.", ".").replace(".interActTransform.", ".")] = value
    ours.load_state_dict(state)
    assert torch.allclose(every_score(theirs), every_score(ours), atol=1e-5)
    one, other = theirs.train().calculate_loss(batch), ours.train().calculate_loss(batch)
    assert one.item() == approx(other.item(), rel=1e-6)
    one.backward(), other.backward()
    assert torch.allclose(theirs.item_embedding.weight.grad, ours.item_embedding.weight.grad, atol=1e-6)
    assert torch.allclose(theirs.GNNlayers[1].linear.weight.grad, ours.sums[1].weight.grad, atol=1e-6)


def test_without_layers_it_is_bprmf():
    data = random_set()
    model, batch = small(data, layer_sizes=(), reg_weight=0.3), random_batch(data)
    plain = make(BPRMF, data, embedding_size=4, reg_weight=0.3).double()
    plain.load_state_dict(model.state_dict())
    one, other = model.calculate_loss(batch), plain.calculate_loss(batch)
    one.backward(), other.backward()
    assert one.item() == approx(other.item(), rel=1e-12)
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-12)
    assert torch.equal(torch.cat(model.embed()), torch.cat(plain.embed()))


def test_unit_blocks_add_a_constant_to_the_regulariser():
    data = random_set()
    batch, weight = random_batch(data), 0.3
    free, layer0, final = (
        small(data, reg_weight=w, reg_on=r) for w, r in ((0, "final"), (weight, "layer0"), (weight, "final"))
    )
    for other in (layer0, final):
        other.load_state_dict(free.state_dict())
    losses = [m.calculate_loss(batch) for m in (free, layer0, final)]
    assert (losses[2] - losses[1]).item() == approx(1.5 * 2 * weight, rel=1e-9)
    rows = [final.user_embedding(batch["user_id"]), final.item_embedding(batch["item_id"])]
    rows.append(final.item_embedding(batch["neg_item_id"]))
    assert (losses[1] - losses[0]).item() == approx(weight * sum(r.square().sum().item() for r in rows) / 2 / 16)
    for loss in losses[1:]:
        loss.backward()
    for p, q in zip(layer0.parameters(), final.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, atol=1e-9)


def dense_graph(data, kind):
    """L from the definition, one entry at a time."""
    n_users = data.num("user_id")
    a = np.zeros((n_users + data.num("item_id"),) * 2)
    for u, i in zip(data.user, data.item, strict=True):
        a[u, n_users + i] = a[n_users + i, u] = 1
    degree, one = a.sum(1), np.eye(len(a))
    if kind == "sym":
        inverse = np.array([d**-0.5 if d else 0 for d in degree])
        return inverse[:, None] * a * inverse
    if kind == "norm":
        return (a + one) / (degree + 1)[:, None]
    mean = np.array([row / d if d else row for row, d in zip(a, degree, strict=True)])
    return {"mean": mean, "mean_plus_I": mean + one, "plain": a}[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_graph(kind):
    data = random_set()
    found = as_dense(small(data, adj=kind).float().adjacency).numpy()
    assert found == approx(dense_graph(data, kind), abs=1e-6)
    isolated = dense_graph(data, "plain").sum(1) == 0
    rows = {
        "norm": np.ones(len(found)),
        "mean_plus_I": np.where(isolated, 1, 2),
        "mean": np.where(isolated, 0, 1),
    }
    if kind in rows:
        assert found.sum(1) == approx(rows[kind], abs=1e-6)


def test_equal_vectors_stay_under_norm():
    model = small()
    same = torch.ones(model.n_users + model.n_items, 1).double() * torch.tensor([1.0, -2, 3, 0.5]).double()
    assert torch.allclose(model.adjacency(same), same, atol=1e-6)


@pytest.mark.parametrize("n_layers", [1, 3])
def test_linear_layers_are_powers_of_the_graph(n_layers, monkeypatch):
    monkeypatch.setattr(ngcf, "SLOPE", 1.0)
    model = small(layer_sizes=(4,) * n_layers, normalise="none")
    for w1, w2 in zip(model.sums, model.products, strict=True):
        torch.nn.init.eye_(w1.weight)
        for p in (w1.bias, w2.weight, w2.bias):
            torch.nn.init.zeros_(p)
    e = torch.cat([model.user_embedding.weight, model.item_embedding.weight])
    power = torch.linalg.matrix_power(as_dense(model.adjacency), n_layers) @ e
    assert torch.allclose(torch.cat(model.embed())[:, -4:], power, atol=1e-9)


@pytest.mark.parametrize("variant", ["code", "paper"])
def test_scale_of_the_last_layer_is_lost(variant):
    model = small(bias=False, variant=variant)
    before = scores(model)
    with torch.no_grad():
        model.sums[-1].weight.mul_(7), model.products[-1].weight.mul_(7)
    assert scores(model) == approx(np.array(before), rel=1e-9)
    with torch.no_grad():
        model.sums[0].weight.mul_(7), model.products[0].weight.mul_(7)
    assert scores(model) != approx(np.array(before), rel=1e-3)


def test_eval_is_deterministic_and_train_without_dropout_equals_it():
    model = small(message_dropout=0.4, edge_dropout=0.4).eval()
    assert nodes_of(model) == nodes_of(model)
    model.train()
    assert nodes_of(model) != nodes_of(model)
    plain = small().eval()
    before = nodes_of(plain)
    assert nodes_of(plain.train()) == before


@pytest.mark.parametrize("sizes", [(), (5,), (5, 3, 7)])
def test_width(sizes):
    users, items = small(layer_sizes=sizes).embed()
    assert users.shape[1] == items.shape[1] == 4 + sum(sizes)


def oracle(model, data):
    """All final vectors from a dense graph, the equations as they stand."""
    h, graph = model.hyper, torch.from_numpy(dense_graph(data, model.hyper.adj))
    e = torch.cat([model.user_embedding.weight, model.item_embedding.weight])
    blocks = [e]
    for one, two in zip(model.sums, model.products, strict=True):
        b1, b2 = (one.bias, two.bias) if h.bias else (0, 0)
        s, act = graph @ e, lambda x: torch.where(x > 0, x, 0.2 * x)
        if h.variant == "code":
            e = act(s @ one.weight.T + b1) + act((e * s) @ two.weight.T + b2)
        else:
            e = act((s + e) @ one.weight.T + b1 + (e * s) @ two.weight.T + b2)
        unit = e / e.norm(dim=1, keepdim=True)
        e = unit if h.normalise == "propagated" else e
        blocks.append(e if h.normalise == "none" else unit)
    return torch.cat(blocks, dim=1)


VARIANTS = [{"adj": kind} for kind in KINDS] + [PAPER, {"variant": "paper"}, {"normalise": "propagated"}]
VARIANTS += [
    {"bias": False},
    {"normalise": "none", "variant": "paper"},
    {"reg_on": "layer0"},
    {"layer_sizes": (3,)},
]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_equals_the_dense_oracle(settings):
    """Loss, gradients and vectors, though a batch passes the last layer by its own nodes alone."""
    data = random_set()
    model, batch = small(data, **{**settings, "reg_weight": 0.1}), random_batch(data, size=40)
    final, n_users = oracle(model, data), model.n_users
    assert torch.allclose(torch.cat(model.embed()), final, atol=1e-6)
    u, i, j = (final[batch[k] + n * n_users] for k, n in zip(batch, (0, 1, 1), strict=True))
    width = 4 if model.hyper.reg_on == "layer0" else final.shape[1]
    squares = sum(r[:, :width].square().sum() for r in (u, i, j))
    expected = bpr((u * i).sum(1), (u * j).sum(1)) + 0.1 * squares / 2 / 40
    found = model.calculate_loss(batch)
    assert found.item() == approx(expected.item(), rel=1e-6)
    for ours, theirs in zip(
        *(torch.autograd.grad(x, list(model.parameters())) for x in (found, expected)), strict=True
    ):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_gradient_on_five_nodes():
    model, batch = small(toy_set(), reg_weight=0.1), toy_batch()
    names = [n for n, _ in model.named_parameters()]

    def loss(*values):
        return torch.func.functional_call(model, dict(zip(names, values, strict=True)), (batch,))

    model.forward = model.calculate_loss
    values = [p.detach().clone().requires_grad_() for p in model.parameters()]
    assert torch.autograd.gradcheck(loss, values, atol=1e-6)


def test_dropout_keeps_the_expectation():
    x = torch.arange(1.0, 100_002).requires_grad_()  # not a multiple of four
    y = ngcf.dropout(x, 0.1)
    kept = y != 0
    assert (~kept).float().mean().item() == approx(0.1, abs=0.005)
    assert (y[kept] / x[kept]).tolist() == approx([1 / 0.9] * int(kept.sum()), rel=1e-4)
    y.sum().backward()
    assert torch.equal(x.grad != 0, kept)
    assert not torch.equal(ngcf.dropout(x, 0.1) != 0, kept)


def test_a_node_is_dropped_out_once_a_step(monkeypatch):
    model, seen = small(message_dropout=0.5).train(), []
    final = model.final
    monkeypatch.setattr(model, "final", lambda nodes: seen.append(nodes) or final(nodes))
    model.calculate_loss({k: torch.tensor([2, 2, 3]) for k in ("user_id", "item_id", "neg_item_id")})
    assert seen[0].tolist() == [2, 3, model.n_users + 2, model.n_users + 3]


def test_edge_dropout():
    model = small(edge_dropout=0.25).train()
    one = torch.eye(model.adjacency.shape[1], dtype=torch.float64).requires_grad_()
    aggregate, whole = model.aggregation(), as_dense(model.adjacency)
    found, same = aggregate(one, None)
    assert same is one
    nodes = torch.tensor([3, 1])
    rows, taken = aggregate(one, nodes, only=True)
    assert torch.equal(rows, found[nodes])  # one draw for all layers
    assert torch.equal(taken, one[nodes])
    kept = found != 0
    assert torch.allclose(found[kept], whole[kept] / 0.75)
    assert kept.sum() / (whole != 0).sum() == approx(0.75, abs=0.08)
    weight = torch.randn_like(found)
    (found * weight).sum().backward()
    assert torch.allclose(one.grad, found.detach().T @ weight)


def test_initial_weights():
    model = make(NGCF, random_set())
    assert 0.25 < model.sums[0].bias.abs().max() <= (6 / 65) ** 0.5  # drawn as a 1 x 64 matrix
    assert 0.2 < model.products[2].weight.abs().max() <= (6 / 128) ** 0.5
