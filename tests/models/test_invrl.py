"""InvRL against loops over separate networks and generic second derivatives."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from baselines.invrl import InvRL, backend
from baselines.invrl.backend import Backend, draw_gate, penalty
from baselines.invrl.networks import Networks, lengths, square, step
from bench.spec import NotApplicable
from bench.train.batches import Batches
from tests.toy import as_dense, make, random_set, toy_set

REGULAR = {"reg_weight": 1e-4, "projection_reg_weight": 1e-1}
SMALL = {"embedding_size": 4, "content_size": 3, "n_sampled": 5, "n_environments": 3, **REGULAR}


def small(data=None, **more) -> InvRL:
    """A model in double precision, its vectors large enough for every term to count, its negatives fixed."""
    model = make(InvRL, data or random_set(), **{**SMALL, **more}).double()
    enlarge(model.networks)
    n = model.n_items
    model.with_negatives = lambda p: (p.unsqueeze(1) + 7 * torch.arange(6) - 1) % (n - 1) + 1
    return model


def enlarge(networks, seed=3):
    torch.manual_seed(seed)
    with torch.no_grad():
        for p in networks.parameters():
            p.copy_(0.5 * torch.randn_like(p))


def close(a, b, atol=1e-6):
    return torch.allclose(torch.as_tensor(a).double(), torch.as_tensor(b).double(), atol=atol, rtol=0)


def loss_by_hand(users, items, batch, weight):
    """L_UG pair by pair; ``weight(u, i)`` is a."""
    out = []
    for u, index in batch:
        logit = items[index] @ users[u]
        a = torch.tensor([weight(u, i) for i in index])
        out.append(a[0] * F.softplus(-logit[0]) + (a[1:] * F.softplus(logit[1:])).mean())
    return torch.stack(out)


def weight_by_hand(data):
    degree = data.inter_matrix("csr").toarray()
    of_user, of_item = degree.sum(1), degree.sum(0)
    return lambda u, i: 1 + np.sqrt(of_user[u] + 1) / of_user[u] / np.sqrt(of_item[i] + 1)


def test_no_disagreement_no_penalty():
    mu = torch.zeros(4, requires_grad=True)
    for g in (torch.randn(4, 1, 3), torch.randn(4, 1, 3).expand(-1, 5, -1)):
        value = penalty(g, mu)
        (slope,) = torch.autograd.grad(value, mu)
        assert close(value, 0)
        assert close(slope, torch.zeros(4))


def test_gate_stays_within_bounds():
    gate = draw_gate(torch.linspace(-2, 2, 50), 4)
    assert gate.shape == (50, 4)
    assert float(gate.min()) == 0
    assert float(gate.max()) == 1


def test_masks_of_ones_and_zeros():
    model = small()
    users, items = model.embed()
    x, net = as_dense(model.content), model.networks
    assert close(items, torch.cat([net.item[:, 0], x @ net.projection[:, 0] + net.bias], dim=1))
    net.mask.zero_()
    assert close(model.embed()[1][:, 4:], net.bias.expand(model.n_items, -1))


def test_weights_fall_with_popularity():
    model = small()
    weight = (model.weight(torch.tensor([1]), torch.arange(1, 7).unsqueeze(0)) / model.share)[0]
    degree = 1 / model.item_factor[1:7] ** 2
    assert bool((weight >= 1).all())
    assert torch.equal(weight.argsort(descending=True, stable=True), degree.argsort(stable=True))


def test_scale_of_raw_rows_does_not_matter():
    data, scaled = random_set(), random_set()
    scaled.item_features["visual"] = scaled.item_features["visual"] * np.linspace(0.5, 9, 41)[:, None]
    a, b = make(InvRL, data), make(InvRL, scaled)
    user = torch.arange(1, 31)
    assert torch.allclose(a.score_all(a.represent(), user), b.score_all(b.represent(), user), atol=1e-6)


def test_loss_is_the_loop_over_pairs():
    data = random_set()
    model = small(data)
    user, positive = torch.from_numpy(data.user[::7]), torch.from_numpy(data.item[::7])
    index = model.with_negatives(positive)
    users, items = model.embed()
    batch = zip(user.tolist(), index.tolist(), strict=True)
    by_hand = loss_by_hand(users, items, batch, weight_by_hand(data)).mean()
    reg = model.objective({"user_id": user, "item_id": positive, "neg_item_id": positive}, 1.0, 1.0) - by_hand
    net = model.networks
    tables = 1e-4 * (square(net.user) + square(net.item)) + square(net.projection) + square(net.bias)
    assert close(512 * reg, tables, atol=1e-4)


def test_networks_side_by_side_are_separate_networks():
    data = random_set()
    model = small(data)
    networks = model.fresh_networks(3).double()
    enlarge(networks)
    user, positive = model.pairs[:, ::5]
    label = torch.arange(len(user)) % 3
    mask = torch.linspace(0, 1, 19, dtype=torch.float64)
    loss = model.environment_loss(networks, mask, label, (user, positive))
    total = 0
    for e in range(3):
        own, here = one_of(networks, e), label == e
        total += model.environment_loss(own, mask, label[here] * 0, (user[here], positive[here]))
    assert close(loss, total)
    wanted, got = (torch.autograd.grad(x, list(networks.parameters()), allow_unused=True) for x in (total, loss))
    assert all(close(a, b) for a, b in zip(wanted, got, strict=True))


def one_of(networks, e):
    """Network ``e`` alone, its tables still those of ``networks``."""
    one = Networks(1, rows=(2, 2, 2), sizes=(1, 1))
    for name, p in networks.named_parameters():
        delattr(one, name)
        setattr(one, name, p[e : e + 1] if name == "bias" else p[:, e : e + 1])
    one.mask = networks.mask
    return one


def test_networks_start_equal_with_empty_padding():
    networks = make(InvRL, random_set(), **SMALL).fresh_networks(3)
    assert all(torch.equal(p[:, :1].expand_as(p), p) for p in (networks.user, networks.item, networks.projection))
    assert not networks.user[0].any()
    assert networks.user[1:].std().item() == pytest.approx(0.01, rel=0.2)


@pytest.mark.parametrize("sparse", [False, True])
def test_written_out_gradients_are_those_of_autograd(sparse):
    model = small(random_set(sparse=sparse))
    torch.manual_seed(1)
    projection = torch.randn(19, 3, dtype=torch.float64, requires_grad=True)
    gate, rows = torch.rand(19, 3, dtype=torch.float64), torch.randint(0, 180, (3, 8))
    loss, gradient = Backend(model).gradients(projection, gate, rows)
    for e in range(3):
        own, _ = Backend(model).gradients(projection, gate[:, e : e + 1], rows[e : e + 1])
        (slope,) = torch.autograd.grad(own, projection)
        assert close(gradient[:, e], slope)
        loss = loss - own / 3
    assert close(loss, 0)


def test_backend_is_the_sum_over_512_of_generic_second_derivatives(monkeypatch):
    monkeypatch.setattr(backend, "GATE_NOISE", 0.0)
    data = random_set()
    model = small(data, penalty_weight=0.3)
    torch.manual_seed(1)
    projection = torch.randn(19, 3, dtype=torch.float64, requires_grad=True)
    mu = (0.2 * torch.randn(19, dtype=torch.float64)).requires_grad_()
    rows = torch.randint(0, 180, (3, 8))
    by_hand = backend_by_hand(model, data, projection, mu, rows)
    loss = 512 * Backend(model).loss(projection, mu, rows, growth=1.05)
    assert loss.item() == pytest.approx(by_hand.item(), rel=1e-6)
    wanted, got = (torch.autograd.grad(x, (projection, mu)) for x in (by_hand, loss))
    assert all(torch.allclose(a, b, rtol=1e-5) for a, b in zip(wanted, got, strict=True))


def backend_by_hand(model, data, projection, mu, rows):
    """The authors' sums over a batch of 512, each L_e differentiated twice by autograd."""
    net, losses, slopes = model.networks, [], []
    items = torch.cat([net.item[:, 0], as_dense(model.content) @ ((mu + 0.5).clamp(0, 1).unsqueeze(1) * projection)], 1)
    for e in rows:
        user, positive = model.pairs[:, e]
        batch = zip(user.tolist(), model.with_negatives(positive).tolist(), strict=True)
        losses.append(512 * loss_by_hand(net.user[:, 0].detach(), items, batch, weight_by_hand(data)).mean())
        slopes.append(torch.autograd.grad(losses[-1], projection, create_graph=True)[0])
    mean = sum(slopes) / 3
    spread_out = sum((g - mean) ** 2 for g in slopes)
    pen = (((mu + 0.5).unsqueeze(1) * spread_out) ** 2).sum()
    return sum(losses) / 3 + 1.05 * (0.3 * pen + 0.1 * (mu**2).sum())


