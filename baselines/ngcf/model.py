"""NGCF: nonlinear propagation on the user-item graph, with two weight matrices per layer.

Wang, He, Wang, Feng, Chua. "Neural Graph Collaborative Filtering", SIGIR 2019, doi:10.1145/3331184.3331267.

With E the vectors of all nodes, L the normalised graph and S = L E the aggregated neighbours, one layer is

    variant="code"     LeakyReLU(S W1 + b1) + LeakyReLU((E * S) W2 + b2)       step
    variant="paper"    LeakyReLU((S + E) W1 + (E * S) W2)                      step
    final vector       E(0) and the outputs of all layers side by side         final
    score              inner product of the final vectors                      EmbeddingRecommender
    loss               BPR, and L2 on the final vectors of the batch           calculate_loss

E(0) is the table of trained id vectors, and BPR the Bayesian personalised ranking loss. The default follows the
authors' code, and the preset ``paper`` follows the paper. Where the code differs from the paper:
- L is D^-1 (A + I), where the self-loops count in the degrees D, and not D^-1/2 A D^-1/2 (``adj``); S then contains E
  itself, so that W2 also sees E * E;
- there are two LeakyReLUs instead of one (``variant``), and biases, initialised like 1 x n Xavier matrices (``bias``);
- the output of each layer is scaled to unit norm in the final vector, but not as the input of the next layer
  (``normalise``; "none" is how we read the paper, "propagated" is what RecBole does);
- the L2 penalty is on the final vectors of the batch, where the unit-norm parts only add a constant, and W and b have
  none; the paper penalises all parameters, and the preset ``paper`` the id vectors of the batch (``reg_on="layer0"``);
- node dropout drops entries of L (``edge_dropout``); it is off, as in the authors' commands.
Departures: -log sigmoid is computed as a softplus, which has the same value without overflow. The learning rate and
the batch size are the benchmark's.

Modalities: none.
Fusion: none; the outputs of the layers are concatenated.
Loss: mean BPR, and an L2 penalty on the final vectors of the batch (with ``reg_on="layer0"``, on its id vectors).
Parameters: N d for N users and items; a layer from width s to width t adds 2 (s + 1) t, or 2 s t without ``bias``.
Cost per step: A layer from width s to width t takes 2 E s + 2 N s t multiply-adds, with E training pairs, for the whole
    graph whatever the batch. The last layer maps only the nodes of the batch, at most 3 B of the N for B triples.
Checked: On a toy data set, vectors and scores equal values worked out by hand, to 2e-6, for three graphs, that of
    ``paper`` among them; so does the loss with the default graph. With the same weights, RecBole's NGCF gives the same
    scores (to 1e-5), loss (to 1e-6, relative) and gradients of the item vectors and of one W1 (to 1e-6). Vectors, loss
    and gradients equal those of a dense re-implementation, to 1e-6, for each ``adj``, ``variant`` and ``normalise``.
    The gradients on a graph of five nodes agree with finite differences. Without layers the model equals BPRMF, and
    where its layers are linear the last output is a power of the graph times E(0).
Quality: On Taobao under `paper` it ends 0.012 below BPRMF in N@10 (NDCG@10; both with seed 0). We tried an L2
    weight of 1e-2, which changes the validation N@10 by less than 0.001 in 30 epochs: the unit-norm parts of the
    default leave the penalty little to act on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.ngcf.bi_interaction import aggregate_and_take, bi_interaction, keep, margins
from bench.nn.graph import SparseMatrix, bipartite, norm_adjacency
from bench.nn.recommender import EmbeddingRecommender
from bench.nn.rows import normalize
from bench.spec import Share, Size, Weight, choice, log_uniform, uniform

SLOPE = 0.2  # of LeakyReLU below zero


class NGCF(EmbeddingRecommender):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of the id vectors
        layer_sizes: tuple[Size, ...] = choice((64,) * 3, among=((64,), (64,) * 2, (64,) * 3, (64,) * 4))  # widths
        reg_weight: Weight = log_uniform(1e-5, low=1e-5, high=1e-1)  # lambda, weight of the L2 penalty
        message_dropout: Share = uniform(0.1, low=0.0, high=0.8)  # share of a layer's outputs dropped
        edge_dropout: Share = 0.0  # share of the entries of L dropped
        adj: Literal["norm", "mean_plus_I", "mean", "plain", "sym"] = "norm"  # the graph L; the paper has sym
        variant: Literal["code", "paper"] = "code"  # the formula of a layer
        normalise: Literal["output", "propagated", "none"] = "output"  # where unit norms are taken
        bias: bool = True  # b1 and b2
        reg_on: Literal["final", "layer0"] = "final"  # the vectors that the L2 penalty covers

    training = {"sampling": "user"}  # as in the authors' code
    presets = {
        "default": {},
        "paper": {"adj": "sym", "variant": "paper", "normalise": "none", "bias": False, "reg_on": "layer0"},
    }

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h = self.hyper
        self.user_embedding = nn.Embedding(self.n_users, h.embedding_size)
        self.item_embedding = nn.Embedding(self.n_items, h.embedding_size)
        nn.init.xavier_uniform_(self.user_embedding.weight)
        nn.init.xavier_uniform_(self.item_embedding.weight)
        sizes = list(zip((h.embedding_size, *h.layer_sizes), h.layer_sizes, strict=False))
        self.sums = nn.ModuleList(linear(*size, bias=h.bias) for size in sizes)  # W1, b1
        self.products = nn.ModuleList(linear(*size, bias=h.bias) for size in sizes)  # W2, b2
        self.adjacency = laplacian(dataset.inter_matrix(form="coo"), h.adj)  # L, (node, node)

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        users, items = self.final().split([self.n_users, self.n_items])
        return users, items

    def final(self, nodes: Int[Tensor, " some"] | None = None) -> Float[Tensor, "some dim"]:
        """Final vectors of ``nodes``, or of all; the last layer computes only these, which gives the same result."""
        hidden = torch.cat([self.user_embedding.weight, self.item_embedding.weight])  # E(0), (node, dim)
        blocks, aggregate, last = [], self.aggregation(), len(self.sums) - 1
        for k in range(len(self.sums)):
            neighbours, block = aggregate(hidden, nodes, only=k == last)
            blocks.append(block)
            hidden = self.step(k, neighbours, block if k == last else hidden)
            if self.hyper.normalise == "propagated":
                hidden = normalize(hidden)
        blocks.append(hidden if blocks else rows(hidden, nodes))
        if self.hyper.normalise == "output":
            blocks[1:] = [normalize(block) for block in blocks[1:]]
        return torch.cat(blocks, dim=1)

    def step(
        self, k: int, neighbours: Float[Tensor, "some dim"], own: Float[Tensor, "some dim"]
    ) -> Float[Tensor, "some out"]:
        w1, w2 = self.sums[k], self.products[k]
        rate = self.hyper.message_dropout if self.training else 0.0
        if self.hyper.variant == "code":
            return bi_interaction(neighbours, own, (w1, w2), slope=SLOPE, rate=rate)
        hidden = F.leaky_relu(w1(neighbours + own) + w2(neighbours * own), SLOPE)
        return dropout(hidden, rate) if rate else hidden

    def aggregation(self) -> Callable[..., tuple[Tensor, Tensor]]:
        """The function (x, nodes) -> (L x or its rows ``nodes``, x[nodes]); all layers share one edge dropout."""
        a, rate = self.adjacency, self.hyper.edge_dropout
        if not (self.training and rate):
            return partial(aggregate_and_take, a)
        values = F.dropout(a.forward_values, rate)
        places = {"offsets": a.forward_offsets, "include_last_offset": True}

        def aggregate(x, nodes=None, *, only=False):
            product = F.embedding_bag(a.forward_columns, x, mode="sum", per_sample_weights=values, **places)
            return rows(product, nodes) if only else product, rows(x, nodes)

        return aggregate

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        user, positive, negative = self.triple(interaction)  # (batch,) each
        nodes = torch.cat([user, self.n_users + positive, self.n_users + negative])
        nodes, place = nodes.unique(return_inverse=True)  # one dropout mask per node, however often it occurs
        final = self.final(nodes)
        ranking = F.softplus(-margins(final, place)).mean()  # BPR
        width = self.hyper.embedding_size if self.hyper.reg_on == "layer0" else final.shape[1]
        squares = final[:, :width].square().sum(1) @ place.bincount().to(final.dtype)  # counted with repeats
        return ranking + self.hyper.reg_weight * squares / 2 / len(user)


def rows(table: Float[Tensor, "row dim"], index: Int[Tensor, " some"] | None) -> Float[Tensor, "some dim"]:
    return table if index is None else F.embedding(index, table)


def dropout(x: Float[Tensor, "..."], rate: float) -> Float[Tensor, "..."]:
    kept, factor = keep(torch.empty_like(x), rate)
    return x * kept.mul_(factor)


def linear(n_in: int, n_out: int, *, bias: bool) -> nn.Linear:
    """A linear layer with Xavier initialisation, of the bias too, which is drawn like a 1 x n_out matrix."""
    layer = nn.Linear(n_in, n_out, bias=bias)
    nn.init.xavier_uniform_(layer.weight)
    if bias:
        nn.init.xavier_uniform_(layer.bias.detach().unsqueeze(0))
    return layer


def laplacian(interactions, kind: str) -> SparseMatrix:
    """The graph L that ``adj`` names.

    "plain" is the adjacency matrix A, "mean" D^-1 A, "mean_plus_I" D^-1 A + I, "norm" D^-1 (A + I) with the self-loops
    counted in D, and "sym" LightGCN's D^-1/2 A D^-1/2.
    """
    if kind == "sym":
        return norm_adjacency(interactions)
    a = bipartite(interactions)
    one = sp.identity(a.shape[0], dtype=np.float32, format="csr")
    if kind == "norm":
        a = a + one
    if kind != "plain":
        a = sp.diags(1 / np.maximum(np.asarray(a.sum(axis=1)).ravel(), 1)) @ a
    return SparseMatrix(a + one if kind == "mean_plus_I" else a)
