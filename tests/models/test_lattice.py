"""LATTICE: the reference's arrays, the graph by hand, when it is made and what learns from it."""

import pytest
import torch

from baselines.lattice import LATTICE
from tests.models.reference import files, worst
from tests.toy import TOY_ITEMS, TOY_USERS, make, random_batch, random_set, set_rows, toy_set


def small(data=None, **settings):
    return make(LATTICE, data or random_set(), **{"embedding_size": 4, "n_neighbours": 3, **settings})


def dense(graph):
    near, weights = graph
    return torch.zeros(len(near), len(near)).scatter_add(1, near, weights)


@pytest.mark.parametrize("path", files("lattice"))
def test_reference(path):
    assert worst(path) < 1e-5


def test_equal_items_make_a_uniform_graph():
    """All cosines are 1 and everyone is a neighbour: S = 1 / n wherever the weights of the two graphs lie."""
    data = toy_set(modalities=("visual",))
    data.item_features["visual"][1:] = 1
    model = small(data, n_neighbours=3)
    assert torch.allclose(dense(model.item_graph())[1:, 1:], torch.full((3, 3), 1 / 3), atol=1e-6)


def test_toy_vectors_of_matrix_factorisation():
    """With S = 1/3 everywhere, every item gains the unit vector of the mean of the items."""
    data = toy_set(modalities=("visual",))
    data.item_features["visual"][1:] = 1
    model = small(data, embedding_size=2, backbone="mf")
    set_rows(model.user_embedding.weight, TOY_USERS)
    set_rows(model.item_embedding.weight, TOY_ITEMS)
    mean = torch.tensor(TOY_ITEMS).mean(0)
    users, items = model.embed()
    assert torch.allclose(users[1:], torch.tensor(TOY_USERS))
    assert torch.allclose(items[1:], torch.tensor(TOY_ITEMS) + mean / mean.norm(), atol=1e-6)


def test_the_mixture_of_the_two_graphs():
    learnt, initial, both = (dense(small(initial_weight=mix).item_graph()) for mix in (0.0, 1.0, 0.3))
    assert torch.allclose(both, 0.7 * learnt + 0.3 * initial, atol=1e-6)
    assert not torch.allclose(learnt, initial, atol=1e-2)


def test_a_modality_without_weight_has_no_edge():
    model = small()
    with torch.no_grad():
        model.modality_weight.copy_(torch.tensor([100.0, -100.0]))
    near, weights = model.item_graph()
    k = 3  # lists: learnt visual, learnt textual, initial visual, initial textual
    assert weights[:, :k].any()
    assert not weights[:, k : 2 * k].any()
    assert not weights[:, 3 * k :].any()


def test_cosines_do_not_see_the_length_of_a_row():
    short, long = random_set(), random_set()
    long.item_features = {m: 3 * x for m, x in long.item_features.items()}
    a, b = (small(data, initial_weight=1.0) for data in (short, long))
    assert torch.allclose(dense(a.item_graph()), dense(b.item_graph()), atol=1e-6)


def test_the_projections_learn_in_the_first_batch_of_an_epoch_alone():
    data = random_set()
    model, batch = small(data).train(), random_batch(data)

    def learning():
        model.zero_grad()
        model.calculate_loss(batch).backward()
        return {name for name, p in model.named_parameters() if p.grad is not None}

    every, ids = {name for name, _ in model.named_parameters()}, {"user_embedding.weight", "item_embedding.weight"}
    assert learning() == every
    assert learning() == ids
    model.before_epoch(2)
    assert learning() == every


def test_later_batches_see_the_graph_of_the_first_and_an_evaluation_its_own():
    model = small().train()
    first = model.embed()[1].detach().clone()
    with torch.no_grad():
        for content in model.content.values():
            content.linear.weight.add_(torch.randn_like(content.linear.weight))
    assert torch.equal(model.embed()[1], first)
    assert not torch.allclose(model.eval().embed()[1], first, atol=1e-4)
    assert torch.equal(model.train().embed()[1], first)


def test_given_graphs_alone_leave_the_projections_without_a_gradient():
    data = random_set()
    model = small(data, initial_weight=1.0)
    model.calculate_loss(random_batch(data)).backward()
    assert not any(p.grad.any() for p in model.content.parameters())
    assert model.modality_weight.grad.any()


def test_an_item_stays_a_unit_away_from_its_collaborative_vector():
    model = small()
    ego = torch.cat([model.user_embedding.weight, model.item_embedding.weight])
    layers = [ego, model.adjacency(ego)]
    layers.append(model.adjacency(layers[1]))
    gap = model.embed()[1] - (sum(layers) / 3)[model.n_users :]
    assert torch.allclose(gap[1:].norm(dim=1), torch.ones(model.n_items - 1), atol=1e-5)
    assert torch.allclose(model.adjacency(torch.ones(len(ego), 1)), torch.ones(len(ego), 1), atol=1e-6)