def test_weight_decay_is_the_regulariser():
    model = small()
    a, b = (model.fresh_networks(3).double() for _ in range(2))
    enlarge(a), enlarge(b)
    label, mask = torch.arange(180) % 3, torch.zeros(19, dtype=torch.float64)
    step(model.environment_loss(a, mask, label, model.pairs), *model.optimizers(a))
    reg = 1e-4 * (square(b.user) + 2 * square(b.item)) + 1e-2 * (square(b.projection) + square(b.bias))
    plain = [torch.optim.Adagrad([b.user, b.item], lr=1e-3), torch.optim.Adam([b.projection, b.bias], lr=1e-3)]
    step(model.environment_loss(b, mask, label, model.pairs) + reg / 512, *plain)
    assert all(close(p, q, atol=1e-9) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_equal_networks_leave_every_pair_in_the_first_environment():
    model = small(random_set(sparse=True))  # a dense product may round its columns differently
    label = torch.arange(180) % 3
    assert not model.assign(model.fresh_networks(3).double(), label).any()


def test_pairs_move_to_the_best_environment_that_has_any():
    model = small()
    networks = model.fresh_networks(3).double()
    enlarge(networks)
    user, positive = model.pairs
    items = networks.items(model.content).view(model.n_items, 3, -1)
    logit = torch.stack([(networks.user[user, e] * items[positive, e]).sum(1) for e in range(3)], dim=1)
    assert torch.equal(model.assign(networks, torch.arange(180) % 3), logit.argmax(1))
    assert torch.equal(model.assign(networks, 2 * (torch.arange(180) % 2)), 2 * (logit[:, 2] > logit[:, 0]))


def test_backend_batches(monkeypatch):
    monkeypatch.setattr(backend, "RELEASED_BATCH", 8)
    model = small()
    label = torch.tensor([0] * 100 + [2] * 77 + [1] * 0 + [2] * 3)
    blocks = Backend(model).blocks(label)
    assert blocks.shape == (13, 2, 8)  # 13 steps of 8 pairs cover the 100 of the largest
    assert set(blocks[:, 0].flatten().tolist()) == set(range(100))
    assert set(blocks[:, 1].flatten().tolist()) == set(range(100, 180))


def test_backend_leaves_the_backbone_alone():
    model = make(InvRL, random_set(), **SMALL)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    label = torch.arange(180) % 3
    assert torch.equal(Backend(model).invariant_mask(label, 0, growth=1.0), torch.full((19,), 0.5))
    mask = Backend(model).invariant_mask(label, 2, growth=1.0)
    assert float(mask.std()) > 0
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def stage_batches(model, data):
    draw = {"draw_negatives": model.draw_negatives, "n_negatives": 1, "sampling": "user"}
    return Batches(data.user, data.item, **draw, size=64, generator=torch.Generator().manual_seed(0))


def test_pretrain_leaves_a_mask_and_a_fresh_backbone():
    data = random_set()
    model = make(InvRL, data, **SMALL)
    model.pretrain(stage_batches(model, data), epochs=3)
    net = model.networks
    assert 0 < float(net.mask.min()) < float(net.mask.max()) < 1
    assert net.projection.std().item() == pytest.approx(0.01, rel=0.4)
    assert not net.bias.any()


def test_mask_of_ones_has_no_stages():
    data = random_set()
    model = make(InvRL, data, **SMALL, mask="ones")
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.pretrain(stage_batches(model, data), epochs=3)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_stage_lengths():
    full = {"pretrain_epochs": 500, "rounds": 5, "front_iters": 10, "front_epochs": 20, "back_epochs": 40}
    assert lengths(InvRL.Hyper(), 1.0) == full
    assert set(lengths(InvRL.Hyper(), 1e-9).values()) == {1}
    eighth = lengths(InvRL.Hyper(), 1 / 8)
    assert eighth == {"pretrain_epochs": 62, "rounds": 2, "front_iters": 5, "front_epochs": 10, "back_epochs": 10}


def test_negatives_are_any_items():
    model = make(InvRL, random_set(), **SMALL)
    torch.manual_seed(0)
    index = model.with_negatives(torch.ones(4000, dtype=torch.long))
    assert index.shape == (4000, 6)
    assert torch.equal(index[:, 0], torch.ones(4000, dtype=torch.long))
    count = torch.bincount(index[:, 1:].flatten(), minlength=41)
    assert count[0] == 0
    assert int(count[1:].min()) > 350  # 500 expected, the positive among them


def test_data_without_content_is_not_for_it():
    with pytest.raises(NotApplicable):
        make(InvRL, toy_set(modalities=()))
