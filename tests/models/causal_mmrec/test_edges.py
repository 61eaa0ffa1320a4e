"""Evidence on interactions against plain loops, weighted samples, weighted graphs."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch.nn import functional as F

from bench.nn.graph import norm_adjacency
from models.causal_mmrec.edges import completions, support, two_nearest, weighted_graphs, z_scores
from tests.toy import as_dense

approx = pytest.approx


@pytest.fixture
def met(rng):
    """(user, item) matrix; user 0 has nothing, user 1 one item, user 2 two, user 3 all but a few."""
    dense = rng.random((9, 12)) < 0.4
    dense[[0, 1, 2]] = False
    dense[1, 4] = dense[2, 5] = dense[2, 7] = True
    dense[3, 1:10] = True
    dense[:, 0] = False
    return sp.csr_matrix(dense.astype(np.float64))


@pytest.mark.parametrize("budget", [1, 40, 2**22])
def test_two_nearest_against_a_loop(met, budget):
    torch.manual_seed(0)
    unit = F.normalize(torch.randn(12, 5), dim=1)
    user, item = (torch.from_numpy(x.astype(np.int64)) for x in met.nonzero())
    expected = []
    for u, i in zip(user.tolist(), item.tolist(), strict=True):
        cosines = sorted((float(unit[i] @ unit[j]) for j in item[user == u].tolist() if j != i), reverse=True)[:2]
        expected.append(sum(cosines) / max(1, len(cosines)))
    assert two_nearest(unit, user, item, budget=budget).tolist() == approx(expected, abs=1e-6)


@pytest.fixture
def graph(rng):
    dense = rng.random((12, 12)) * (rng.random((12, 12)) < 0.5) / 12
    dense[4, 4], dense[5, 5] = 1.0, 0.3
    return sp.csr_matrix(dense)


@pytest.mark.parametrize("block", [2, 1024])
def test_support_against_a_loop(met, graph, block):
    s, expected = graph.toarray(), []
    for u, i in zip(*met.nonzero(), strict=True):
        others = [j for j in met[u].indices if j != i]
        expected.append(s[i, others].sum() / (1 - s[i, i]) if s[i, i] < 1 else 0.0)
    assert support(met, graph, block=block).tolist() == approx(expected, abs=1e-9)


@pytest.mark.parametrize("block", [2, 1024])
def test_completions_against_a_loop(met, graph, block):
    s, expected = graph.toarray(), []
    for u in range(met.shape[0]):
        score = s[met[u].indices].sum(axis=0)
        free = [j for j in range(1, 12) if j not in met[u].indices and score[j] > 0]
        best = sorted(free, key=lambda j: (-score[j], j))[:3]
        expected.append(best + [0] * (3 - len(best)))
    assert completions(met, graph, 3, block=block).tolist() == expected


def test_completions_break_ties_by_lower_id():
    met = sp.csr_matrix(np.array([[0, 1, 0, 0, 0]]))
    row = np.zeros((5, 5))
    row[1] = [0.9, 0.2, 0.1, 0.1, 0.1]
    assert completions(met, sp.csr_matrix(row), 2).tolist() == [[2, 3]]
    assert completions(met, sp.csr_matrix(row), 0).shape == (1, 0)


def test_z_scores():
    z = z_scores(torch.tensor([1.0, 2.0, 3.0]))
    assert z.tolist() == approx([-(1.5**0.5), 0, 1.5**0.5])
    assert not z_scores(torch.full((3,), 0.7)).any()


def test_unit_weights_give_the_plain_graph(met):
    user, item = (torch.from_numpy(x.astype(np.int64)) for x in met.nonzero())
    adjacency, _ = weighted_graphs(user, item, torch.ones(len(user)), met.shape)
    plain = norm_adjacency(met)
    assert torch.equal(adjacency.forward_columns, plain.forward_columns)
    assert torch.allclose(as_dense(adjacency), as_dense(plain), atol=1e-6)


def test_weighted_graphs_by_definition(met):
    user, item = (torch.from_numpy(x.astype(np.int64)) for x in met.nonzero())
    weight = torch.rand(len(user)) + 0.1
    adjacency, mean = weighted_graphs(user, item, weight, met.shape)
    w = torch.zeros(met.shape).index_put((user, item), weight)
    scale = (w.sum(1, keepdim=True) * w.sum(0)).sqrt()
    assert torch.allclose(as_dense(adjacency)[:9, 9:], torch.where(w > 0, w / scale, w), atol=1e-6)
    dense = as_dense(adjacency)
    assert torch.equal(dense, dense.T)
    assert torch.linalg.eigvalsh(dense.double()).abs().max() <= 1 + 1e-5
    assert set(as_dense(mean).sum(1).round(decimals=5).tolist()) == {0.0, 1.0}
    assert torch.allclose(as_dense(mean) * w.sum(1, keepdim=True), w, atol=1e-6)
