"""Constant sparse matrices, and graphs built from interactions."""

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.exact import ExactFunction

TILE = 2**16  # source rows of a tile; 64 wide they take 16 MiB, which many L3 caches hold


class SparseMatrix(nn.Module):
    """A constant sparse matrix A whose product ``A @ x`` is differentiable in the dense x.

    ``embedding_bag`` sums weighted rows several times faster than torch's CSR and COO products on a CPU and is
    deterministic. The backward pass needs the transpose, which is stored too, since A need not be symmetric. On a CPU,
    an x of more than two tiles of rows is multiplied tile by tile, so that the rows in use stay in the cache. This adds
    up the same products in another order than at once.

    Args:
        matrix: (rows, cols) of any SciPy format; repeated entries are summed.
    """

    def __init__(self, matrix):
        super().__init__()
        csr = sp.csr_matrix(matrix, dtype=np.float32)
        csr.sum_duplicates()
        self.shape = csr.shape
        for name, part in (("forward_", csr), ("backward_", csr.T.tocsr())):
            self.register_buffer(name + "columns", torch.from_numpy(part.indices.astype(np.int64)), persistent=False)
            self.register_buffer(name + "offsets", torch.from_numpy(part.indptr.astype(np.int64)), persistent=False)
            self.register_buffer(name + "values", torch.from_numpy(part.data.copy()), persistent=False)
        self.tiles = {}  # by direction, made by the first product that needs them

    @classmethod
    def symmetric(
        cls, columns: Int[Tensor, " entry"], offsets: Int[Tensor, " rows_and_one"], values: Float[Tensor, " entry"]
    ) -> "SparseMatrix":
        """Make a symmetric matrix from the parts of its CSR form, on their device and without waiting for it."""
        n = len(offsets) - 1
        out = cls(sp.csr_matrix((n, n)))
        for direction in ("forward_", "backward_"):
            for name, part in (("columns", columns), ("offsets", offsets), ("values", values)):
                setattr(out, direction + name, part)
        return out

    def forward(self, dense: Float[Tensor, "cols dim"]) -> Float[Tensor, "rows dim"]:
        return _Product.apply(dense, self)

    def product(self, dense: Float[Tensor, "cols dim"], direction: str) -> Float[Tensor, "rows dim"]:
        """Return A @ x for the direction "forward_", and A' @ x for "backward_"."""
        columns, offsets, values = (getattr(self, direction + part) for part in ("columns", "offsets", "values"))
        if not dense.is_cpu or len(dense) <= 2 * TILE:
            return weighted_bag(dense, columns, offsets, values)
        if direction not in self.tiles:
            parts = tuple(part.numpy() for part in (values, columns, offsets))
            self.tiles[direction] = list(tiles(sp.csr_matrix(parts, shape=(len(offsets) - 1, len(dense)))))
        out = dense.new_zeros(len(offsets) - 1, dense.shape[1])
        for rows, sources, *part in self.tiles[direction]:
            out[rows] += weighted_bag(dense[sources], *part)
        return out


def tiles(csr: sp.csr_matrix) -> Iterator[tuple[slice, slice, Tensor, Tensor, Tensor]]:
    """Cut a matrix after every ``TILE`` columns, and each tile to the span of its rows that have entries.

    Yields:
        The rows and columns of a tile, and its columns, offsets and values as ``weighted_bag`` takes them.
    """
    for start in range(0, csr.shape[1], TILE):
        sources = slice(start, start + TILE)
        part = csr[:, sources]
        filled = np.flatnonzero(np.diff(part.indptr))
        if len(filled):
            rows = slice(int(filled[0]), int(filled[-1]) + 1)
            part = part[rows]
            yield rows, sources, *map(torch.from_numpy, (part.indices, part.indptr, part.data))


class _Product(ExactFunction):
    @staticmethod
    def forward(ctx, dense, matrix):
        ctx.matrix = matrix
        return matrix.product(dense, "forward_")

    @staticmethod
    def backward(ctx, grad):
        return ctx.matrix.product(grad.contiguous(), "backward_"), None


def weighted_bag(dense, columns, offsets, values):
    """Return rows, of which row r is the sum of values[e] dense[columns[e]] over offsets[r] <= e < offsets[r + 1]."""
    return F.embedding_bag(columns, dense, offsets, mode="sum", per_sample_weights=values, include_last_offset=True)


def bipartite(interactions) -> sp.csr_matrix:
    """Return the (node, node) binary adjacency [[0, R], [R', 0]] of (user, item) interactions; repeats become 1."""
    r = sp.csr_matrix(interactions, dtype=np.float32)
    r.data[:] = 1.0
    return sp.bmat([[None, r], [r.T, None]], format="csr", dtype=np.float32)


def norm_adjacency(interactions, *, self_loop: bool = False, alpha: float = 0.0) -> SparseMatrix:
    """Return D^(-1/2) A D^(-(1/2-alpha)): row = target node, column = source node.

    Args:
        interactions: (user, item) SciPy matrix.
        self_loop: add the identity to A, which raises the degrees by 1.
        alpha: popularity exponent of the source node; 0 is the symmetric Laplacian of LightGCN.
    """
    a = bipartite(interactions)
    if self_loop:
        a = a + sp.identity(a.shape[0], dtype=np.float32, format="csr")
    degree = np.asarray(a.sum(axis=1)).ravel().astype(np.float64)
    return SparseMatrix(sp.diags(power(degree, -0.5)) @ a @ sp.diags(power(degree, -(0.5 - alpha))))


def power(degree: Float[np.ndarray, " node"], exponent: float) -> Float[np.ndarray, " node"]:
    """Return the degrees raised to the exponent, where a degree of 0 stays 0."""
    return np.power(degree, exponent, out=np.zeros_like(degree), where=degree > 0)


def propagate_mean(adjacency: SparseMatrix, ego: Float[Tensor, "node dim"], n_layers: int) -> Float[Tensor, "node dim"]:
    """Return the mean over k = 0..n_layers of A^k E, computed in Horner form: h <- E + A h."""
    hidden = ego
    for _ in range(n_layers):
        hidden = ego + adjacency(hidden)
    return hidden / (n_layers + 1)
