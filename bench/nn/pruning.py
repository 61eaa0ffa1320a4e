"""A user-item graph that loses other edges in every epoch, more likely those between popular nodes."""

import math

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bench.nn.graph import SparseMatrix


def draw_without_replacement(weight: Float[Tensor, " edge"], n: int) -> Int[Tensor, " kept"]:
    """Draw n distinct indices, one after another with probability proportional to ``weight``.

    Each index gets an exponential clock of rate ``weight``, and the first n that ring are distributed as such draws.
    There is no limit to the number of edges (``torch.multinomial`` takes at most 2**24).
    """
    clock = torch.empty_like(weight).exponential_() / weight
    return clock.topk(n, largest=False).indices


class DegreePruning(nn.Module):
    """A sampler that keeps floor(E (1 - rate)) of the E interactions, with probability ~ 1 / sqrt(d_user d_item).

    Args:
        interactions: (user, item) SciPy matrix; a repeated entry counts once.
        rate: share of the interactions left out, in [0, 1).
    """

    def __init__(self, interactions, rate: float):
        super().__init__()
        edges = sp.csr_matrix(interactions).tocoo()
        self.n_users, self.n_nodes = edges.shape[0], sum(edges.shape)
        self.n_kept = math.floor(edges.nnz * (1 - rate))
        user, item = torch.from_numpy(edges.row.astype(np.int64)), torch.from_numpy(edges.col.astype(np.int64))
        degrees = torch.bincount(user)[user] * torch.bincount(item)[item]
        for name, value in {"user": user, "item": item, "weight": degrees.float().rsqrt()}.items():
            self.register_buffer(name, value, persistent=False)

    def draw(self) -> SparseMatrix:
        """Return the (node, node) adjacency of a new sample, normalised by the degrees in that sample."""
        kept = draw_without_replacement(self.weight, self.n_kept)
        return self.adjacency(self.user[kept], self.item[kept])

    def adjacency(self, user: Int[Tensor, " kept"], item: Int[Tensor, " kept"]) -> SparseMatrix:
        """Return the normalised (node, node) adjacency of only these distinct interactions, made on their device."""
        n, item = self.n_nodes, item + self.n_users
        place = torch.cat([user * n + item, item * n + user]).sort().values  # row by row, both directions
        row, column = place // n, place % n
        offsets = torch.searchsorted(row, torch.arange(n + 1, device=row.device))
        root = offsets.diff().double().pow(-0.5)  # infinite for a node without edges, which no entry refers to
        return SparseMatrix.symmetric(column, offsets, (root[row] * root[column]).float())
