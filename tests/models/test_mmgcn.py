"""MMGCN: the worked toy, plain loops, and what must hold in any case."""

from math import log

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from baselines.mmgcn import MMGCN, neighbourhood
from bench.spec import NotApplicable
from bench.train.bridge import TrainingSet
from tests.toy import TOY_TRAIN, as_dense, make, random_batch, random_set, toy_batch, toy_set

IDS = [[0.1, 0.2], [-0.3, 0.4], [0.5, -0.1], [0.2, 0.3], [-0.4, 0.6]]  # u0 u1 i0 i1 i2
NODES = [1, 2, 4, 5, 6]  # the same; 0 and 3 are padding
SMALL = {"embedding_size": 4, "visual_size": 6, "other_size": 5}
G = torch.tensor([[1.0, 0], [0, 1], [1, 0]])


def toy(*, modalities=("textual",), **settings):
    """The toy of the spec in float64: identities for weights, no bias."""
    values = {"embedding_size": 2, "visual_size": 3, "other_size": 2, "n_layers": 1, "reg_weight": 0.0}
    model = make(MMGCN, toy_set(modalities=modalities), **{**values, **settings}).double()
    with torch.no_grad():
        model.ids[NODES] = torch.tensor(IDS).double()
        for name, part in model.modalities.items():
            width, layer = part.features.width, part.layers[0]
            to_two = G.T if name == "visual" else torch.eye(2)
            for bias in (part.project.bias, layer.own.bias, layer.merge.bias):
                bias.zero_()
            part.project.weight.copy_(torch.eye(width))
            part.preference[1:] = torch.eye(2, width)
            layer.neighbour.copy_(torch.eye(width))
            layer.own.weight.copy_(to_two)
            right = [torch.eye(2)] if layer.is_concatenated else []
            layer.merge.weight.copy_(torch.cat([to_two, *right], dim=1))
            if layer.bias is not None:
                layer.bias.zero_()
    return model


def close(values):
    return pytest.approx(np.array(values), abs=1.5e-6)


def output(model, name="textual"):
    return model.modalities[name](model.ids, model.neighbours)[-1][NODES].tolist()


def scores(model):
    users, items = model.embed()
    return (users[1:] @ items[1:].T).tolist()


def embedding(model):
    return torch.cat(model.embed())


def small(data=None, **settings):
    return make(MMGCN, data or random_set(), **{**SMALL, **settings}).double()


def copied(source, target):
    target.load_state_dict(source.state_dict())
    return target


def test_toy_start_and_neighbours():
    model = toy()
    start = model.modalities["textual"].start()
    half = 0.707107
    assert start[NODES].tolist() == close([[1, 0], [0, 1], [half, half], [0, 1], [1, 0]])
    expected = [[0.353553, 0.853553], [0.5, 0.5], [1, 0], [0.5, 0.5], [0, 1]]
    assert model.neighbours(start)[NODES].tolist() == close(expected)


@pytest.mark.parametrize("combine", ["concat", "add"])
def test_toy_scores(combine):
    model = toy(combine=combine)
    expected = [[1.453553, 1.053553], [0.2, 1.9], [2.207107, 0.607107], [0.7, 1.8], [0.6, 1.6]]
    assert output(model) == close(expected)
    assert scores(model) == close([[3.847767, 2.913883, 2.557817], [1.594924, 3.560000, 3.160000]])


@pytest.mark.parametrize(
    ("loss", "expected"), [("batch", 0.187163), ("released", 0.187163), ("released2019", 0.540037)]
)
def test_toy_losses(loss, expected):
    assert toy(loss=loss).calculate_loss(toy_batch()).item() == pytest.approx(expected, abs=1e-6)


def test_toy_convolution_of_2019():
    expected = [[1.807107, 0.907107], [0.147214, 2.294427], [2.130986, 0.989790]]
    expected += [[0.647214, 2.194427], [1.307107, 1.307107]]
    assert output(toy(convolution="released2019")) == close(expected)


def test_toy_two_modalities():
    model = toy(modalities=("visual", "textual"), combine="add")
    expected = [[2.124374, 0.553553], [0.500767, 1.977160], [2.841641, -0.001]]
    expected += [[1.407107, 1.507107], [0.494427, 2.047214]]
    assert output(model, "visual") == close(expected)
    assert scores(model) == close([[4.759532, 3.213487, 2.444311], [1.471992, 3.574693, 3.726942]])


