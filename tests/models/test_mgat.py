"""MGAT: a dense masked softmax, plain loops, and what must hold in any case."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from baselines.mgat import MGAT
from baselines.mgat.edges import Edges, _Dot, _Gather, _Softmax
from baselines.mmgcn import MMGCN
from bench.spec import NotApplicable
from bench.train.bridge import TrainingSet
from tests.toy import TOY_TRAIN, make, random_batch, random_set, toy_set

SMALL = {"embedding_size": 4, "visual_size": 6, "other_size": 5}


def small(data=None, **settings):
    return make(MGAT, data or random_set(), **{**SMALL, **settings}).double()


def embedding(model):
    return torch.cat(model.embed())


def edges_and_rows(*, gate_degree="receiver", dim=5, scale=1.0, n_items=60):
    """Edges of the random set, whose items are often alone or with one user, and random rows."""
    data = random_set(n_items=n_items, per_user=2)
    edges = Edges(data.inter_matrix(), gate_degree=gate_degree).double()
    torch.manual_seed(3)
    return edges, (scale * torch.randn(len(edges.offsets) - 1, dim)).double().requires_grad_()


def dense_attention(edges, z, *, gate_degree):
    """Masked softmax over all pairs of nodes; 0 in rows without a neighbour."""
    mask = torch.zeros(len(z), len(z), dtype=torch.bool)
    mask[edges.receiver, edges.sender] = True
    degree = mask.sum(1).clamp_min(1).double()
    degree = degree[:, None] if gate_degree == "receiver" else degree[None, :]
    r = z @ F.leaky_relu(z).T
    score = (r * torch.sigmoid(r / degree.sqrt())).masked_fill(~mask, -torch.inf)
    return score.masked_fill(~mask.any(1, keepdim=True), 0.0).softmax(1) * mask


@pytest.mark.parametrize("gate_degree", ["receiver", "sender"])
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])  # at 30 the scores reach thousands
def test_attention_equals_a_dense_masked_softmax(gate_degree, scale):
    edges, z = edges_and_rows(gate_degree=gate_degree, scale=scale)
    weight = edges.attention(z)
    dense = dense_attention(edges, z, gate_degree=gate_degree)
    assert torch.allclose(weight, dense[edges.receiver, edges.sender], atol=1e-12)
    ours, theirs = edges.gather(weight, z), dense @ z
    assert torch.allclose(ours, theirs, atol=1e-12 * scale)
    (a,), (b,) = (torch.autograd.grad(out.sin().sum(), z, retain_graph=True) for out in (ours, theirs))
    assert b.isfinite().all()
    assert torch.allclose(a, b, rtol=1e-9, atol=1e-11)


def test_gradients_of_each_step():
    edges, z = edges_and_rows(dim=2, n_items=40)
    x = torch.randn(len(edges.sender)).double().requires_grad_()
    other = torch.randn_like(z).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: _Dot.apply(a, b, edges), (z, other))
    assert torch.autograd.gradcheck(lambda w, b: _Gather.apply(w, b, edges), (x, other))
    assert torch.autograd.gradcheck(lambda a: _Softmax.apply(a, edges), x)


def test_nothing_of_size_edge_by_dim_is_kept():
    edges, z = edges_and_rows(dim=64, n_items=20)
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (sizes.append(t.numel()), t)[1], lambda t: t):
        edges.gather(edges.attention(z), z).sum().backward()
    assert sizes
    assert max(sizes) == z.numel() < len(edges.sender) * 64


def test_two_runs_are_equal_to_the_bit():
    data, gradients = random_set(), []
    for _ in range(2):
        model = small(data).float()
        model.calculate_loss(random_batch(data)).backward()
        gradients.append([p.grad for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def loop(model, data):
    """Plain loops over nodes and their neighbours; the default reading."""
    near = [set() for _ in range(model.n_users + model.n_items)]
    for user, item in zip(data.user, data.item + model.n_users, strict=True):
        near[user].add(item), near[item].add(user)
    outputs = []
    for name, part in model.modalities.items():
        items = torch.tensor(data.item_features[name]).double() @ part.project.weight.T + part.project.bias
        steps = [F.normalize(torch.cat([part.preference, torch.tanh(items)]))]
        for layer in part.layers:
            z = [x @ layer.transform for x in steps[-1]]
            rows = []
            for i, x in enumerate(steps[-1]):
                total = layer.bias
                if near[i]:
                    r = torch.stack([z[i] @ F.leaky_relu(z[j]) for j in near[i]])
                    a = (r * torch.sigmoid(r / len(near[i]) ** 0.5)).softmax(0)
                    total = total + sum(w * z[j] for w, j in zip(a, near[i], strict=True))
                own = F.leaky_relu(layer.own(x)) + model.ids[i]
                rows.append(F.leaky_relu(layer.merge(F.leaky_relu(total / total.norm())) + own))
            steps.append(torch.stack(rows))
        outputs.append(torch.cat(steps[1:], dim=1))
    return torch.stack(outputs).mean(0)


def test_equals_plain_loops():
    data = random_set(n_users=7, n_items=9, per_user=3)
    model = small(data)
    expected = loop(model, data)
    assert torch.allclose(embedding(model), expected, atol=1e-12)
    ours, theirs = (torch.autograd.grad(e.sin().sum(), tuple(model.parameters())) for e in (embedding(model), expected))
    assert all(torch.allclose(a, b, atol=1e-11) for a, b in zip(ours, theirs, strict=True))


def test_weights_add_up_to_one_at_every_receiver():
    edges, z = edges_and_rows()
    sums = torch.zeros(len(z)).double().index_add(0, edges.receiver, edges.attention(z))
    degree = edges.offsets.diff()
    assert {0, 1, 2} <= set(degree.tolist())
    assert torch.allclose(sums, (degree > 0).double())


def test_a_single_neighbour_has_all_the_weight():
    edges, z = edges_and_rows(scale=10.0)
    alone = (edges.offsets.diff() == 1)[edges.receiver]
    assert alone.any()
    assert (edges.attention(z)[alone] == 1).all()


def test_equal_neighbours_have_equal_weights():
    edges, z = edges_and_rows()
    share = 1 / edges.offsets.diff()[edges.receiver].double()
    assert torch.allclose(edges.attention(torch.ones_like(z)), share)
    model = small()
    for layer in (part.layers[0] for part in model.modalities.values()):
        width = len(layer.transform)
        z = torch.zeros(model.n_users + model.n_items, width).double()
        rows = layer.aggregate(z, model.edges)
        assert torch.allclose(rows, F.normalize(layer.bias, dim=0).expand_as(rows))


def test_aggregates_have_unit_norm():
    model = small()
    part = model.modalities["visual"]
    z = part.start() @ part.layers[0].transform
    assert torch.allclose(part.layers[0].aggregate(z, model.edges).norm(dim=1), torch.ones(1).double())


def test_the_gate_lies_between_zero_and_one():
    """The score has the sign of the affinity; the gate of an affinity of 0 is a half."""
    edges, _ = edges_and_rows()
    r = torch.randn(len(edges.sender)).double()
    gate = edges.gated(r) / r
    assert ((gate > 0) & (gate < 1)).all()
    nothing = torch.zeros_like(r).requires_grad_()
    (gate,) = torch.autograd.grad(edges.gated(nothing).sum(), nothing)  # of r g(r), at 0
    assert (gate == 0.5).all()


def test_gates_coincide_on_a_regular_graph():
    ring = np.array([(u, (u + k) % 5) for u in range(5) for k in range(3)])
    data = TrainingSet(ring, n_users=5, n_items=5, features=dict(random_set(n_items=5, per_user=3).item_features))
    data.item_features = {m: f[:6] for m, f in data.item_features.items()}
    a, b = small(data), small(data, gate_degree="sender")
    assert torch.equal(embedding(a), embedding(b))
    a, b = small(), small(gate_degree="sender")  # and only there
    assert not torch.allclose(embedding(a), embedding(b), atol=1e-6)


def test_order_and_repeats_of_the_edges_do_not_matter():
    sets = (
        TrainingSet(pairs, n_users=2, n_items=3, features={"textual": np.eye(3)})
        for pairs in (TOY_TRAIN, TOY_TRAIN[[3, 0, 1, 1, 2, 0]])
    )
    a, b = (embedding(small(data)) for data in sets)
    assert torch.equal(a, b)


def test_a_constant_at_one_receiver_changes_nothing():
    edges, _ = edges_and_rows()
    x = torch.randn(len(edges.sender)).double()
    shift = 5.0 * torch.arange(len(edges.offsets) - 1).double()[edges.receiver]
    assert torch.allclose(_Softmax.apply(x, edges), _Softmax.apply(x + shift, edges))


def test_uniform_attention_is_mmgcn(monkeypatch):
    """Element-wise MMGCN of one layer, where the aggregate has no bias and keeps its norm."""
    ours = small()
    other = make(MMGCN, random_set(), **SMALL, n_layers=1, combine="add").double()
    layer, theirs = ours.modalities["visual"].layers[0], other.modalities["visual"].layers[0]
    with torch.no_grad():
        theirs.neighbour.copy_(layer.transform)
    theirs.own, theirs.merge = layer.own, layer.merge
    torch.nn.init.zeros_(layer.bias)
    share = 1 / ours.edges.offsets.diff()[ours.edges.receiver].double()
    monkeypatch.setattr(Edges, "attention", lambda edges, z: share)
    monkeypatch.setattr("baselines.mgat.model.normalize", lambda rows: rows)
    x = torch.randn(ours.n_users + ours.n_items, 6).double()
    assert torch.allclose(layer(x, ours.ids, ours.edges), theirs(x, ours.ids, other.neighbours), atol=1e-6)


def test_layers_stand_side_by_side():
    one, two = small(n_layers=1), small()
    one.load_state_dict(two.state_dict(), strict=False)
    assert embedding(two).shape[1] == 8
    assert torch.equal(embedding(one), embedding(two)[:, :4])


def test_modalities_are_averaged():
    data = random_set(modalities=("textual",))
    once = small(data)
    data.item_features["acoustic"] = data.item_features["textual"]
    twice = small(data)
    twice.load_state_dict(once.state_dict(), strict=False)
    twice.modalities["acoustic"].load_state_dict(once.modalities["textual"].state_dict())
    assert torch.allclose(embedding(twice), embedding(once))


def test_attention_is_dropped_in_training_alone():
    model = small(attention_dropout=0.5)
    assert not torch.equal(embedding(model.train()), embedding(model))
    assert torch.equal(embedding(model.eval()), embedding(small()))


def test_released_decay_is_the_weight_decay_of_adam():
    data = random_set()
    ours, theirs = small(data, loss="released", reg_weight=0.3), small(data, loss="released", reg_weight=0.0)
    for model, decay in ((ours, 0.0), (theirs, 0.3)):
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=decay)
        for _ in range(3):
            optimizer.zero_grad()
            model.calculate_loss(random_batch(data)).backward()
            optimizer.step()
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=1e-9) for a, b in pairs)


def test_a_set_without_content_is_refused():
    with pytest.raises(NotApplicable, match="no item features"):
        make(MGAT, toy_set(modalities=()))
