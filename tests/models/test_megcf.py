"""MEGCF: the reference's arrays, one layer by hand, which entities count, what the weights are."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from baselines.megcf import MEGCF, entity_links, outstanding, popularity, weighted_graph
from tests.models.reference import files, worst
from tests.toy import as_dense, make, random_batch, random_set


def small(data=None, **settings):
    return make(MEGCF, data or random_set(), **{"embedding_size": 4, **settings})


@pytest.mark.parametrize("path", files("megcf"))
def test_reference(path):
    assert worst(path) < 1e-5


def test_one_layer_by_hand():
    """A user, an item, two entities; alpha = 1/2, so that the receiver's degree alone counts: 2, 4, 2, 2."""
    graph = weighted_graph(
        sp.csr_matrix([[1.0]]),
        sp.csr_matrix([[1.0, 1.0]]),
        item_weight=np.ones(1),
        alpha=0.5,
        self_loop_weight=2.0,
    )
    p, q, z1, z2 = 1.0, 10.0, 100.0, 1000.0
    root = 2**0.5
    expected = [(2 * p + q) / root, (p + 2 * q + z1 + z2) / 2, (q + 2 * z1) / root, (q + 2 * z2) / root]
    assert graph(torch.tensor([[p], [q], [z1], [z2]])).flatten().tolist() == pytest.approx(expected)


def test_plain_weights_make_a_symmetric_graph_of_radius_one():
    data = random_set()
    graph = as_dense(small(data, alpha=0.0, self_loop_weight=1.0, item_weight="none").entities)
    assert torch.allclose(graph, graph.T)
    assert torch.linalg.eigvalsh(graph.double()).abs().max().item() == pytest.approx(1, abs=1e-6)


def test_an_item_with_one_entity_has_none():
    rows = np.array([[0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0.5, 0, 2, 0, 0]], dtype=np.float32)
    for store in (np.asarray, sp.csr_matrix):
        assert entity_links(store(rows), at_least=2).toarray().tolist() == [[0] * 5, [0] * 5, [1, 0, 1, 0, 0]]


def test_full_rows_have_the_columns_in_which_they_stand_out():
    """Ten items; item i is 9 in column i, and noise below 1 elsewhere, so that i is its first entity."""
    rows = np.random.default_rng(0).random((11, 30)).astype(np.float32)
    rows[0] = 0
    rows[range(1, 11), range(1, 11)] = 9
    links = entity_links(rows, at_least=2)
    assert np.diff(links.indptr).tolist() == [0] + [8] * 10
    assert links.diagonal()[1:].all()
    assert (links != outstanding(rows, rows.any(axis=1))).nnz == 0


def test_popularity_by_hand():
    """Items with 3, 2, 1 users: shares 2/2, 1/2 and, for a count of 0, the weight 1, divided by their mean."""
    met = sp.csr_matrix([[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 1, 0], [0, 1, 0, 0]])
    half = 0.5**0.01
    expected = np.array([1, half, 1]) * 3 / (2 + half)
    assert popularity(met)[1:] == pytest.approx(expected)
    assert popularity(random_set().inter_matrix("csr"))[1:].mean() == pytest.approx(1, abs=1e-9)


def test_without_entity_edges_the_two_graphs_say_the_same():
    data = random_set()
    model = small(data, min_entities=100).eval()
    (users, items), _ = model.last_layers()
    scores = model.score_all(model.represent(), torch.arange(model.n_users))
    assert torch.allclose(scores, 2 * users @ items.T, atol=1e-6)


def test_entities_learn_through_their_graph_alone():
    data = random_set()
    model = small(data)
    terms = model.terms(random_batch(data))
    weight = model.entity_embedding.weight
    assert torch.autograd.grad(terms["bpr_interactions"], weight, retain_graph=True, allow_unused=True) == (None,)
    assert torch.autograd.grad(terms["bpr_entities"], weight)[0].any()


def test_scores_are_quadratic_in_the_embeddings():
    model = small().eval()
    before = model.score_all(model.represent(), torch.tensor([1, 2]))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 3
    assert torch.allclose(model.score_all(model.represent(), torch.tensor([1, 2])), 9 * before, rtol=1e-4, atol=1e-6)