def loop(model, data):
    """Plain loops over nodes and their neighbours; the default reading."""
    near = [set() for _ in range(model.n_users + model.n_items)]
    for user, item in zip(data.user, data.item + model.n_users, strict=True):
        near[user].add(item), near[item].add(user)
    pick = torch.mean if model.hyper.aggregate == "mean" else torch.amax
    outputs = []
    for name, part in model.modalities.items():
        items = torch.tensor(data.item_features[name]).double() @ part.project.weight.T + part.project.bias
        x = F.normalize(torch.cat([part.preference, items]))
        for layer in part.layers:
            rows = []
            for node, others in enumerate(near):
                hidden = torch.zeros(x.shape[1]).double()
                if others:
                    hidden = pick(torch.stack([x[k] @ layer.neighbour for k in others]), dim=0)
                own = F.leaky_relu(layer.own(x[node])) + model.ids[node]
                rows.append(F.leaky_relu(layer.merge(torch.cat([F.leaky_relu(hidden), own]))))
            x = torch.stack(rows)
        outputs.append(x)
    return torch.stack(outputs).mean(0)


@pytest.mark.parametrize("aggregate", ["mean", "max"])
def test_equals_plain_loops(aggregate):
    data = random_set(n_users=7, n_items=9, per_user=3)
    model = small(data, aggregate=aggregate)
    expected = loop(model, data)
    assert torch.allclose(embedding(model), expected, atol=1e-12)
    ours, theirs = (torch.autograd.grad(e.sin().sum(), tuple(model.parameters())) for e in (embedding(model), expected))
    assert all(torch.allclose(a, b, atol=1e-11) for a, b in zip(ours, theirs, strict=True))


def moved(model, data, *, lr=0.1):
    """Names of the entries of the state that one step of the loss moves."""
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.calculate_loss(random_batch(data)).backward()
    torch.optim.SGD(model.parameters(), lr=lr).step()
    return {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}


def test_preferences_and_ids_are_trained():
    data = random_set()
    tables = {"ids", "modalities.visual.preference", "modalities.textual.preference"}
    model = small(data, reg_weight=0.0)
    assert tables <= dict(model.named_parameters()).keys()
    assert tables <= moved(model, data)


def test_frozen_tables_are_stored_but_do_not_move():
    data = random_set()
    model = small(data, frozen_ids=True)
    tables = {k for k in model.state_dict() if k == "ids" or k.endswith("preference")}
    assert len(tables) == 3
    assert not tables & moved(model, data)
    assert not tables & dict(model.named_parameters()).keys()


@pytest.mark.parametrize("self_loop", [False, True])
def test_mean_rows_sum_to_one(self_loop):
    data = random_set(n_items=60)  # some items meet nobody
    mean = neighbourhood(data.inter_matrix(), aggregate="mean", self_loop=self_loop)
    isolated = np.concatenate([np.bincount(data.user, minlength=31), np.bincount(data.item, minlength=61)]) == 0
    assert isolated.sum() > 2
    sums = as_dense(mean).sum(1).numpy()
    assert sums == pytest.approx(np.where(isolated, float(self_loop), 1.0), abs=1e-6)


def test_equal_rows_give_equal_neighbourhoods_on_each_side():
    data = random_set(n_items=10)
    data.item_features["textual"][:] = 1.0
    model = small(data)
    part = model.modalities["textual"]
    torch.nn.init.constant_(part.preference, 0.3)
    hidden = model.neighbours(part.start() @ part.layers[0].neighbour)
    users, items = hidden[1 : model.n_users], hidden[model.n_users + 1 :]
    assert torch.allclose(users, users[:1], atol=1e-7)
    assert torch.allclose(items, items[:1], atol=1e-7)
    assert not torch.allclose(users[0], items[0], atol=1e-3)


@pytest.mark.parametrize(("fusion", "factor"), [("mean", 1), ("sum", 2)])
def test_a_modality_given_twice(fusion, factor):
    data = random_set(modalities=("textual",))
    once = small(data, fusion=fusion)
    data.item_features["acoustic"] = data.item_features["textual"]
    twice = small(data, fusion=fusion)
    twice.load_state_dict(once.state_dict(), strict=False)
    copied(once.modalities["textual"], twice.modalities["acoustic"])
    assert torch.allclose(embedding(twice), factor * embedding(once))


def test_concat_with_an_identity_is_element_wise():
    concat, add = small(n_layers=1), small(n_layers=1, combine="add")
    state = concat.state_dict()
    with torch.no_grad():
        for name, part in concat.modalities.items():
            merge = part.layers[0].merge.weight
            merge[:, -4:] = torch.eye(4)
            state[f"modalities.{name}.layers.0.merge.weight"] = merge[:, :-4]
    add.load_state_dict(state)
    assert torch.allclose(embedding(concat), embedding(add))


