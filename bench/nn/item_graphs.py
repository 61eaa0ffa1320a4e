"""Graphs of items with similar content: k neighbours per item, with weights that may carry gradients.

A graph is a pair of (item, k) matrices, the neighbours and their weights. A row is the item that receives.
"""

import contextlib
import hashlib

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from bench.files import cache_folder, read_sealed, write_sealed
from bench.nn.graph import SparseMatrix
from bench.nn.knn import nearest, unit_rows
from bench.spec import BenchError

Graph = tuple[Int[Tensor, "item neighbour"], Float[Tensor, "item neighbour"]]

LARGE = 4096  # from this number of items on, neighbours are cached on disk
STORED = 1  # raised when the code finds other neighbours of the same rows


def neighbours(rows, k: int) -> Int[Tensor, "item neighbour"]:
    """Return ``nearest`` of frozen rows; for a large catalogue the neighbours are cached by the content of the rows.

    Args:
        rows: (item, feat) array or SciPy sparse matrix.
    """
    if rows.shape[0] < LARGE:
        return nearest(rows, k)
    path = cache_folder() / "neighbours" / f"{digest(rows)}-{k}"
    with contextlib.suppress(BenchError, OSError, ValueError):  # no file yet, or one that is not what was written
        stored = np.frombuffer(read_sealed(path, owner=path.name), dtype=np.int64)
        return torch.from_numpy(stored.reshape(rows.shape[0], k).copy())
    near = nearest(rows, k)
    with contextlib.suppress(OSError):  # a run does not need the cache
        write_sealed(path, near.numpy().tobytes(), owner=path.name)
    return near


def digest(rows) -> str:
    """Return a hash of the values of the rows, whatever file or class they are from."""
    parts = [rows.data, rows.indices, rows.indptr] if sp.issparse(rows) else [rows]
    content = hashlib.sha256(repr((STORED, rows.shape, rows.dtype.str)).encode())
    for part in parts:
        content.update(np.ascontiguousarray(part))
    return content.hexdigest()[:24]


def content_graph(rows, k: int) -> Graph:
    """Return the graph of the k nearest items by cosine, weighed by the cosine and normalised (``symmetric``).

    The weights of an item without content are all 0.

    Args:
        rows: (item, feat) array or SciPy sparse matrix.
    """
    near = neighbours(rows, k)
    unit, index = unit_rows(rows), near.numpy()
    columns = [row_products(unit, unit[index[:, j]]) for j in range(k)]
    weights = torch.from_numpy(np.stack(columns, axis=1).astype(np.float32))
    return near, symmetric(near, without_repeats(near, weights))


def row_products(a, b) -> np.ndarray:
    """Return the inner product of each row of ``a`` with the same row of ``b``."""
    products = a.multiply(b) if sp.issparse(a) else a * b
    return np.asarray(products.sum(axis=1)).ravel()


def cosines(unit: Float[Tensor, "item dim"], near: Int[Tensor, "item neighbour"]) -> Float[Tensor, "item neighbour"]:
    """Return the cosine of each item with each of its neighbours, differentiable in the ``unit`` rows."""
    return without_repeats(near, torch.linalg.vecdot(unit.unsqueeze(1), unit[near]))


def without_repeats(near: Int[Tensor, "item neighbour"], weights: Float[Tensor, "item neighbour"]):
    """Return ``weights`` with zeros where an item with too few neighbours is repeated in its list to fill it."""
    item = torch.arange(len(near), device=near.device).unsqueeze(1)
    repeated = near == item
    repeated[:, 0] = False  # ``nearest`` puts the item itself first
    return weights.masked_fill(repeated, 0.0)


def symmetric(near: Int[Tensor, "item neighbour"], weights: Float[Tensor, "item neighbour"]):
    """Return D^(-1/2) W D^(-1/2), where D has the row sums of W, on both sides; an item with a sum <= 0 gets zeros."""
    degree = weights.sum(1)
    is_positive = degree > 0
    root = torch.where(is_positive, degree, torch.ones_like(degree)).rsqrt() * is_positive
    return root.unsqueeze(1) * weights * root[near]


def average(
    near: Int[Tensor, "item neighbour"], weights, dense: Float[Tensor, "item dim"]
) -> Float[Tensor, "item dim"]:
    """Return W X, the weighted sum over each item's neighbours, differentiable in the weights and in X."""
    return F.embedding_bag(near, dense, mode="sum", per_sample_weights=weights)


def matrix(near: Int[Tensor, "item neighbour"], weights: Float[Tensor, "item neighbour"]) -> SparseMatrix:
    """Return the graph as a constant sparse matrix, for weights that do not train."""
    n, k = near.shape
    entries = weights.numpy().ravel(), (np.repeat(np.arange(n), k), near.numpy().ravel())
    return SparseMatrix(sp.csr_matrix(entries, shape=(n, n)))
