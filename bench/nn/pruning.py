"""A user-item graph thinned anew in every epoch, popular ends first."""

import math

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bench.nn.graph import SparseMatrix, norm_adjacency


def draw_without_replacement(weight: Float[Tensor, " edge"], n: int) -> Int[Tensor, " kept"]:
    """n distinct indices, drawn one after the other with probability proportional to ``weight``.

    Each index gets an exponential clock of rate ``weight``: the first n to ring are exactly such draws, for any
    number of edges (``torch.multinomial`` takes 2**24 at most).
    """
    clock = torch.empty_like(weight).exponential_() / weight
    return clock.topk(n, largest=False).indices


class DegreePruning(nn.Module):
    """Keeps floor(E (1 - rate)) of the E interactions, drawn with probability ~ 1 / sqrt(d_user d_item).

    Args:
        interactions: (user, item) SciPy matrix.
        rate: share of the interactions left out, in [0, 1).
    """

    def __init__(self, interactions, rate: float):
        super().__init__()
        edges = sp.coo_matrix(interactions)
        self.shape, self.n_kept = edges.shape, math.floor(edges.nnz * (1 - rate))
        self.register_buffer("user", torch.from_numpy(edges.row.astype(np.int64)), persistent=False)
        self.register_buffer("item", torch.from_numpy(edges.col.astype(np.int64)), persistent=False)

    def draw(self) -> SparseMatrix:
        """The normalised (node, node) adjacency of a fresh sample, by the degrees that the sample leaves."""
        by_user, by_item = torch.bincount(self.user), torch.bincount(self.item)
        weight = (by_user[self.user] * by_item[self.item]).float().rsqrt()
        kept = draw_without_replacement(weight, self.n_kept)
        return self.adjacency(self.user[kept], self.item[kept])

    def adjacency(self, user: Int[Tensor, " kept"], item: Int[Tensor, " kept"]) -> SparseMatrix:
        """The normalised (node, node) adjacency of these interactions alone."""
        ones = np.ones(len(user), dtype=np.float32)
        kept = sp.csr_matrix((ones, (user.cpu().numpy(), item.cpu().numpy())), shape=self.shape)
        return norm_adjacency(kept).to(self.user.device)