def test_order_and_repeats_of_the_edges_do_not_matter():
    repeated = TOY_TRAIN[[3, 0, 1, 1, 2, 0]]
    data = TrainingSet(repeated, n_users=2, n_items=3, features={"textual": np.eye(3)})
    plain = TrainingSet(TOY_TRAIN, n_users=2, n_items=3, features={"textual": np.eye(3)})
    assert torch.equal(embedding(small(data)), embedding(small(plain)))


def test_relabelled_nodes_give_relabelled_embeddings():
    data, rng = random_set(n_users=8, n_items=9, per_user=3), np.random.default_rng(1)
    users, items = (np.r_[0, 1 + rng.permutation(n)] for n in (8, 9))  # new id of each old one
    pairs = np.stack([users[data.user], items[data.item]], axis=1) - 1
    features = {m: f[np.argsort(items)][1:] for m, f in data.item_features.items()}
    model = small(data)
    other = copied(model, small(TrainingSet(pairs, n_users=8, n_items=9, features=features)))
    node = torch.from_numpy(np.r_[users, 9 + items])
    with torch.no_grad():
        other.ids[node] = model.ids
        for name, part in model.modalities.items():
            other.modalities[name].preference[torch.from_numpy(users)] = part.preference
    assert torch.allclose(embedding(other)[node], embedding(model))


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_a_feature_reaches_as_many_hops_as_layers(n_layers):
    """On the path i1 u1 i2 u2 i3 u3 i4."""
    path = np.array([[0, 0], [0, 1], [1, 1], [1, 2], [2, 2], [2, 3]])
    rows = np.ones((4, 3), dtype=np.float32)
    changed = rows * np.array([[1, -2, 3], [1, 1, 1], [1, 1, 1], [1, 1, 1]])
    sets = (TrainingSet(path, n_users=3, n_items=4, features={"textual": f}) for f in (rows, changed))
    a, b = (embedding(small(data, n_layers=n_layers)) for data in sets)
    distance = torch.tensor([9, 1, 3, 5, 9, 0, 2, 4, 6])  # padding never
    assert torch.equal((a != b).any(1), distance <= n_layers)


def test_without_ids_there_is_no_table():
    model = small(use_ids=False)
    assert "ids" not in model.state_dict()
    assert torch.isfinite(model.calculate_loss(random_batch(random_set())))


def regulariser(model, batch):
    return model.regulariser(model.batch_nodes(batch)).item()


def test_regularisers_by_hand():
    """u1 twice, so its rows count twice; ids of users 1 1, of positives 1 2, of negatives 3 1."""
    batch = {k: torch.tensor(v) for k, v in (("user_id", [1, 1]), ("item_id", [1, 2]), ("neg_item_id", [3, 1]))}
    model = toy(modalities=("visual", "textual"))
    users, items = 2 * 0.05, 0.26 + 0.13 + 0.52 + 0.26
    assert regulariser(model, batch) == pytest.approx((users + items + 2 * 1 + 2 * 1) / 2 / 2)
    model = toy(modalities=("visual", "textual"), loss="released")
    with torch.no_grad():
        model.modalities["visual"].preference[0] = 2.0
    mean_of_preferences = (3 * 4 + 2) / 9  # the visual table alone, padding included
    assert regulariser(model, batch) == pytest.approx((2 * users + items) / 8 + mean_of_preferences)


def test_decay_of_2019_is_the_weight_decay_of_adam():
    data = random_set()
    ours, theirs = small(data, loss="released2019", reg_weight=0.3), small(data, loss="released2019", reg_weight=0.0)
    for model, decay in ((ours, 0.0), (theirs, 0.3)):
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=decay)
        for _ in range(3):
            optimizer.zero_grad()
            model.calculate_loss(random_batch(data)).backward()
            optimizer.step()
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=1e-9) for a, b in pairs)


def test_sum_of_2019_is_the_mean_scaled():
    data = random_set()
    batch = random_batch(data)
    mean, total = (small(data, loss=n, reg_weight=0.0).calculate_loss(batch) for n in ("batch", "released2019"))
    assert total.item() == pytest.approx(mean.item() * len(batch["user_id"]) / log(2))


def test_a_set_without_content_is_refused():
    with pytest.raises(NotApplicable, match="no item features"):
        make(MMGCN, toy_set(modalities=()))
