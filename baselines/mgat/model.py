"""MGAT: MMGCN's graph per modality, with neighbours weighted by a gated attention.

Tao, Wei, Wang, He, Huang, Chua. "MGAT: Multimodal Graph Attention Network for Recommendation", Information
Processing & Management 57(5), 102277, 2020.

    X0 = unit rows of [T ; tanh(F A + a)]                                    ModalityGraph.start
    r_ij = <z_i, LReLU(z_j)>, Z = X W, for each sender j of receiver i       Edges.attention
    a_ij = softmax over j of r_ij sigma(r_ij / sqrt(degree))                 Edges.gated, attention
    C    = unit rows of (sum_j a_ij z_j + beta), H = LReLU(C)                Layer
    X    = LReLU(H W3 + b3 + X'), X' = LReLU(X W2 + b2) + E_id               Layer
    score = <e_u, e_i>, e = mean over modalities of the layers side by side  node_rows
    loss  = BPR                                                              calculate_loss

T are the users' preferences for a modality, F the items' content rows, A and a the weight and bias of a projection, and
E_id the id vectors of all nodes, which the modalities share. BPR is the Bayesian personalised ranking loss.

Departures of the default from the authors' code, which the preset ``released`` follows:
- two layers are used, side by side, where the code returns before the second (``n_layers``; 0 is the same as 1);
- the gate divides by the degree of the receiver, as in the paper, where the code takes the sender's (``gate_degree``);
- the loss is the mean BPR with an L2 penalty, half the sum of squares of the batch's vectors divided by the batch size;
  the code sums base-2 logarithms and decays every weight (``loss``; that decay is a term of the loss here, which is the
  same under Adam);
- any modalities are accepted, where the code has three, and all but the visual one share a width, where the code gives
  sound 128 and text 100.
Of the gates in the paper only the inner product is here, as in the code. Attention dropout is off, as in the code,
which declares it. Under every preset, items are ranked with the vectors of the current weights, where the code ranks
with those of its last training step, computed before that step's update.

Modalities: all that the data set has, with a graph for each; at least one.
Fusion: the mean over modalities of their layers side by side; E_id enters every layer of each.
Loss: mean BPR; an L2 penalty on the batch's rows of E_id and on the preferences of its users. The latter acts on the
    lengths of the preferences, on which no score depends, because the model uses them as unit rows; it only changes how
    their directions learn. ``loss="released"`` sums base-2 logarithms over the batch and decays every
    weight instead.
Parameters: N d for E_id of N users and items; a modality of graph width c adds (U + F + 1) c, for U users and F content
    columns, and w^2 + w + 2 (w + 1) d per layer, whose input width w is c in the first layer and d after it.
Cost per step: A modality takes Z c multiply-adds for its Z stored entries of content, and 4 E w + N w (w + 2 d) per
    layer, with E training pairs, over the whole graph whatever the batch.
Checked: On a toy data set, attention, vectors, scores and losses equal values worked out by hand, to 1.5e-6, for both
    gates and both losses. Attention and its gradient equal those of a dense masked softmax, to 1e-12 and 1e-9. Vectors
    (to 1e-12) and gradients (to 1e-11) equal those of plain loops over neighbours. The gradient of each autograd
    function agrees with finite differences. A layer equals that of MMGCN with ``combine="add"`` where the attention is
    uniform and the aggregate C has no bias and keeps its norm. The decay of ``released`` gives the same weights as
    Adam's weight decay. The gradients of two runs are equal to the bit.
Quality: On Taobao under `paper`, where it has one modality, it is among the lowest rows: its N@10 (NDCG@10) is 0.256
    after ten epochs and at best 0.264, at epoch 30. On ml-100k (``clean``, ``quick``) it is the strongest baseline, in
    runs that drew their training pairs by user (``sampling="user"``). We tried nothing else.
"""

