"""LightGCN: worked toy values, RecBole's LightGCN with the same weights, and what must hold in any case."""

import numpy as np
import pytest
import torch

from baselines.bprmf import BPRMF
from baselines.lightgcn import LightGCN
from bench.train.bridge import TrainingSet
from tests.models.recbole_twin import every_score, twins
from tests.toy import (
    TOY_ITEMS,
    TOY_TRAIN,
    TOY_USERS,
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


def toy(data=None, **settings):
    """The toy of the spec, section 5, in float64: two layers."""
    model = make(LightGCN, data or toy_set(), **{"embedding_size": 2, "n_layers": 2, **settings}).double()
    set_rows(model.user_embedding.weight, TOY_USERS)
    set_rows(model.item_embedding.weight, TOY_ITEMS)
    return model


def small(data=None, **settings):
    return make(LightGCN, data or random_set(), **{"embedding_size": 4, **settings}).double()


def ego(model):
    return torch.cat([model.user_embedding.weight, model.item_embedding.weight]).detach()


def below(nodes):
    """Rows of the toy without the two paddings."""
    return nodes[[1, 2, 4, 5, 6]].tolist()


def scores(model):
    return model.score_all(model.represent(), torch.arange(1, model.n_users))[:, 1:]


def put(model, nodes):
    with torch.no_grad():
        model.user_embedding.weight.copy_(nodes[: model.n_users])
        model.item_embedding.weight.copy_(nodes[model.n_users :])


def test_toy_graph():
    a = as_dense(toy().adjacency)
    expected = [[0.707107, 0.5, 0], [0, 0.5, 0.707107]]
    assert a[1:3, 4:].tolist() == close(expected)
    assert torch.equal(a, a.T)
    assert (a != 0).sum() == 8


def test_toy_layers():
    model = toy()
    one = model.adjacency(ego(model))
    expected = [
        [0.453553, 0.079289],
        [-0.182843, 0.574264],
        [0.070711, 0.141421],
        [-0.1, 0.3],
        [-0.212132, 0.282843],
    ]
    assert below(one) == close(expected)
    expected = [[0, 0.25], [-0.2, 0.35], [0.320711, 0.056066], [0.135355, 0.326777], [-0.129289, 0.406066]]
    assert below(model.adjacency(one)) == close(expected)
    expected = [[0.184518, 0.176430], [-0.227614, 0.441421], [0.297140, 0.032496], [0.078452, 0.308926]]
    assert below(torch.cat(model.embed())) == close([*expected, [-0.247140, 0.429636]])


def test_toy_scores_and_loss():
    expected = [[0.060561, 0.068979, 0.030199], [-0.053289, 0.118510, 0.245903]]
    assert scores(toy()).tolist() == close(expected)
    assert toy(reg_weight=0.0).calculate_loss(toy_batch()).item() == close(0.644507)
    assert toy(reg_weight=0.01).calculate_loss(toy_batch()).item() == close(0.648182)


@pytest.mark.filterwarnings("ignore:torch.sparse.SparseTensor")
@pytest.mark.parametrize("n_layers", [1, 3])
def test_equals_recboles(n_layers, tmp_path, monkeypatch):
    from recbole.model.general_recommender.lightgcn import LightGCN as RecBoleLightGCN

    options = {"embedding_size": 8, "n_layers": n_layers, "reg_weight": 0.2, "require_pow": True}
    options |= {"self_loop": False, "alpha": 0.0}
    theirs, ours, batch = twins(RecBoleLightGCN, LightGCN, tmp_path, monkeypatch, **options)
    ours.load_state_dict(theirs.state_dict())
    assert torch.allclose(every_score(theirs), every_score(ours), atol=1e-5)
    one, other = (
        theirs.calculate_loss(batch),
        ours.calculate_loss(batch),
    )  # squared norms: the same regulariser
    assert one.item() == approx(other.item(), rel=1e-6)
    one.backward(), other.backward()
    for p, q in zip(theirs.parameters(), ours.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, atol=1e-7)


def test_without_layers_it_is_bprmf():
    data = random_set()
    model, batch = small(data, n_layers=0, reg_weight=0.3), random_batch(data)
    plain = make(BPRMF, data, embedding_size=4, reg_weight=0.3).double()
    plain.load_state_dict(model.state_dict())
    one, other = model.calculate_loss(batch), plain.calculate_loss(batch)
    one.backward(), other.backward()
    assert one.item() == approx(other.item(), rel=1e-12)
    for p, q in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, atol=1e-12)
    assert torch.equal(scores(model), plain.score_all(plain.represent(), torch.arange(1, 31))[:, 1:])


def test_linear_in_the_ids():
    model = small()
    x, y = torch.randn(2, model.n_users + model.n_items, 4, dtype=torch.float64)
    found = []
    for nodes in (x, y, x + y, 3 * x):
        put(model, nodes)
        found.append((torch.cat(model.embed()), scores(model)))
    assert torch.allclose(found[2][0], found[0][0] + found[1][0])
    assert torch.allclose(found[3][0], 3 * found[0][0])
    assert torch.allclose(found[3][1], 9 * found[0][1])


