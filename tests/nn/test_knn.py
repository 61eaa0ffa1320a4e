"""Neighbour lists and their graph, against a plain sort."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from bench.nn.knn import nearest, neighbour_graph, unit_rows


def sorted_neighbours(rows, k):
    """The definition, item by item: itself, then by falling cosine, then by lower index."""
    unit = unit_rows(rows).astype(np.float64)
    out = []
    for i, row in enumerate(unit):
        order = sorted(
            (j for j in range(len(unit)) if unit[j].any()), key=lambda j: (j != i, -round(float(row @ unit[j]), 6), j)
        )
        out.append(order[:k] if row.any() else [i] * k)
    return out


@pytest.mark.parametrize("block", [3, 512])
@pytest.mark.parametrize("kind", ["dense", "sparse", "tensor"])
def test_against_a_plain_sort(rng, kind, block):
    rows = (rng.normal(size=(20, 6)) * (rng.random((20, 6)) < 0.5)).astype(np.float32)
    rows[[0, 7]] = 0
    given = {"dense": rows, "sparse": sp.csr_matrix(rows), "tensor": torch.from_numpy(rows)}[kind]
    assert nearest(given, 4, block=block).tolist() == sorted_neighbours(rows, 4)


def test_ties_go_to_the_lower_index():
    rows = np.array([[1, 0], [0, 1], [0, 1], [0, 2], [0, 1]], dtype=np.float32)
    assert nearest(rows, 3)[3].tolist() == [3, 1, 2]


def test_rounding_does_not_decide_a_tie(rng):
    """Multiples of one row have cosine 1 up to rounding; the order must be that of the ids."""
    rows = rng.random((1, 9)).astype(np.float32) * np.array([1, 3, 7, 0.1, 11], dtype=np.float32)[:, None]
    assert nearest(rows, 5)[4].tolist() == [4, 0, 1, 2, 3]


def test_fewer_items_than_places():
    assert nearest(np.eye(2, dtype=np.float32), 4).tolist() == [[0, 1, 0, 0], [1, 0, 1, 1]]


def test_graph_rows_sum_to_the_weights(rng):
    rows = rng.normal(size=(12, 5)).astype(np.float32)
    near, other = nearest(rows, 4), nearest(rows[:, ::-1].copy() ** 2, 4)
    one = neighbour_graph([near], [1.0])
    assert np.allclose(one.toarray()[one.toarray() > 0], 1 / 4)  # k entries a row, all 1/k, one on the diagonal
    assert (np.diff(one.indptr) == 4).all()
    assert (one.diagonal() == 1 / 4).all()
    both = neighbour_graph([near, other], [0.1, 0.9])
    assert np.allclose(both.sum(axis=1), 1)
    assert (np.diff(both.indptr) <= 7).all()  # the item itself is in both


def test_bfloat16_around_it_does_not_change_the_neighbours(rng):
    """Rows with a large mean in common: rounded to 8 bits, their cosines would be equal."""
    rows = torch.from_numpy(rng.normal(size=(60, 8)).astype(np.float32) + 30)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = nearest(rows, 5)
    assert torch.equal(found, nearest(rows, 5))
    assert not torch.equal(found, nearest(rows.bfloat16(), 5))
