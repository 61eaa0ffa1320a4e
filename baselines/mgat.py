"""MGAT: MMGCN's graphs, one a modality, whose neighbours are weighted by a gated attention.

Tao, Wei, Wang, He, Huang, Chua. "MGAT: Multimodal Graph Attention Network for Recommendation", Information
Processing & Management 57(5), 102277, 2020.

    X0 = unit rows of [T ; tanh(F A + a)]                                    Modality.start
    r_ij = <z_i, LReLU(z_j)>, Z = X W, for each sender j of receiver i       Edges.attention
    a_ij = softmax over j of r_ij sigma(r_ij / sqrt(degree))                 Edges.gated, attention
    C    = unit rows of (sum_j a_ij z_j + beta), H = LReLU(C)                Layer
    X    = LReLU(H W3 + b3 + X'), X' = LReLU(X W2 + b2) + E_id               Layer
    score = <e_u, e_i>, e = mean over modalities of the layers side by side  embed
    loss  = BPR                                                              calculate_loss

Departures of the default from the authors' code, which the preset ``released`` follows: two layers count,
side by side, where the code returns before the second (``n_layers``); the gate divides by the degree of the
receiver, as in the paper, where the code takes the sender's (``gate_degree``); the mean BPR with L2 on the
rows of the batch, halved and divided by the batch size, where the code sums base-2 logarithms and decays
every weight (``loss``; its decay is a term of the loss here, which is the same under Adam). Any modalities,
where the code has three; all but the visual one share a width, where the code gives sound 128 and text 100.
Of the paper's gates only the inner product is here, as in the code. Attention dropout is off, as in the
code, which declares it.

Modalities: all that the data set has, a graph each; at least one.
Fusion: the mean over modalities of their layers side by side; E_id enters every layer of each.
Loss: mean BPR; L2 on the E_id rows of the batch and on the preferences of its users, which cannot move what the model
    computes: it reads the preferences as unit rows. ``loss="released"``
    sums base-2 logarithms and decays every weight instead.
Parameters: N d for E_id; a modality of width c adds (U + F + 1) c, and w^2 + w + 2 (w + 1) d a layer, whose input
    width w is c in the first and d after it.
Cost a step: a modality takes Z c, and 4 E w + N w (w + 2 d) a layer; the whole graph, whatever the batch.
Checked: worked toy (attention, vectors, scores, both gates, both losses); attention and its gradient against a dense
    masked softmax; vectors and gradients against plain loops; gradcheck of each autograd function; MMGCN's layer
    where the attention is uniform and the aggregate keeps its norm; the decay of ``released`` against Adam's; two runs
    equal to the bit.
Quality: on Taobao, where it sees one modality, the lowest row after few epochs of gain; on ml-100k above all baselines.
    Nothing else tried.
"""

import warnings
from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.exact import ExactFunction
from bench.nn.features import FeatureRows
from bench.nn.graph import bipartite
from bench.nn.losses import bpr, l2
from bench.nn.recommender import EmbeddingRecommender
from bench.nn.rows import normalize
from bench.spec import Count, NotApplicable, Share, Size, Weight, choice, log_uniform


class Edges(nn.Module):
    """Both directions of every interaction, sorted by receiver, with exact attention over them.

    Nothing of size edge x dim is ever held: per-edge products, weighted sums and the softmax are three
    autograd functions whose backward passes are made of the same kernels, all deterministic.

    Args:
        interactions: (user, item) SciPy matrix.
        gate_degree: whose degree scales the gate, "receiver" or "sender".
    """

    def __init__(self, interactions, *, gate_degree: str):
        super().__init__()
        adjacency = bipartite(interactions)  # row = receiver, column = sender
        adjacency.sort_indices()
        degree = np.diff(adjacency.indptr)
        receiver = np.repeat(np.arange(len(degree)), degree)
        ids = sp.csr_matrix((np.arange(adjacency.nnz), adjacency.indices, adjacency.indptr), adjacency.shape)
        gated_by = receiver if gate_degree == "receiver" else adjacency.indices
        parts = {
            "sender": adjacency.indices.astype(np.int64),
            "receiver": receiver,
            "offsets": adjacency.indptr.astype(np.int64),  # where each receiver's edges start
            "reverse": ids.T.tocsr().data,  # the edge i -> j of each edge j -> i
            "degree": degree[gated_by].astype(np.float32),
        }
        for name, part in parts.items():
            self.register_buffer(name, torch.from_numpy(part), persistent=False)

    def attention(self, z: Float[Tensor, "node dim"]) -> Float[Tensor, " edge"]:
        """Weights of the senders, which add up to 1 at every receiver that has any."""
        return _Softmax.apply(self.gated(_Dot.apply(z, F.leaky_relu(z), self)), self)

    def gated(self, affinity: Float[Tensor, " edge"]) -> Float[Tensor, " edge"]:
        return affinity * torch.sigmoid(affinity * self.degree.rsqrt())

    def gather(self, weight: Float[Tensor, " edge"], z: Float[Tensor, "node dim"]) -> Float[Tensor, "node dim"]:
        """Weighted sum of the senders at each receiver, differentiable in both; 0 where there are none."""
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
        """The sum or maximum over a receiver's edges, given back to each of them."""
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


