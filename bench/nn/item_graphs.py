"""Graphs of items whose content is alike: k neighbours a row, with weights that may carry gradients.

A graph is a pair of (item, k) matrices, the neighbours and their weights. Row = the item that receives.
"""

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from bench.nn.graph import SparseMatrix
from bench.nn.knn import nearest, unit_rows

Graph = tuple[Int[Tensor, "item neighbour"], Float[Tensor, "item neighbour"]]


def content_graph(rows, k: int) -> Graph:
    """The k nearest items by cosine, weighed by the cosine and normalised (``symmetric``).

    An item without content has no neighbour: all its weights are 0.

    Args:
        rows: (item, feat) array or SciPy sparse matrix.
    """
    near = nearest(rows, k)
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
