"""MGAT's gated attention over the edges of a graph."""

import warnings

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.exact import ExactFunction
from bench.nn.graph import bipartite


class Edges(nn.Module):
    """Both directions of every interaction, sorted by receiver, with exact attention over them.

    No array of size edge x dim is ever held: per-edge inner products, weighted sums and the softmax are three
    autograd functions whose backward passes use the same kernels, all of them deterministic.

    Args:
        interactions: (user, item) SciPy matrix.
        gate_degree: the node whose degree scales the gate, "receiver" or "sender".
    """

    def __init__(self, interactions, *, gate_degree: str):
        super().__init__()
        adjacency = bipartite(interactions)  # rows are receivers, columns are senders
        adjacency.sort_indices()
        degree = np.diff(adjacency.indptr)
        receiver = np.repeat(np.arange(len(degree)), degree)
        ids = sp.csr_matrix((np.arange(adjacency.nnz), adjacency.indices, adjacency.indptr), adjacency.shape)
        gated_by = receiver if gate_degree == "receiver" else adjacency.indices
        parts = {
            "sender": adjacency.indices.astype(np.int64),
            "receiver": receiver,
            "offsets": adjacency.indptr.astype(np.int64),  # where each receiver's edges start
            "reverse": ids.T.tocsr().data,  # for each edge j -> i, the position of the edge i -> j
            "degree": degree[gated_by].astype(np.float32),
        }
        for name, part in parts.items():
            self.register_buffer(name, torch.from_numpy(part), persistent=False)

    def attention(self, z: Float[Tensor, "node dim"]) -> Float[Tensor, " edge"]:
        """The weights of the senders; they add up to 1 at every receiver that has senders."""
        return _Softmax.apply(self.gated(_Dot.apply(z, F.leaky_relu(z), self)), self)

    def gated(self, affinity: Float[Tensor, " edge"]) -> Float[Tensor, " edge"]:
        return affinity * torch.sigmoid(affinity * self.degree.rsqrt())

    def gather(self, weight: Float[Tensor, " edge"], z: Float[Tensor, "node dim"]) -> Float[Tensor, "node dim"]:
        """The weighted sum of each receiver's senders, 0 without senders; differentiable in ``weight`` and ``z``."""
        return _Gather.apply(weight, z, self)

    def dot(self, at_receiver, at_sender) -> Float[Tensor, " edge"]:
        zeros, n = at_receiver.new_zeros(len(self.sender)), len(self.offsets) - 1
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
            edges = torch.sparse_csr_tensor(self.offsets, self.sender, zeros, (n, n), check_invariants=False)
        return torch.sparse.sampled_addmm(edges, at_receiver, at_sender.T, beta=0.0).values()

    def weighted_sum(self, weight, x) -> Float[Tensor, "node dim"]:
        return F.embedding_bag(
            self.sender, x, self.offsets, mode="sum", per_sample_weights=weight, include_last_offset=True
        )

    def segments(self, x, how: str) -> Float[Tensor, " edge"]:
        """The sum or maximum over the edges of a receiver, repeated for each of these edges."""
        return torch.segment_reduce(x, how, offsets=self.offsets, unsafe=True)[self.receiver]


class _Dot(ExactFunction):
    @staticmethod
    def forward(ctx, at_receiver, at_sender, edges):
        ctx.save_for_backward(at_receiver, at_sender)
        ctx.edges = edges
        return edges.dot(at_receiver, at_sender)

    @staticmethod
    def backward(ctx, grad):
        at_receiver, at_sender = ctx.saved_tensors
        to_sender = ctx.edges.weighted_sum(grad[ctx.edges.reverse], at_receiver)
        return ctx.edges.weighted_sum(grad.contiguous(), at_sender), to_sender, None


class _Gather(ExactFunction):
    @staticmethod
    def forward(ctx, weight, z, edges):
        ctx.save_for_backward(weight, z)
        ctx.edges = edges
        return edges.weighted_sum(weight, z)

    @staticmethod
    def backward(ctx, grad):
        weight, z = ctx.saved_tensors
        grad = grad.contiguous()
        return ctx.edges.dot(grad, z), ctx.edges.weighted_sum(weight[ctx.edges.reverse], grad), None


class _Softmax(ExactFunction):
    @staticmethod
    def forward(ctx, x, edges):
        weight = (x - edges.segments(x, "max")).exp()
        weight = weight / edges.segments(weight, "sum")
        ctx.save_for_backward(weight)
        ctx.edges = edges
        return weight

    @staticmethod
    def backward(ctx, grad):
        (weight,) = ctx.saved_tensors
        inner = weight * grad
        return inner - weight * ctx.edges.segments(inner, "sum"), None