from dataclasses import dataclass
from math import log
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.mgat.edges import Edges
from bench.nn.features import FeatureRows
from bench.nn.losses import bpr, l2
from bench.nn.modality_graphs import ModalityGraph, ModalityGraphRecommender, pick, two_products
from bench.nn.rows import normalize
from bench.spec import Count, Share, Size, Weight, choice, log_uniform


class Layer(nn.Module):
    """One layer on the graph of one modality, from (node, width) to (node, size)."""

    def __init__(self, width: int, size: int, *, dropout: float):
        super().__init__()
        self.transform = nn.Parameter(nn.init.xavier_normal_(torch.empty(width, width)))  # W
        self.bias = nn.Parameter(torch.empty(width).uniform_(-(width**-0.5), width**-0.5))  # beta
        self.own = nn.Linear(width, size)  # W2, b2
        self.merge = nn.Linear(width, size)  # W3, b3
        nn.init.xavier_normal_(self.own.weight)
        nn.init.xavier_normal_(self.merge.weight)
        self.dropout = dropout

    def aggregate(self, z: Float[Tensor, "node width"], edges: Edges, nodes=None) -> Float[Tensor, "some width"]:
        """C, computed from Z = X W."""
        weight = F.dropout(edges.attention(z), self.dropout, self.training)
        return normalize(pick(edges.gather(weight, z), nodes) + self.bias)

    def forward(self, x: Float[Tensor, "node width"], ids, edges: Edges, nodes=None) -> Float[Tensor, "some dim"]:
        z, own = two_products(x, self.transform, self.own, nodes)
        hidden = F.leaky_relu(self.aggregate(z, edges, nodes))
        own = F.leaky_relu(own) + pick(ids, nodes)
        return F.leaky_relu(self.merge(hidden) + own)


class MGAT(ModalityGraphRecommender):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of E_id and of a layer's output
        visual_size: Size = 256  # c, width of X0 in the visual graph
        other_size: Size = 128  # c of every other graph
        n_layers: Count = choice(2, among=(1, 2, 3))  # layers of each graph
        reg_weight: Weight = log_uniform(1e-2, low=1e-6, high=1e-1)  # lambda, weight of L2 or of the decay
        gate_degree: Literal["receiver", "sender"] = "receiver"  # whose degree the gate divides by
        loss: Literal["batch", "released"] = "batch"  # see Loss
        attention_dropout: Share = 0.0  # share of the attention weights dropped in training

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
        self.modalities = self.make_graphs(dataset, self.make_graph)
        ids = nn.init.xavier_normal_(torch.empty(self.n_users + self.n_items, h.embedding_size))
        self.ids = nn.Parameter(ids)  # E_id
        self.edges = Edges(dataset.inter_matrix(form="coo"), gate_degree=h.gate_degree)

    def make_graph(self, features: FeatureRows, width: int) -> ModalityGraph:
        size, dropout = self.hyper.embedding_size, self.hyper.attention_dropout
        widths = [width] + [size] * (self.hyper.n_layers - 1)
        return ModalityGraph(
            features,
            self.n_users,
            width=width,
            layers=lambda: [Layer(w, size, dropout=dropout) for w in widths],
            squash=torch.tanh,
        )

    def node_rows(self, nodes=None) -> Float[Tensor, "some dim"]:
        def side_by_side(graph):
            *inner, last = graph(self.ids, self.edges, nodes)
            return torch.cat([*(pick(x, nodes) for x in inner), last], dim=1)

        return sum(side_by_side(graph) for graph in self.modalities.values()) / len(self.modalities)

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        nodes = self.batch_nodes(interaction)
        p, n = self.batch_scores(nodes)
        if self.hyper.loss == "released":
            decay = 0.5 * sum(w.square().sum() for w in self.parameters())
            return F.softplus(n - p).sum() / log(2) + self.hyper.reg_weight * decay
        users, *items = nodes.chunk(3)
        preferences = (m.preference[users] for m in self.modalities.values())
        return bpr(p, n) + self.hyper.reg_weight * l2(self.ids[users], *(self.ids[i] for i in items), *preferences)
