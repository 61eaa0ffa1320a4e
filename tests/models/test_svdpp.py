"""SVD++: worked toy values, a loop over histories as oracle, and what must hold in any case."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from baselines.bprmf import BPRMF
from baselines.svdpp import SVDPP
from bench.train.bridge import TrainingSet
from tests.toy import (
    TOY_ITEMS,
    TOY_TRAIN,
    TOY_USERS,
    close,
    make,
    random_batch,
    random_set,
    set_rows,
    toy_batch,
    toy_set,
)

approx = pytest.approx
TOY_Y = [[0.1, 0], [0, 0.2], [-0.1, 0.3]]
TOY_BIAS = [[0.05], [-0.02], [0.1]]


def toy(data=None, **settings):
    """The toy of the spec, section 5, in float64 and with bias."""
    model = make(SVDPP, data or toy_set(), **{"embedding_size": 2, "item_bias": True, **settings}).double()
    set_rows(model.user_embedding.weight, TOY_USERS)
    set_rows(model.item_embedding.weight, TOY_ITEMS)
    if not model.hyper.tie_y:
        set_rows(model.implicit_embedding.weight, TOY_Y)
    if model.hyper.item_bias:
        set_rows(model.item_bias, TOY_BIAS)
    return model


def user_vectors(model):
    return model.embed()[0][1:, : model.hyper.embedding_size]


def scores(model):
    return model.score_all(model.represent(), torch.arange(1, model.n_users))[:, 1:]


def randomised(data, **settings):
    model = make(SVDPP, data, **{"embedding_size": 4, **settings}).double()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return model


def histories(data):
    return {
        u: sorted({i for v, i in zip(data.user, data.item, strict=True) if v == u}) for u in range(data.num("user_id"))
    }


def test_toy_scores():
    model = toy()
    assert user_vectors(model).tolist() == close([[0.170711, 0.341421], [-0.370711, 0.753553]])
    assert scores(model).tolist() == close([[0.101213, 0.116569, 0.236569], [-0.210711, 0.131924, 0.700416]])


def test_toy_loss_and_gradient():
    model = toy(reg_weight=0.0)
    found = scores(model)
    x = torch.stack([found[0, 0] - found[0, 2], found[1, 1] - found[1, 0]])
    assert x.tolist() == close([-0.135355, 0.342635])
    loss = model.calculate_loss(toy_batch())
    assert loss.item() == close(0.649773)
    loss.backward()
    gradient = model.implicit_embedding.weight.grad
    assert gradient[1:].tolist() == close([[-0.169850, 0.132106], [-0.125815, 0.073392], [0.044035, -0.058714]])
    assert not gradient[0].any()


def test_toy_without_the_target():
    """(u0, i0): z = p_0 + y_1 over the square root of one item; u1 meets the rest of its own history."""
    model = toy(exclude_target=True, reg_weight=0.0)
    batch = toy_batch()
    z = model.user_embedding(batch["user_id"]) + model.pooled(batch["user_id"], batch["item_id"])
    assert z.tolist() == close([[0.1, 0.4], [-0.4, 0.7]])
    i0 = model.item_embedding.weight[1]
    assert (z[0] @ i0 + model.item_bias[1]).item() == close(0.06)
    x = torch.tensor([0.06 - (-0.04 + 0.24 + 0.1), (-0.08 + 0.21 - 0.02) - (-0.2 - 0.07 + 0.05)])
    assert model.calculate_loss(batch).item() == close(torch.nn.functional.softplus(-x).mean().item())


@pytest.mark.parametrize("item_bias", [False, True])
def test_without_y_it_is_bprmf(item_bias):
    data = random_set()
    model, batch = randomised(data, item_bias=item_bias), random_batch(data)
    plain = make(BPRMF, data, embedding_size=4).double()
    torch.nn.init.zeros_(model.implicit_embedding.weight)
    bias = model.item_bias if item_bias else torch.zeros(41, 1)
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if k in plain.state_dict()})
    assert torch.allclose(scores(model), scores_of_bprmf(plain) + bias[1:].T)
    if not item_bias:
        one, other = model.calculate_loss(batch), plain.calculate_loss(batch)
        one.backward(), other.backward()
        assert one.item() == approx(other.item(), rel=1e-12)
        for name, p in plain.named_parameters():
            assert torch.allclose(p.grad, dict(model.named_parameters())[name].grad, atol=1e-12)


def scores_of_bprmf(model):
    return model.score_all(model.represent(), torch.arange(1, model.n_users))[:, 1:]


def test_tied_without_users_is_an_item_model():
    data = random_set()
    model = randomised(data, tie_y=True)
    torch.nn.init.zeros_(model.user_embedding.weight)
    r = torch.from_numpy(data.inter_matrix().toarray()).double()
    scaled = r / r.sum(1, keepdim=True).clamp(min=1).sqrt()
    q = model.item_embedding.weight
    assert torch.allclose(scores(model), (scaled @ q @ q.T)[1:, 1:])
    assert "implicit_embedding.weight" not in dict(model.named_parameters())


class Repeating(TrainingSet):
    """Counts repeated pairs, as RecBole's data set does."""

    def inter_matrix(self, form="coo"):
        return sp.coo_matrix((np.ones(len(self.user)), (self.user, self.item)), shape=(3, 4)).asformat(form)


