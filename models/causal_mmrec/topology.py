"""The interaction graph rebuilt from frozen content: belief in each edge, added edges, samples, and their mean."""

import math

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.graph import SparseMatrix
from bench.nn.knn import nearest, neighbour_graph
from bench.nn.pruning import draw_without_replacement
from models.causal_mmrec.edges import completions, support, two_nearest, weighted_graphs, z_scores


class Topology(nn.Module):
    """The item graph S = (1 - eta) S_raw + eta S_residual, and interactions weighted by how well content supports them.

    ``adjacency`` (node, node), ``mean`` (user, item) and ``item_graph`` (item, item) are the training graphs.
    ``evaluation`` returns the deterministic ones, rebuilt from the buffers.

    Args:
        interactions: (user, item) SciPy matrix of training pairs.
        near: (modality, item, k), each item's neighbours by raw content.
        shares: the weight of each modality.
        residual_weight: eta; with 0 there is no residual graph.
        n_added, added_weight: number and weight of the edges added to each user.
        drop_rate: share of the edges that a training graph leaves out.
        is_plain: all edges have the same belief and none is added, so that only the degrees decide the sampling.
        is_full: evaluate on the raw interactions.
    """

    def __init__(
        self,
        interactions,
        near: Int[Tensor, "modality item neighbour"],
        shares: list[float],
        *,
        residual_weight: float,
        n_added: int,
        added_weight: float,
        drop_rate: float,
        is_plain: bool,
        is_full: bool,
    ):
        super().__init__()
        met = sp.csr_matrix(interactions)
        met.sort_indices()
        user, item = met.nonzero()
        self.shape, self.shares, self.residual_weight = met.shape, shares, residual_weight
        self.added_weight, self.drop_rate = added_weight, drop_rate
        self.is_plain, self.is_full = is_plain, is_full or is_plain
        constants = {
            "user": torch.from_numpy(user).long(),
            "item": torch.from_numpy(item).long(),
            "near": near,
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)
        self.register_buffer("near_residual", near.clone() if residual_weight else near[:0].clone())
        self.register_buffer("belief", torch.full((len(user),), 0.5))  # pi, for each interaction
        self.register_buffer("added", torch.zeros(self.shape[0], 0 if is_plain else n_added, dtype=torch.int64))

    def rebuild(
        self, latents: Float[Tensor, "modality item dim"], residuals: Float[Tensor, "modality item dim"]
    ) -> None:
        """Compute the item graph, the belief in each interaction and the added ones, from nothing that is trained."""
        if self.residual_weight:
            k = self.near.shape[2]
            self.near_residual.copy_(torch.stack([nearest(r, k) for r in residuals]))
        graph = self.item_weights()
        self.item_graph = SparseMatrix(graph).to(self.user.device)
        if self.is_plain:
            return
        ends = self.user.cpu().numpy(), self.item.cpu().numpy()
        met = sp.csr_matrix((np.ones(len(ends[0])), ends), shape=self.shape)
        content = sum(two_nearest(F.normalize(y, dim=1), self.user, self.item) for y in latents)
        graphwise = torch.from_numpy(support(met, graph)).to(content)
        evidence = (z_scores(content) + z_scores(graphwise)) / math.sqrt(2)
        self.belief.copy_(evidence.sigmoid().clamp(0.05, 0.95))
        self.added.copy_(torch.from_numpy(completions(met, graph, self.added.shape[1])))

    def item_weights(self) -> sp.csr_matrix:
        """S; rows are items and columns their neighbours."""
        eta = self.residual_weight
        weights = [s * (1 - eta) for s in self.shares] + [s * eta for s in self.shares]
        lists = [*self.near, *self.near_residual]
        return neighbour_graph(lists, weights[: len(lists)])

    def sample(self) -> None:
        """Draw a training graph: edges with probability proportional to belief / sqrt(d_u d_i), plus the added ones."""
        degrees = torch.bincount(self.user)[self.user] * torch.bincount(self.item)[self.item]
        n_kept = math.floor((1 - self.drop_rate) * len(self.user))
        kept = draw_without_replacement(self.belief / degrees.sqrt(), n_kept).sort().values
        weight = torch.ones(n_kept, device=kept.device)
        self.adjacency, self.mean = self.graphs(kept, weight, self.added_weight)

    def graphs(self, kept: Int[Tensor, " kept"], weight: Float[Tensor, " kept"], added_weight: float):
        """(adjacency, mean) of the ``kept`` interactions and all added ones."""
        user, place = self.added.nonzero(as_tuple=True)
        more = torch.full((len(user),), added_weight, device=weight.device)
        ends = torch.cat([self.user[kept], user]), torch.cat([self.item[kept], self.added[user, place]])
        return weighted_graphs(*ends, torch.cat([weight, more]), self.shape)

    def raw(self) -> tuple[SparseMatrix, SparseMatrix]:
        """(adjacency, mean) of all interactions with weight 1 and no added ones."""
        return weighted_graphs(self.user, self.item, torch.ones_like(self.belief), self.shape)

    def evaluation(self) -> tuple[SparseMatrix, SparseMatrix, SparseMatrix]:
        """(adjacency, mean, item graph), weighted by belief; an added edge has ``added_weight`` of the mean."""
        item_graph = SparseMatrix(self.item_weights()).to(self.user.device)
        if self.is_full:
            return *self.raw(), item_graph
        every = torch.arange(len(self.user), device=self.user.device)
        return *self.graphs(every, self.belief, self.added_weight * float(self.belief.mean())), item_graph