class Layer(nn.Module):
    """One step on the graph of one modality, from (node, width) to (node, size)."""

    def __init__(self, width: int, size: int, *, dropout: float):
        super().__init__()
        self.transform = nn.Parameter(nn.init.xavier_normal_(torch.empty(width, width)))  # W
        self.bias = nn.Parameter(torch.empty(width).uniform_(-(width**-0.5), width**-0.5))  # beta
        self.own = nn.Linear(width, size)  # W2, b2
        self.merge = nn.Linear(width, size)  # W3, b3
        nn.init.xavier_normal_(self.own.weight)
        nn.init.xavier_normal_(self.merge.weight)
        self.dropout = dropout

    def aggregate(self, x: Float[Tensor, "node width"], edges: Edges) -> Float[Tensor, "node width"]:
        z = x @ self.transform
        weight = F.dropout(edges.attention(z), self.dropout, self.training)
        return normalize(edges.gather(weight, z) + self.bias)

    def forward(self, x: Float[Tensor, "node width"], ids, edges: Edges) -> Float[Tensor, "node dim"]:
        hidden = F.leaky_relu(self.aggregate(x, edges))
        own = F.leaky_relu(self.own(x)) + ids
        return F.leaky_relu(self.merge(hidden) + own)


class Modality(nn.Module):
    """One modality: its projected features, the preferences of the users, its layers."""

    def __init__(self, features: FeatureRows, n_users: int, hyper, *, width: int):
        super().__init__()
        self.features = features
        self.project = nn.Linear(features.width, width)  # A, a
        self.preference = nn.Parameter(nn.init.xavier_normal_(torch.empty(n_users, width)))  # T
        size, dropout = hyper.embedding_size, hyper.attention_dropout
        widths = [width] + [size] * (hyper.n_layers - 1)
        self.layers = nn.ModuleList(Layer(w, size, dropout=dropout) for w in widths)

    def start(self) -> Float[Tensor, "node width"]:
        items = torch.tanh(self.features(self.project.weight.T.contiguous()) + self.project.bias)
        return normalize(torch.cat([self.preference, items]))

    def forward(self, ids, edges: Edges) -> Float[Tensor, "node dim"]:
        steps = [self.start()]
        for layer in self.layers:
            steps.append(layer(steps[-1], ids, edges))
        return torch.cat(steps[1:], dim=1)


class MGAT(EmbeddingRecommender):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # of E_id and of what a layer returns
        visual_size: Size = 256  # width of X0 on the visual graph
        other_size: Size = 128  # on every other one
        n_layers: Count = choice(2, among=(1, 2, 3))
        reg_weight: Weight = log_uniform(1e-2, low=1e-6, high=1e-1)  # lambda
        gate_degree: Literal["receiver", "sender"] = "receiver"
        loss: Literal["batch", "released"] = "batch"
        attention_dropout: Share = 0.0

    presets = {
        "default": {},
        "released": {
            "n_layers": 1,
            "gate_degree": "sender",
            "loss": "released",
            "reg_weight": 0.1,
            "learning_rate": 3e-5,
        },
    }

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h = self.hyper
        if not dataset.item_features:
            raise NotApplicable("MGAT has one graph a modality and the data set has no item features")
        self.modalities = nn.ModuleDict()
        for name in dataset.item_features:
            width = h.visual_size if name == "visual" else h.other_size
            self.modalities[name] = Modality(self.feature_rows(dataset, name), self.n_users, h, width=width)
        ids = nn.init.xavier_normal_(torch.empty(self.n_users + self.n_items, h.embedding_size))
        self.ids = nn.Parameter(ids)  # E_id
        self.edges = Edges(dataset.inter_matrix(form="coo"), gate_degree=h.gate_degree)

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        total = sum(modality(self.ids, self.edges) for modality in self.modalities.values())
        users, items = (total / len(self.modalities)).split([self.n_users, self.n_items])
        return users, items

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        user, positive, negative = self.triple(interaction)  # (batch,) each
        users, items = self.embed()
        u = users[user]
        p, n = (u * items[positive]).sum(-1), (u * items[negative]).sum(-1)
        if self.hyper.loss == "released":
            decay = 0.5 * sum(w.square().sum() for w in self.parameters())
            return F.softplus(n - p).sum() / log(2) + self.hyper.reg_weight * decay
        ids = self.ids[user], self.ids[positive + self.n_users], self.ids[negative + self.n_users]
        preferences = (m.preference[user] for m in self.modalities.values())
        return bpr(p, n) + self.hyper.reg_weight * l2(*ids, *preferences)