@pytest.mark.parametrize("kind", [TrainingSet, Repeating])
def test_repeated_pairs_change_nothing(kind):
    twice = kind(np.concatenate([TOY_TRAIN, TOY_TRAIN[:3]]), n_users=2, n_items=3, features={})
    model = toy(twice)
    assert torch.equal(user_vectors(model), user_vectors(toy()))
    assert model.calculate_loss(toy_batch()) == toy().calculate_loss(toy_batch())


def test_equal_users_have_equal_scores():
    train = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 2]])
    model = randomised(TrainingSet(train, n_users=3, n_items=3, features={}))
    with torch.no_grad():
        model.user_embedding.weight[2] = model.user_embedding.weight[1]
    found = scores(model)
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2])


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_gradient_of_y(exponent):
    """Sum over the batch of c_u^-p g_u (q_i - q_j), with g = -sigma(-x) / B, for every k in N_u."""
    data = random_set()
    model, batch = randomised(data, reg_weight=0.0, norm_exponent=exponent), random_batch(data, size=24)
    model.calculate_loss(batch).backward()
    users, q = model.embed()
    met, expected = histories(data), torch.zeros_like(q)
    for u, i, j in zip(*(batch[k].tolist() for k in batch), strict=True):
        g = -torch.sigmoid(-(users[u] @ (q[i] - q[j]))) / 24
        for k in met[u]:
            expected[k] += len(met[u]) ** -exponent * g * (q[i] - q[j])
    assert torch.allclose(model.implicit_embedding.weight.grad, expected, atol=1e-12)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_a_shift_of_y(exponent):
    """Every user moves by c_u^(1-p) times the shift: the root of c_u by default, a constant for the mean."""
    train = np.array([[0, 0], [0, 1], [0, 2], [0, 3], [1, 2]])
    model = randomised(TrainingSet(train, n_users=3, n_items=4, features={}), norm_exponent=exponent)
    before, shift = user_vectors(model), torch.tensor([1.0, -2, 0, 3]).double()
    with torch.no_grad():
        model.implicit_embedding.weight += shift
    moved = user_vectors(model) - before
    factor = torch.tensor([4 ** (1 - exponent), 1, 0])  # the last user has met nothing
    assert torch.allclose(moved, factor.double().unsqueeze(1) * shift)


def naive_loss(model, data, batch):
    """The loss of the spec, one triple and one item of the history at a time."""
    h, met, total = model.hyper, histories(data), 0
    p, q, y = (t.weight for t in (model.user_embedding, model.item_embedding, model.implicit_embedding))
    b = model.item_bias.squeeze(1) if h.item_bias else torch.zeros(len(q))
    for u, i, j in zip(*(batch[k].tolist() for k in batch), strict=True):
        seen = [k for k in met[u] if not (h.exclude_target and k == i)]
        pooled = sum((y[k] for k in seen), torch.zeros_like(p[u])) * max(len(seen), 1) ** -h.norm_exponent
        x = (p[u] + pooled) @ (q[i] - q[j]) + b[i] - b[j]
        rows = {
            "history": [y[k] for k in met[u]],
            "pooled": [pooled],
            "batch_items": [y[i], y[j]],
            "none": [],
        }
        rows = [p[u], q[i], q[j], b[i], b[j], *rows[h.reg_y]]
        total = total + torch.nn.functional.softplus(-x) + h.reg_weight * sum(r.square().sum() for r in rows) / 2
    return total / len(batch["user_id"])


VARIANTS = [{"reg_y": r} for r in ("history", "pooled", "batch_items", "none")]
VARIANTS += [{"exclude_target": True}, {"exclude_target": True, "norm_exponent": 1.0, "reg_y": "pooled"}]
VARIANTS += [{"norm_exponent": 0.0}, {"norm_exponent": 1.0}, {"tie_y": True}, {"item_bias": True}]
VARIANTS += [{"tie_y": True, "exclude_target": True, "item_bias": True}]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_equals_the_loop_over_histories(settings):
    data = random_set(n_users=12, n_items=15, per_user=3)
    data.user, data.item = np.append(data.user[3:], 1), np.append(data.item[3:], 4)  # user 1 has met one item
    model, batch = randomised(data, reg_weight=0.3, **settings), random_batch(data, size=20)
    ours, theirs = model.calculate_loss(batch), naive_loss(model, data, batch)
    assert ours.item() == approx(theirs.item(), rel=1e-6)  # the graph holds float32
    expected = torch.autograd.grad(theirs, list(model.parameters()))
    ours.backward()
    for (name, p), g in zip(model.named_parameters(), expected, strict=True):
        assert torch.allclose(p.grad, g, atol=1e-7), name


def test_user_without_history_keeps_its_own_vector():
    model = toy(TrainingSet(TOY_TRAIN, n_users=2, n_items=3, features={}))
    assert not model.history(model.implicit_embedding.weight)[0].any()
    empty = randomised(TrainingSet(TOY_TRAIN, n_users=3, n_items=3, features={}))
    assert torch.equal(empty.embed()[0][3], empty.user_embedding.weight[3])
