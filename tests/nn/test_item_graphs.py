"""Item graphs as lists of neighbours against dense matrices, values and gradients."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from bench.nn import item_graphs
from bench.nn.item_graphs import average, content_graph, cosines, matrix, neighbours, symmetric
from bench.nn.knn import nearest
from tests.toy import as_dense


def dense_graph(rows, k):
    """D^(-1/2) W D^(-1/2) of the k largest cosines of each row, by dense operations."""
    unit = rows / rows.norm(dim=1, keepdim=True)
    like = unit @ unit.T
    top, place = like.topk(k, dim=1)
    w = torch.zeros_like(like).scatter(1, place, top)
    root = w.sum(1).rsqrt()
    return root[:, None] * w * root


def random_rows(n=60, width=9):
    return torch.randn(n, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 0.5


@pytest.mark.parametrize("store", [lambda x: x, sp.csr_matrix])
def test_content_graph_is_the_dense_one(store):
    rows = random_rows()
    near, weights = content_graph(store(rows.numpy().astype(np.float32)), 5)
    assert torch.allclose(as_dense(matrix(near, weights)).double(), dense_graph(rows, 5), atol=1e-5)


def test_gradients_are_those_of_the_dense_graph():
    rows, x = random_rows().requires_grad_(), random_rows(width=4).requires_grad_()
    unit = rows / rows.norm(dim=1, keepdim=True)
    near = nearest(unit.detach(), 5)
    ours = average(near, symmetric(near, cosines(unit, near)), x)
    theirs = dense_graph(rows, 5) @ x
    assert torch.allclose(ours, theirs)
    ours, theirs = (torch.autograd.grad(y.square().sum(), (rows, x), retain_graph=True) for y in (ours, theirs))
    assert all(torch.allclose(a, b) for a, b in zip(ours, theirs, strict=True))


def test_the_root_of_the_degrees_is_a_fixed_point():
    near, weights = content_graph(random_rows().numpy(), 5)
    unit = torch.nn.functional.normalize(random_rows())
    degree = cosines(unit, near).sum(1, keepdim=True).float()
    assert torch.allclose(average(near, weights, degree.sqrt()), degree.sqrt(), atol=1e-5)


def test_by_hand():
    """Cosines (1, .8), (1, .8), (1, .6): the third row's nearest is the second one, D = 1.8, 1.8, 1.6."""
    rows = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    graph = as_dense(matrix(*content_graph(rows, 2)))
    expected = [[1 / 1.8, 0.8 / 1.8, 0], [0.8 / 1.8, 1 / 1.8, 0], [0, 0.6 / (1.8 * 1.6) ** 0.5, 1 / 1.6]]
    assert torch.allclose(graph, torch.tensor(expected), atol=1e-6)


def test_an_item_without_content_has_no_neighbour_and_is_nobody_s():
    rows = random_rows(8).numpy()
    rows[3] = 0
    graph = as_dense(matrix(*content_graph(rows, 4)))
    assert not graph[3].any()
    assert not graph[:, 3].any()


def test_more_neighbours_than_items_count_once():
    rows = np.eye(3, dtype=np.float32) + 1
    graph = as_dense(matrix(*content_graph(rows, 3)))
    assert torch.allclose(as_dense(matrix(*content_graph(rows, 7))), graph)


@pytest.fixture
def computed(monkeypatch, tmp_path):
    """The neighbours of any catalogue are kept in a folder; the list has an entry for each time they are computed."""
    calls = []
    monkeypatch.setenv("MCLN_BENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(item_graphs, "LARGE", 0)
    monkeypatch.setattr(item_graphs, "nearest", lambda rows, k: calls.append(k) or nearest(rows, k))
    return calls


@pytest.mark.parametrize("store", [np.asarray, sp.csr_matrix])
def test_neighbours_are_computed_once_for_the_same_content(store, computed):
    rows = random_rows().numpy()
    first, again = neighbours(store(rows), 4), neighbours(store(rows.copy()), 4)
    assert torch.equal(first, again)
    assert computed == [4]
    rows[5] *= -1
    assert torch.equal(neighbours(store(rows), 4), nearest(store(rows), 4))
    assert neighbours(store(rows), 3).shape[1] == 3
    assert computed == [4, 4, 3]


def test_a_file_with_one_bit_changed_is_not_believed(computed, tmp_path):
    rows = random_rows().numpy()
    expected = neighbours(rows, 4)
    (stored,) = (tmp_path / "neighbours").iterdir()
    content = bytearray(stored.read_bytes())
    content[-8] ^= 1  # another neighbour of the last item
    stored.write_bytes(content)
    assert torch.equal(neighbours(rows, 4), expected)
    assert computed == [4, 4]


def test_a_broken_file_or_a_folder_that_cannot_be_written_costs_time_alone(computed, tmp_path):
    rows = random_rows().numpy()
    expected = neighbours(rows, 4)
    for stored in (tmp_path / "neighbours").iterdir():
        stored.write_bytes(b"broken")
    assert torch.equal(neighbours(rows, 4), expected)
    for stored in (tmp_path / "neighbours").iterdir():
        stored.unlink()
    (tmp_path / "neighbours").rmdir()
    (tmp_path / "neighbours").write_text("in the way")
    assert torch.equal(neighbours(rows, 4), expected)
    assert computed == [4, 4, 4]
