"""MMGCN: a user-item graph per modality, with content features on its items and learnt preferences on its users.

Wei, Wang, Nie, He, Hong, Chua. "MMGCN: Multi-modal Graph Convolution Network for Personalized Recommendation
of Micro-video", ACM MM 2019.

    X0 = unit rows of [T ; F A + a]                                 ModalityGraph.start
    H  = LReLU(mean over neighbours of X W1)                        Layer, aggregation
    X  = LReLU([H, X'] W3 + b3), X' = LReLU(X W2 + b2) + E_id       Layer, combination
    score = <e_u, e_i>, e = mean over modalities of the last X      node_rows
    loss  = BPR                                                     calculate_loss

T are the users' preferences for a modality, F the items' content rows, A and a the weight and bias of a projection, and
E_id the id vectors of all nodes, which the modalities share. BPR is the Bayesian personalised ranking loss.

Departures of the default from the authors' code, each with the setting that undoes it where there is one:
- the preferences T and the id vectors E_id are trained, where the code holds them in plain tensors that no optimiser
  sees (``frozen_ids``);
- ``n_layers`` has an effect, where the code always runs three layers; 0 is the same as 1;
- the L2 penalty is half the sum of squares of the batch's vectors, divided by the batch size (``loss``);
- every modality is projected, where the code keeps all but the visual one at their own width: with some thousand
  columns, W1 and T would not fit in memory;
- the weight decay of the 2019 code is a term of the loss, which is the same under Adam;
- items are ranked with the vectors of the current weights, where the code ranks with those of its last training step,
  computed before that step's update.
As in the code, modalities are averaged, where the paper adds them (``fusion``). Rows are normalised only at the start,
and there are no self-loops and no bias, which the code of 2019 had (``convolution``). The two parts of a layer, H and
X', are concatenated whatever the code's flag says (``combine``). The preset ``released2019`` follows the code of
2019, but gives sound the width 100 of text, where the code has 128.

Modalities: all that the data set has, with a graph for each; at least one.
Fusion: the mean of the modalities' last layers, or with ``fusion="sum"`` their sum; E_id enters every layer of each.
Loss: mean BPR; an L2 penalty on the batch's rows of E_id and on the preferences of its users. The latter acts on the
    lengths of the preferences, on which no score depends, because the model uses them as unit rows; it only changes how
    their directions learn. Instead of L2, ``loss="released"`` takes mean squares; ``loss="released2019"``
    sums base-2 logarithms over the batch and decays every weight. Frozen tables have neither L2 nor mean squares.
Parameters: N d for E_id of N users and items; a modality of graph width c adds (U + F + 1) c, for U users and F content
    columns, and w^2 + (2 w + d + 2) d per layer, whose input width w is c in the first layer and d after it. Frozen
    tables do not count.
Cost per step: A modality takes Z c multiply-adds for its Z stored entries of content, and 2 E w + N (w + d)^2 per
    layer, with E training pairs, over the whole graph whatever the batch.
Checked: On a toy data set, scores and losses equal values worked out by hand, to 1.5e-6: with one and two modalities,
    concatenated and added, with all three losses and with the convolution of 2019. Vectors (to 1e-12) and gradients (to
    1e-11) equal those of plain loops over neighbours, for mean and maximum. The regularisers equal values worked out by
    hand, and the decay of 2019 gives the same weights as Adam's weight decay. The order of the edges and repeated edges
    do not matter, and relabelled nodes get relabelled vectors. A content row affects exactly the nodes within
    ``n_layers`` steps. Giving the same modality twice leaves the vectors as they are under ``fusion="mean"`` and
    doubles them under ``fusion="sum"``.
Quality: On Taobao it ends below BPRMF; from epoch 20 on its curve swings by 0.01 in N@10 (NDCG@10) without a trend. We
    tried nothing else.
"""

from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.features import FeatureRows
from bench.nn.graph import SparseMatrix, bipartite
from bench.nn.losses import bpr, l2
from bench.nn.modality_graphs import ModalityGraph, ModalityGraphRecommender, hold, pick, two_products
from bench.nn.rows import normalize
from bench.spec import Count, Size, Weight, choice, log_uniform


class NeighbourMax(nn.Module):
    """The element-wise maximum over the neighbours of each node, and 0 for a node without neighbours."""

    def __init__(self, adjacency):
        super().__init__()
        for name, part in (("columns", adjacency.indices), ("offsets", adjacency.indptr)):
            self.register_buffer(name, torch.from_numpy(part.astype(np.int64)), persistent=False)

    def forward(self, x: Float[Tensor, "node dim"]) -> Float[Tensor, "node dim"]:
        return F.embedding_bag(self.columns, x, self.offsets, mode="max", include_last_offset=True)


def neighbourhood(interactions, *, aggregate: str, self_loop: bool) -> nn.Module:
    """A module that takes the mean or maximum over each node's neighbours; both are 0 without neighbours."""
    adjacency = bipartite(interactions)
    if self_loop:
        adjacency = (adjacency + sp.identity(adjacency.shape[0], dtype=np.float32)).tocsr()
    if aggregate == "max":
        return NeighbourMax(adjacency)
    degree = np.asarray(adjacency.sum(axis=1)).ravel()
    share = np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0)
    return SparseMatrix(sp.diags(share) @ adjacency)


