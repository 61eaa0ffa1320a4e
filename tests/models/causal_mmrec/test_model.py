"""CausalMMRec: the checks of its specification, its switches, and a dense oracle of the whole loss."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from bench.nn.graph import norm_adjacency
from bench.spec import NotApplicable
from bench.train.bridge import TrainingSet
from models.causal_mmrec.model import CausalMMRec, info_nce
from models.causal_mmrec.stages import LEAST_R2
from tests.toy import make, random_batch, random_set

approx = pytest.approx
SMALL = {"embedding_size": 8, "n_coarse": 3, "n_fine": 2, "n_contexts": 4, "n_neighbours": 4}
SWITCHES = ("no_diffusion", "no_backdoor", "no_frontdoor", "no_topology", "no_content")


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    monkeypatch.setattr("models.causal_mmrec.diffusion.HIDDEN", 32)


def linked_set(n_items=120, n_users=40, *, strangers=False, modalities=2, seed=0):
    """Items of two kinds; textual rows are a linear map of the visual ones, or independent of them."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n_items) % 2
    visual = rng.normal(size=(n_items, 8)) + 3 * kind[:, None]
    textual = rng.normal(size=(n_items, 6)) if strangers else visual @ rng.normal(size=(8, 6))
    rows = {"visual": visual, "textual": textual, "acoustic": visual[:, :3] + rng.normal(size=(n_items, 3))}
    pairs = [(u, i) for u in range(n_users) for i in rng.choice(np.flatnonzero(kind == u % 2), 6, replace=False)]
    features = {m: rows[m].astype(np.float32) for m in list(rows)[:modalities]}
    return TrainingSet(np.array(pairs), n_users=n_users, n_items=n_items, features=features, name="linked")


def scores(model):
    with torch.no_grad():
        return model.eval().full_sort_predict({"user_id": torch.arange(1, model.n_users)})


