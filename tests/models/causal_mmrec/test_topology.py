"""The graphs of CausalMMRec: sampled, added and believed edges, and the item graph."""

import math

import numpy as np
import pytest
import torch

from bench.nn.graph import norm_adjacency
from models.causal_mmrec.model import CausalMMRec
from tests.models.causal_mmrec.made import SMALL, linked_set, scores
from tests.toy import as_dense, make

pytestmark = pytest.mark.usefixtures("narrow")


def test_sampled_edges_are_distinct_training_edges():
    data = linked_set()
    topology = make(CausalMMRec, data, **SMALL, n_added=0, drop_rate=0.3).topology
    met = data.inter_matrix("csr").toarray()
    topology.sample()
    upper = as_dense(topology.adjacency)[: met.shape[0], met.shape[0] :] > 0
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
        dense = as_dense(adjacency)
        assert torch.allclose(dense, dense.T)
        assert torch.linalg.eigvalsh(dense.double()).abs().max() <= 1 + 1e-5
        assert set(as_dense(mean).sum(1).round(decimals=4).tolist()) == {0.0, 1.0}


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
    assert torch.allclose(as_dense(topology.evaluation()[1]), expected, atol=1e-6)
    raw = make(CausalMMRec, linked_set(), **SMALL, eval_graph="full").topology
    assert torch.equal(as_dense(raw.evaluation()[0]), as_dense(norm_adjacency(linked_set().inter_matrix())))


def test_item_graph_mixes_raw_and_residual_neighbours():
    topology = make(CausalMMRec, linked_set(), **SMALL, residual_weight=0.5).topology
    expected = torch.zeros(topology.shape[1], topology.shape[1])
    for lists, eta in ((topology.near, 0.5), (topology.near_residual, 0.5)):
        for near, share in zip(lists, (0.1, 0.9), strict=True):
            expected.scatter_add_(1, near, torch.full(near.shape, eta * share / near.shape[1]))
    assert torch.allclose(torch.from_numpy(topology.item_weights().toarray()).float(), expected, atol=1e-6)
    assert torch.allclose(as_dense(topology.item_graph), expected, atol=1e-6)


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