class Layer(nn.Module):
    """One layer on the graph of one modality, from (node, width) to (node, size)."""

    def __init__(self, width: int, hyper, *, is_first: bool):
        super().__init__()
        size = hyper.embedding_size
        self.is_concatenated = hyper.combine == "concat"
        self.neighbour = nn.Parameter(nn.init.xavier_normal_(torch.empty(width, width)))  # W1
        self.own = nn.Linear(width, size)  # W2, b2
        self.merge = nn.Linear(width + size if self.is_concatenated else width, size)  # W3, b3
        for linear in (self.own, self.merge) if is_first else (self.own,):
            nn.init.xavier_normal_(linear.weight)
        self.bias = None
        if hyper.convolution == "released2019":
            self.bias = nn.Parameter(torch.empty(width).uniform_(-(width**-0.5), width**-0.5))

    def forward(self, x: Float[Tensor, "node width"], ids, neighbours, nodes=None) -> Float[Tensor, "some dim"]:
        hidden, own = two_products(x, self.neighbour, self.own, nodes)
        hidden = pick(neighbours(hidden), nodes)
        if self.bias is not None:
            hidden = normalize(hidden + self.bias)
        hidden = F.leaky_relu(hidden)
        own = F.leaky_relu(own)
        own = own if ids is None else own + pick(ids, nodes)
        if not self.is_concatenated:
            return F.leaky_relu(self.merge(hidden) + own)
        of_hidden, of_own = self.merge.weight.tensor_split([x.shape[1]], dim=1)  # avoids the copy [H, X']
        return F.leaky_relu(F.linear(hidden, of_hidden, self.merge.bias) + F.linear(own, of_own))


class MMGCN(ModalityGraphRecommender):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of E_id and of a layer's output
        visual_size: Size = 256  # c, width of X0 in the visual graph
        other_size: Size = 128  # c of every other graph
        n_layers: Count = choice(2, among=(1, 2, 3))  # layers of each graph
        reg_weight: Weight = log_uniform(1e-2, low=1e-6, high=1e-1)  # lambda, weight of L2 or what replaces it
        combine: Literal["concat", "add"] = "concat"  # how a layer joins H and X'
        aggregate: Literal["mean", "max"] = "mean"  # over the neighbours
        fusion: Literal["mean", "sum"] = "mean"  # over the modalities
        convolution: Literal["plain", "released2019"] = "plain"  # released2019: self-loops, bias, unit rows
        loss: Literal["batch", "released", "released2019"] = "batch"  # see Loss
        use_ids: bool = True  # E_id enters the layers
        frozen_ids: bool = False  # T and E_id keep their random initial values

    presets = {
        "default": {},
        "paper": {"fusion": "sum", "train_batch_size": 1024},
        "released": {
            "n_layers": 3,
            "frozen_ids": True,
            "loss": "released",
            "reg_weight": 0.1,
            "learning_rate": 5e-4,
            "train_batch_size": 1024,
        },
        "released2019": {
            "visual_size": 128,
            "other_size": 100,
            "frozen_ids": True,
            "convolution": "released2019",
            "loss": "released2019",
            "reg_weight": 0.1,
            "learning_rate": 5e-4,
            "train_batch_size": 1024,
        },
    }

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h = self.hyper
        self.modalities = self.make_graphs(dataset, self.make_graph)
        if h.use_ids:
            hold(self, "ids", self.n_users + self.n_items, h.embedding_size, frozen=h.frozen_ids)  # E_id
        else:
            self.ids = None
        self.neighbours = neighbourhood(
            dataset.inter_matrix(form="coo"), aggregate=h.aggregate, self_loop=h.convolution == "released2019"
        )

    def make_graph(self, features: FeatureRows, width: int) -> ModalityGraph:
        h = self.hyper
        widths = [width] + [h.embedding_size] * (h.n_layers - 1)
        return ModalityGraph(
            features,
            self.n_users,
            width=width,
            layers=lambda: [Layer(w, h, is_first=k == 0) for k, w in enumerate(widths)],
            frozen=h.frozen_ids,
        )

    def node_rows(self, nodes=None) -> Float[Tensor, "some dim"]:
        total = sum(graph(self.ids, self.neighbours, nodes)[-1] for graph in self.modalities.values())
        return total / len(self.modalities) if self.hyper.fusion == "mean" else total

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        nodes = self.batch_nodes(interaction)
        p, n = self.batch_scores(nodes)
        if self.hyper.loss == "released2019":
            decay = 0.5 * sum(w.square().sum() for w in self.parameters())
            return F.softplus(n - p).sum() / log(2) + self.hyper.reg_weight * decay
        if self.hyper.frozen_ids or self.hyper.reg_weight == 0:
            return bpr(p, n)
        return bpr(p, n) + self.hyper.reg_weight * self.regulariser(nodes)

    def regulariser(self, nodes) -> Float[Tensor, ""]:
        user = nodes.chunk(3)[0]
        ids = [self.ids[node] for node in nodes.chunk(3)] if self.hyper.use_ids else []
        if self.hyper.loss == "batch":
            return l2(*ids, *(m.preference[user] for m in self.modalities.values()))
        total = self.modalities["visual"].preference.square().mean() if "visual" in self.modalities else 0.0
        for rows, weight in zip(ids, (1.0, 0.5, 0.5), strict=False):  # means over 2 B rows, in which users occur twice
            total = total + weight * rows.square().mean()
        return torch.as_tensor(total)
