"""Graphs of items whose content is alike: k neighbours a row, with weights that may carry gradients.

A graph is a pair of (item, k) matrices, the neighbours and their weights. Row = the item that receives.
"""

import contextlib
import hashlib

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from bench.files import cache_folder, write_whole
from bench.nn.graph import SparseMatrix
from bench.nn.knn import nearest, unit_rows

Graph = tuple[Int[Tensor, "item neighbour"], Float[Tensor, "item neighbour"]]

LARGE = 4096  # items; the neighbours of so many are kept on disk
STORED = 1  # raised when the same rows get other neighbours


def neighbours(rows, k: int) -> Int[Tensor, "item neighbour"]:
    """``nearest`` of frozen rows; for a large catalogue read from the cache folder, where its rows were seen before.

    Args:
        rows: (item, feat) array or SciPy sparse matrix.
    """
    if rows.shape[0] < LARGE:
        return nearest(rows, k)
    path = cache_folder() / "neighbours" / f"{digest(rows)}-{k}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):  # none yet, or a broken one
        stored = np.load(path, allow_pickle=False)
        if stored.shape == (rows.shape[0], k):
            return torch.from_numpy(stored)
    near = nearest(rows, k)
    with contextlib.suppress(OSError):  # a run can do without
        write_whole(path, lambda name: np.save(name, near.numpy()))
    return near


def digest(rows) -> str:
    """Hash of the values of the rows, whatever file or class they are from."""
    parts = [rows.data, rows.indices, rows.indptr] if sp.issparse(rows) else [rows]
    content = hashlib.sha256(repr((STORED, rows.shape, rows.dtype.str)).encode())
    for part in parts:
        content.update(np.ascontiguousarray(part))
    return content.hexdigest()[:24]


def content_graph(rows, k: int) -> Graph:
    """The k nearest items by cosine, weighed by the cosine and normalised (``symmetric``).

    An item without content has no neighbour: all its weights are 0.

    Args:
        rows: (item, feat) array or SciPy sparse matrix.
    """
    near = neighbours(rows, k)
    unit, index = unit_rows(rows), near.numpy()
    columns = [row_products(unit, unit[index[:, j]]) for j in range(k)]
    weights = torch.from_numpy(np.stack(columns, axis=1).astype(np.float32))
    return near, symmetric(near, without_repeats(near, weights))


def row_products(a, b) -> np.ndarray:
    """The inner product of each row of ``a`` with the same row of ``b``."""
    products = a.multiply(b) if sp.issparse(a) else a * b
    return np.asarray(products.sum(axis=1)).ravel()


def cosines(unit: Float[Tensor, "item dim"], near: Int[Tensor, "item neighbour"]) -> Float[Tensor, "item neighbour"]:
    """The cosine of each item with each of its neighbours, differentiable in the ``unit`` rows."""
    return without_repeats(near, torch.linalg.vecdot(unit.unsqueeze(1), unit[near]))


def without_repeats(near: Int[Tensor, "item neighbour"], weights: Float[Tensor, "item neighbour"]):
    """``weights``, zero where an item with too few neighbours fills its list with itself once more."""
    own = torch.arange(len(near), device=near.device).unsqueeze(1)
    repeated = near == own
    repeated[:, 0] = False  # ``nearest`` puts the item itself first
    return weights.masked_fill(repeated, 0.0)


def symmetric(near: Int[Tensor, "item neighbour"], weights: Float[Tensor, "item neighbour"]):
    """D^(-1/2) W D^(-1/2), D the sums of the rows of W on both sides; an item whose sum is not above 0 has no part."""
    degree = weights.sum(1)
    known = degree > 0
    root = torch.where(known, degree, torch.ones_like(degree)).rsqrt() * known
    return root.unsqueeze(1) * weights * root[near]


def average(
    near: Int[Tensor, "item neighbour"], weights, dense: Float[Tensor, "item dim"]
) -> Float[Tensor, "item dim"]:
    """W X: the weighted sum over each item's neighbours, differentiable in the weights and in X."""
    return F.embedding_bag(near, dense, mode="sum", per_sample_weights=weights)


def matrix(near: Int[Tensor, "item neighbour"], weights: Float[Tensor, "item neighbour"]) -> SparseMatrix:
    """The graph as a constant sparse matrix, for propagations whose weights stay."""
    n, k = near.shape
    entries = weights.numpy().ravel(), (np.repeat(np.arange(n), k), near.numpy().ravel())
    return SparseMatrix(sp.csr_matrix(entries, shape=(n, n)))
