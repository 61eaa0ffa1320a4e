"""CausalMMRec: the checks of its specification, its switches, and a dense oracle of the whole loss."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from bench.nn.graph import norm_adjacency
from models.causal_mmrec.model import CausalMMRec, info_nce
from tests.models.causal_mmrec.made import SMALL, linked_set, scores, shaken, train
from tests.toy import as_dense, make, random_batch

approx = pytest.approx
SWITCHES = ("no_diffusion", "no_backdoor", "no_frontdoor", "no_topology", "no_content")
pytestmark = pytest.mark.usefixtures("narrow")


# ---- adjustments


@pytest.mark.parametrize("switch", ["no_backdoor", "no_frontdoor"])
def test_before_any_update_the_adjustments_are_the_identity(switch):
    data = linked_set()
    full, without = (make(CausalMMRec, data, **SMALL, **s) for s in ({}, {switch: True}))
    without.load_state_dict(full.state_dict(), strict=False)
    assert torch.allclose(scores(full), scores(without), atol=1e-5)


def test_dropped_direct_effect_has_no_gradient_from_the_adjusted_loss():
    data = linked_set()
    model = shaken(data, observed_weight=0.0)
    model.calculate_loss(random_batch(data)).backward()
    assert model.front_door.offset.weight.grad is None
    kept = shaken(data, observed_weight=0.0, fd_direct="keep")
    kept.calculate_loss(random_batch(data)).backward()
    assert kept.front_door.offset.weight.grad.any()


def test_kept_direct_effect_is_the_same_for_every_user():
    model = shaken(linked_set(), fd_direct="keep")
    before = scores(model).view(model.n_users - 1, -1)
    with torch.no_grad():
        model.front_door.offset.weight.add_(torch.randn(8, 8))
    shift = scores(model).view(model.n_users - 1, -1) - before
    assert shift.abs().max() > 0.1
    assert torch.allclose(shift, shift[:1].expand_as(shift), atol=1e-3)


def test_training_leaves_strata_priors_and_beliefs_alone():
    data = linked_set()
    model = make(CausalMMRec, data, **SMALL)
    frozen = {k: v for k, v in model.state_dict().items() if "back_door" in k or "topology" in k or k == "r2"}
    frozen = {k: v.clone() for k, v in frozen.items() if "gate" not in k and "offset" not in k}
    train(model, data)
    assert len(frozen) == 9
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in frozen.items())


def test_explanation_adds_up():
    model = shaken(linked_set())
    user, item = torch.arange(1, 9), torch.arange(11, 19)
    p = model.parts(*model.topology.evaluation())
    observed = (model.observe(p, user) * model.observe_items(p, item)).sum(1)
    adjusted = (model.mediate(p)[user] * p.adjusted[item]).sum(1)
    terms = model.explain(user, item)
    assert torch.allclose(sum(terms.values()), observed - adjusted, atol=1e-4)
    assert all(t.abs().max() > 1e-3 for t in terms.values())


# ---- the whole


def test_everything_off_is_lightgcn_with_the_item_graph():
    data = linked_set()
    off = {s: True for s in SWITCHES if s != "no_diffusion"}
    model = make(CausalMMRec, data, **SMALL, **off, drop_rate=0.0, reg_weight=0.0)
    p, q = model.user_embedding.weight, model.item_embedding.weight
    a, s = as_dense(norm_adjacency(data.inter_matrix())), as_dense(model.topology.item_graph)
    ego = torch.cat([p, q])
    users, items = ((ego + a @ ego + a @ a @ ego) / 3).split([model.n_users, model.n_items])
    items = items + s @ q
    assert torch.allclose(scores(model).view(-1, model.n_items), users[1:] @ items.T, atol=1e-5)
    b = random_batch(data)
    u, i, j = users[b["user_id"]], items[b["item_id"]], items[b["neg_item_id"]]
    expected = -F.logsigmoid((u * i).sum(1) - (u * j).sum(1)).mean()
    assert model.train().calculate_loss(b).item() == approx(expected.item(), rel=1e-5)


def test_loss_and_scores_against_a_dense_oracle():
    data = linked_set()
    model = shaken(data, contrast_weight=0.3, reg_weight=0.1, content_weight=2.0, fd_direct="keep")
    topology, b = model.topology, random_batch(data)
    oracle = Oracle(model, data)
    graphs = (topology.adjacency, topology.mean)
    expected = oracle.loss(*(as_dense(g).double() for g in graphs), b)
    assert model.eval().calculate_loss(b).item() == approx(expected.item(), rel=1e-4)
    do, _ = oracle.score(*(as_dense(g).double() for g in topology.evaluation()[:2]))
    assert torch.allclose(scores(model).view(-1, model.n_items)[:, 1:], do()[1:, 1:].float(), atol=1e-3)


class Oracle:
    """The specification of stage C in float64 with sums over every stratum and every context."""

    def __init__(self, model, data):
        self.m = model.double()
        self.weights = {k: v.detach() for k, v in model.state_dict().items()}
        self.rows = {k: F.normalize(torch.from_numpy(v).double(), dim=1) for k, v in data.item_features.items()}
        self.s = torch.from_numpy(model.topology.item_weights().toarray())
        model.float()

    def score(self, adjacency, mean):
        w = self.weights
        ego = torch.cat([w["user_embedding.weight"], w["item_embedding.weight"]])
        users, items = ((ego + adjacency @ ego + adjacency @ adjacency @ ego) / 3).split(
            [self.m.n_users, self.m.n_items]
        )
        items = items + self.s @ w["item_embedding.weight"]
        maps = {k: F.normalize(v @ w[f"maps.{k}.weight"].T + w[f"maps.{k}.bias"], dim=1) for k, v in self.rows.items()}
        x = sum(maps.values()) / len(maps)
        self.users, self.items = users, items
        self.h_do, self.h_obs = self.item_content(x)
        m = mean @ self.h_do
        self.m_do, self.m_obs = self.user_content(m)
        one = lambda: users @ items.T + 2 * self.m_do @ self.h_do.T  # noqa: E731
        two = lambda: users @ items.T + 2 * self.m_obs @ self.h_obs.T  # noqa: E731
        return one, two

    def item_content(self, x):
        w = {k.removeprefix("back_door."): v for k, v in self.weights.items()}
        do, obs = torch.zeros_like(x), torch.zeros_like(x)
        for a in range(3):
            for b in range(2):
                e = w["vectors"][a, b]
                f = x * 2 * torch.sigmoid(w["gate.weight"] @ e + w["gate.bias"]) + w["offset.weight"] @ e
                own_a = (w["coarse"] == a).double()
                share = w["prior_fine"][a, b] * (0.8 * own_a + 0.2 * w["prior_coarse"][a])
                do = do + share.unsqueeze(1) * f
                obs = obs + (own_a * (w["fine"] == b)).unsqueeze(1) * f
        return do, obs

    def user_content(self, m):
        w = {k.removeprefix("front_door."): v for k, v in self.weights.items() if k.startswith("front_door.")}
        do, obs = torch.zeros_like(m), torch.zeros_like(m)
        for k, xi in enumerate(w["contexts"]):
            f = m * 2 * torch.sigmoid(w["gate.weight"] @ xi + w["gate.bias"]) + w["offset.weight"] @ xi
            do, obs = do + w["shares"][k] * f, obs + (w["own"] == k).double().unsqueeze(1) * f
        return do, obs

    def loss(self, adjacency, mean, b):
        u, i, j = b["user_id"], b["item_id"], b["neg_item_id"]
        do, obs = (y() for y in self.score(adjacency, mean))
        w, size = self.weights, len(u)
        square = sum(w[f"{t}_embedding.weight"][k].square().sum() for t, k in (("user", u), ("item", i), ("item", j)))
        total = 0.1 * 0.5 * square / size
        for y, weight in ((do, 1.0), (obs, 0.5)):
            total = total - weight * F.logsigmoid(y[u, i] - y[u, j]).mean()
        for a, c in ((self.users[u], self.m_do[u]), (self.items[i], self.h_do[i])):
            like = F.normalize(a, dim=1) @ F.normalize(c, dim=1).T / 0.2
            total = total - 0.3 * (like.diagonal() - like.logsumexp(1)).mean()
        return total


@pytest.mark.parametrize("switch", [s for s in SWITCHES if s != "no_content"])
def test_each_switch_changes_the_result(switch):
    data, results = linked_set(), []
    for settings in ({}, {switch: True}):
        model = make(CausalMMRec, data, **SMALL, **settings)
        torch.manual_seed(2)
        model.pretrain(None, epochs=1)
        train(model, data)
        results.append(scores(model))
    assert (results[0] - results[1]).abs().max() > 1e-3


def test_two_evaluations_are_equal_to_the_bit():
    model = make(CausalMMRec, linked_set(), **SMALL)
    assert torch.equal(scores(model), scores(model))


def test_cold_items_and_single_edges_give_finite_scores():
    data = linked_set()
    keep = data.user > 1
    data.user, data.item = np.append(data.user[keep], 1), np.append(data.item[keep], 7)
    keep = data.item != 9
    data.user, data.item = data.user[keep], data.item[keep]
    model = make(CausalMMRec, data, **SMALL)
    train(model, data)
    assert torch.isfinite(scores(model)).all()


def test_weights_carry_what_pretrain_learnt():
    data = linked_set()
    a, b = make(CausalMMRec, data, **SMALL), make(CausalMMRec, data, seed=1, **SMALL)
    a.pretrain(None, epochs=1)
    train(a, data)
    b.load_state_dict(a.state_dict())
    assert torch.equal(scores(a), scores(b))


def test_feature_dropout_is_for_training_alone():
    model = make(CausalMMRec, linked_set(), **SMALL, feat_dropout=0.5)
    b = random_batch(linked_set())
    assert model.eval().calculate_loss(b) == model.calculate_loss(b)
    assert model.train().calculate_loss(b) != model.calculate_loss(b)


def test_info_nce_by_hand():
    one, two = torch.eye(2), torch.tensor([[3.0, 0], [1, 1]])
    cosines = [[1, 0.5**0.5], [0, 0.5**0.5]]
    expected = (
        -sum(math.log(math.exp(c[k] / 0.2) / sum(math.exp(x / 0.2) for x in c)) for k, c in enumerate(cosines)) / 2
    )
    assert info_nce(one, two, 0.2).item() == approx(expected, rel=1e-5)
