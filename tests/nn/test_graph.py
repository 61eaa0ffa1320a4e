"""Sparse products against dense ones, gradients included, and the adjacency by hand."""

from math import sqrt

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from bench.nn import graph
from bench.nn.features import FeatureRows, concatenate
from bench.nn.graph import SparseMatrix, norm_adjacency, propagate_mean
from tests.toy import as_dense


@pytest.mark.parametrize("tile", [graph.TILE, 1, 2])
@pytest.mark.parametrize("shape", [(5, 7), (7, 5), (6, 6)])
def test_product_and_gradient_equal_the_dense_ones(rng, monkeypatch, shape, tile):
    monkeypatch.setattr(graph, "TILE", tile)
    dense = rng.normal(size=shape) * (rng.random(shape) < 0.3)
    x = torch.randn(shape[1], 3, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    weight = torch.randn(shape[0], 3)
    (SparseMatrix(sp.coo_matrix(dense))(x) * weight).sum().backward()
    (torch.from_numpy(dense.astype(np.float32)) @ y * weight).sum().backward()
    assert torch.allclose(x.grad, y.grad, atol=1e-6)


def test_only_a_product_with_more_than_two_tiles_of_rows_goes_by_tiles(monkeypatch):
    """Rows 0 and 2 of the 5 have entries in the first two columns, row 3 in the last, and the two between are empty."""
    monkeypatch.setattr(graph, "TILE", 2)
    small, large = (
        SparseMatrix(np.eye(4)),
        SparseMatrix(sp.coo_matrix(([1, 1, 1], ([0, 2, 3], [1, 0, 4])), shape=(5, 5))),
    )
    small(torch.ones(4, 1)), large(torch.ones(5, 1))
    assert not small.tiles
    places = [(rows, sources, columns.tolist()) for rows, sources, columns, *_ in large.tiles["forward_"]]
    assert places == [(slice(0, 3), slice(0, 2), [1, 0]), (slice(3, 4), slice(4, 6), [0])]


def test_repeated_entries_are_summed():
    matrix = sp.coo_matrix(([1.0, 2.0], ([0, 0], [1, 1])), shape=(2, 2))
    assert as_dense(SparseMatrix(matrix)).tolist() == [[0, 3], [0, 0]]


def test_adjacency_by_hand():
    """u0 meets i0, i1; u1 meets i1: degrees u 2 1, i 1 2; a repeated pair counts once."""
    pairs = sp.coo_matrix(([1, 1, 1, 1], ([0, 0, 1, 1], [0, 1, 1, 1])), shape=(2, 3))
    a = as_dense(norm_adjacency(pairs))
    assert a[0, 2].item() == pytest.approx(1 / sqrt(2 * 1))
    assert a[0, 3].item() == pytest.approx(1 / sqrt(2 * 2))
    assert not a[4].any()  # an item that nobody met
    assert torch.equal(a, a.T)


def test_self_loops_count_in_the_degree_and_alpha_weighs_the_source():
    pairs = sp.coo_matrix(([1], ([0], [0])), shape=(1, 2))
    a = as_dense(norm_adjacency(pairs, self_loop=True, alpha=0.1))
    assert a[0, 0].item() == pytest.approx(2**-0.5 * 2**-0.4)  # degree 2: the loop and one neighbour
    assert a[2, 2].item() == pytest.approx(1.0)  # an isolated node keeps itself
    b = as_dense(norm_adjacency(sp.coo_matrix(np.array([[1, 1]])), self_loop=True, alpha=0.1))
    assert b[0, 1].item() == pytest.approx(3**-0.5 * 2**-0.4)  # row = target u0, degree 3; column = source i0, degree 2
    assert b[1, 0].item() == pytest.approx(2**-0.5 * 3**-0.4)


def test_horner_form_is_the_mean_over_layers(rng):
    a = SparseMatrix(sp.random(6, 6, density=0.4, random_state=0))
    ego = torch.randn(6, 2)
    layers = [ego]
    for _ in range(3):
        layers.append(as_dense(a) @ layers[-1])
    assert torch.allclose(propagate_mean(a, ego, 3), torch.stack(layers).mean(0), atol=1e-6)
    assert torch.equal(propagate_mean(a, ego, 0), ego)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_feature_rows_project_alike(rng, kind):
    rows = rng.normal(size=(5, 4)).astype(np.float32)
    weight = torch.randn(4, 2)
    assert torch.allclose(FeatureRows(kind(rows))(weight), torch.from_numpy(rows) @ weight, atol=1e-6)


def test_concatenation_is_sparse_as_soon_as_one_part_is(rng):
    one, two = rng.normal(size=(3, 2)).astype(np.float32), sp.csr_matrix(np.eye(3, dtype=np.float32))
    assert isinstance(concatenate({"visual": one}), np.ndarray)
    assert np.allclose(concatenate({"visual": one, "textual": two}).toarray(), np.hstack([one, np.eye(3)]))