def test_roots_of_the_degrees_are_the_fixed_point():
    model = small()
    a = as_dense(model.adjacency)
    degree = (a != 0).sum(1).double()
    assert torch.allclose(a, a.T)
    assert torch.allclose(a @ degree.sqrt(), degree.sqrt(), atol=1e-6)
    assert torch.linalg.eigvalsh(a).max().item() == approx(1, abs=1e-6)
    fixed = degree.sqrt().unsqueeze(1) * torch.tensor([[1.0, -2, 0.5, 3]]).double()
    put(model, fixed)
    assert torch.allclose(torch.cat(model.embed()), fixed, atol=1e-6)


def test_relabelling_permutes_the_scores():
    data, rng = random_set(), np.random.default_rng(1)
    users, items = rng.permutation(30), rng.permutation(40)
    pairs = np.stack([users[data.user - 1], items[data.item - 1]], axis=1)
    other = small(TrainingSet(pairs, n_users=30, n_items=40, features={}))
    model = small(data)
    with torch.no_grad():
        other.user_embedding.weight[1 + users] = model.user_embedding.weight[1:]
        other.item_embedding.weight[1 + items] = model.item_embedding.weight[1:]
    assert torch.allclose(scores(other)[users][:, items], scores(model))


def test_components_do_not_meet():
    train = np.array([[0, 0], [0, 1], [1, 1], [2, 2], [3, 2], [3, 3]])
    model = small(TrainingSet(train, n_users=4, n_items=4, features={}), n_layers=6)
    users, items = model.embed()
    (users[[1, 2]].sum() + items[[1, 2]].sum()).backward()
    assert model.user_embedding.weight.grad.any(1).tolist() == [False, True, True, False, False]
    assert model.item_embedding.weight.grad.any(1).tolist() == [False, True, True, False, False]


def test_one_layer_reaches_the_users_of_an_item_alone():
    data = random_set()
    model = small(data, n_layers=1)
    before = model.embed()[0].detach()
    with torch.no_grad():
        model.item_embedding.weight[7] += 1
    moved = (model.embed()[0] != before).any(1).nonzero().flatten().tolist()
    assert moved == sorted(data.user[data.item == 7].tolist())


@pytest.mark.parametrize("n_layers", [1, 3])
def test_equals_the_dense_mean_of_powers(n_layers):
    data = random_set()
    model = small(data, n_layers=n_layers)
    a = torch.zeros(as_dense(model.adjacency).shape).double()
    for u, i in zip(data.user, data.item, strict=True):
        a[u, model.n_users + i] = a[model.n_users + i, u] = 1
    degree = a.sum(1).clamp(min=1)
    a = a / (degree.unsqueeze(1) * degree).sqrt()
    leaf = ego(model).requires_grad_()
    mean = sum(torch.linalg.matrix_power(a, k) @ leaf for k in range(n_layers + 1)) / (n_layers + 1)
    found, weight = torch.cat(model.embed()), torch.randn_like(mean)
    assert torch.allclose(found, mean, atol=1e-6)
    (found * weight).sum().backward(), (mean * weight).sum().backward()
    gradient = torch.cat([model.user_embedding.weight.grad, model.item_embedding.weight.grad])
    assert torch.allclose(gradient, leaf.grad, atol=1e-6)


def test_regulariser_does_not_see_the_layers():
    data = random_set()
    batch = random_batch(data)
    terms = []
    for k in (0, 1, 4):
        free, full = (small(data, n_layers=k, reg_weight=w).calculate_loss(batch).item() for w in (0.0, 0.5))
        terms.append(full - free)
    assert terms == approx([terms[0]] * 3, rel=1e-9)


def test_repeated_pairs_and_items_without_pairs():
    twice = TrainingSet(np.concatenate([TOY_TRAIN, TOY_TRAIN[:2]]), n_users=2, n_items=4, features={})
    model = make(LightGCN, twice, embedding_size=2, n_layers=2).double()
    set_rows(model.user_embedding.weight, TOY_USERS)
    set_rows(model.item_embedding.weight, [*TOY_ITEMS, [3, 6]])
    assert below(torch.cat(model.embed())) == close(below(torch.cat(toy().embed())))
    assert model.embed()[1][4].tolist() == close([1, 2])  # its own vector over n_layers + 1


def test_graph_of_mcln():
    """Loops count in the degrees; the exponent of the source node is -(1/2 - alpha)."""
    a = as_dense(toy(self_loop=True, alpha=0.2).adjacency)
    assert a[1, [1, 4, 5]].tolist() == close([3**-0.8, 3**-0.5 * 2**-0.3, 3**-0.8])
    assert a[4, 1].item() == close(2**-0.5 * 3**-0.3)