def train(model, data, *, steps=5, lr=0.05):
    """A few steps with fixed draws; the losses."""
    torch.manual_seed(3)
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=lr), []
    for step in range(steps):
        model.train()
        model.before_epoch(step + 1)
        loss = model.calculate_loss(random_batch(data, size=64, seed=step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def shaken(data, seed=0, **settings):
    """A model whose adjustments are away from their zero start."""
    model = make(CausalMMRec, data, seed=seed, **SMALL, **settings)
    with torch.no_grad():
        for door in (model.back_door, model.front_door):
            for parameter in door.parameters() if door else ():
                parameter.normal_()
    return model


# ---- stage A: the confounder


def test_linked_modalities_share_a_confounder_and_strangers_none():
    linked, strangers = (make(CausalMMRec, linked_set(400, strangers=s), **SMALL) for s in (False, True))
    assert linked.r2[1, :6].mean() > 0.9  # textual is a function of visual, but for the norms of the rows
    assert (strangers.r2[:, :6] > LEAST_R2).float().mean() <= 0.05
    assert strangers.confounders.norm() < 0.05 * linked.confounders.norm()


def test_diffusion_agrees_with_ridge_on_a_linear_link():
    model = make(CausalMMRec, linked_set(400), **SMALL)
    ridge = model.r2.clone()
    model.pretrain(None, epochs=30)
    assert model.r2[1].max() > 0.7
    assert not torch.equal(ridge, model.r2)


def test_equal_seeds_give_equal_confounders():
    models = [make(CausalMMRec, linked_set(), **SMALL) for _ in range(2)]
    for model in models:
        torch.manual_seed(4)
        model.pretrain(None, epochs=1)
    assert torch.equal(models[0].confounders, models[1].confounders)


def test_unexplained_dimensions_are_zero():
    model = make(CausalMMRec, linked_set(strangers=True), **SMALL)
    rows = model.confounders.view(model.n_items, 2, -1)
    for m in range(2):
        assert not rows[:, m, model.r2[m] <= LEAST_R2].any()


def test_stages_are_scaled_with_the_budget():
    model = make(CausalMMRec, linked_set(), **SMALL)
    model.pretrain(None, epochs=1)
    assert {k: len(v) for k, v in model.stage_losses.items()} == {"visual": 10, "textual": 10, "vq": 7}


def test_every_loss_goes_down():
    data = linked_set()
    model = make(CausalMMRec, data, **SMALL)
    model.pretrain(None, epochs=15)
    main = train(model, data, steps=60, lr=0.02)
    for name, losses in {**model.stage_losses, "main": main}.items():
        tenth = max(1, len(losses) // 10)
        assert np.mean(losses[-tenth:]) < 0.9 * np.mean(losses[:tenth]), name


# ---- any number of modalities


def test_one_modality_is_stratified_by_its_latents():
    data = linked_set(modalities=1)
    model, switched = (make(CausalMMRec, data, **SMALL, no_diffusion=n) for n in (False, True))
    assert torch.equal(model.confounders, model.latents[0])
    assert torch.equal(scores(model), scores(switched))
    model.pretrain(None, epochs=1)
    assert list(model.stage_losses) == ["vq"]
    assert len(model.topology.near_residual) == 0


def test_three_modalities_have_three_channels():
    model = make(CausalMMRec, linked_set(modalities=3), **SMALL)
    assert model.modalities == ["visual", "acoustic", "textual"]
    assert model.confounders.shape[1] == 3 * model.latents.shape[2]
    assert model.topology.shares == approx([0.1, 0.45, 0.45])
    model.pretrain(None, epochs=1)
    assert set(model.stage_losses) == {"visual", "acoustic", "textual", "vq"}


def test_without_content_the_method_does_not_apply():
    with pytest.raises(NotApplicable, match="has none"):
        make(CausalMMRec, random_set(modalities=()), **SMALL)


def test_missing_rows_predict_nothing_and_have_no_neighbour():
    data = linked_set()
    data.item_features["visual"][5] = 0
    model = make(CausalMMRec, data, **SMALL)
    size = model.latents.shape[2]
    assert not model.latents[0, 5].any()
    assert not model.confounders[5, size:].any()  # textual of a missing visual row
    assert model.confounders[5, :size].any()  # visual is predicted from what there is
    for near in (model.topology.near[0], model.topology.near_residual[0]):  # a prediction alone is no residual
        assert near[5].unique().tolist() == [5]
        assert (near == 5).sum() == near.shape[1]


# ---- topology


def test_sampled_edges_are_distinct_training_edges():
    data = linked_set()
    topology = make(CausalMMRec, data, **SMALL, n_added=0, drop_rate=0.3).topology
    met = data.inter_matrix("csr").toarray()
    topology.sample()
    upper = topology.adjacency.columns()[: met.shape[0], met.shape[0] :] > 0
    assert upper.sum() == math.floor(0.7 * len(topology.user))
    assert (met[upper.numpy()] == 1).all()


def test_added_edges_are_new_and_beliefs_bounded():
    data = linked_set()
    topology = make(CausalMMRec, data, **SMALL).topology
    user, place = topology.added.nonzero(as_tuple=True)
    assert len(user)
    assert not data.inter_matrix("csr").toarray()[user, topology.added[user, place]].any()
    assert 0.05 <= topology.belief.min() < topology.belief.max() <= 0.95


def test_graphs_are_symmetric_and_rows_mean():
    topology = make(CausalMMRec, linked_set(), **SMALL).topology
    for adjacency, mean in ((topology.adjacency, topology.mean), topology.evaluation()[:2]):
        dense = adjacency.columns()
        assert torch.allclose(dense, dense.T)
        assert torch.linalg.eigvalsh(dense.double()).abs().max() <= 1 + 1e-5
        assert set(mean.columns().sum(1).round(decimals=4).tolist()) == {0.0, 1.0}


def test_edges_are_drawn_by_belief_over_exposure(monkeypatch):
    data, seen = linked_set(), []
    topology = make(CausalMMRec, data, **SMALL).topology
    monkeypatch.setattr(
        "models.causal_mmrec.topology.draw_without_replacement",
        lambda weight, n: seen.append(weight) or torch.arange(n),
    )
    topology.sample()
    met = torch.from_numpy(data.inter_matrix("csr").toarray())
    exposure = (met.sum(1, keepdim=True) * met.sum(0)).sqrt()[topology.user, topology.item]
    assert torch.allclose(seen[0], topology.belief / exposure)


def test_evaluation_weighs_edges_by_belief():
    topology = make(CausalMMRec, linked_set(), **SMALL, added_weight=0.4).topology
    weight = torch.zeros(topology.shape)
    weight[topology.user, topology.item] = topology.belief
    user, place = topology.added.nonzero(as_tuple=True)
    weight[user, topology.added[user, place]] = 0.4 * topology.belief.mean()
    expected = weight / weight.sum(1, keepdim=True).clamp_min(1e-9)
    assert torch.allclose(topology.evaluation()[1].columns(), expected, atol=1e-6)
    raw = make(CausalMMRec, linked_set(), **SMALL, eval_graph="full").topology
    assert torch.equal(raw.evaluation()[0].columns(), norm_adjacency(linked_set().inter_matrix()).columns())


def test_item_graph_mixes_raw_and_residual_neighbours():
    topology = make(CausalMMRec, linked_set(), **SMALL, residual_weight=0.5).topology
    expected = torch.zeros(topology.shape[1], topology.shape[1])
    for lists, eta in ((topology.near, 0.5), (topology.near_residual, 0.5)):
        for near, share in zip(lists, (0.1, 0.9), strict=True):
            expected.scatter_add_(1, near, torch.full(near.shape, eta * share / near.shape[1]))
    assert torch.allclose(torch.from_numpy(topology.item_weights().toarray()).float(), expected, atol=1e-6)
    assert torch.allclose(topology.item_graph.columns(), expected, atol=1e-6)


def test_noise_edges_are_believed_less():
    """Users like one kind of item; an interaction with the other kind is noise."""
    data = linked_set()
    noise = np.stack([np.arange(1, 41), 2 + 2 * np.arange(40) + (np.arange(40) % 2 == 1)], axis=1)
    noise[:, 1] = np.where(noise[:, 0] % 2 == 1, 2, 1) + 2 * np.arange(40)  # user 1 likes odd ids
    data.user, data.item = np.append(data.user, noise[:, 0]), np.append(data.item, noise[:, 1])
    topology = make(CausalMMRec, data, **SMALL).topology
    is_noise = topology.user % 2 != topology.item % 2
    assert topology.belief[is_noise].mean() < topology.belief[~is_noise].mean() - 0.2


def test_scores_do_not_depend_on_the_sampled_graph():
    model = make(CausalMMRec, linked_set(), **SMALL)
    before = scores(model)
    model.topology.sample()
    assert torch.equal(before, scores(model))


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
    a, s = norm_adjacency(data.inter_matrix()).columns(), model.topology.item_graph.columns()
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
    expected = oracle.loss(*(g.columns().double() for g in graphs), b)
    assert model.eval().calculate_loss(b).item() == approx(expected.item(), rel=1e-4)
    do, _ = oracle.score(*(g.columns().double() for g in topology.evaluation()[:2]))
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
