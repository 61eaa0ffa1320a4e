"""LATTICE: a graph of items learnt from their content, which smooths the ids of a collaborative model.

Zhang, Zhu, Liu, Wu, Wang, Wang. "Mining Latent Structures for Multimedia Recommendation", ACM MM 2021,
arXiv:2104.09036. Read beside the code of enoche/MMRec, commit e775373, and of CRIPAC-DIG/LATTICE, commit 1b72fe7; the
paper's text was not at hand.

    O_m = L(top-k of cos(X_m)), made once of the rows as given; L(W) = D^(-1/2) W D^(-1/2)    content_graph
    W_m = top-k of cos(X_m W_m + b_m), a = softmax(w)                                         item_graph
    S   = (1 - lambda) L(sum_m a_m W_m) + lambda sum_m a_m O_m                                item_graph
    E   = mean over l = 0..L of (D^(-1) (A + I))^l [P; Q]                                     propagate_mean
    e_u = E_u,  e_i = E_i + norm((S^n Q)_i),  score = <e_u, e_i>                              embed
    loss = BPR + L2                                                                           terms

S is made anew in the first batch of an epoch, the one batch whose gradient reaches X_m, W_m, b_m and w; the other
batches take it as it is. An evaluation makes its own, once.

Departures:
- the graphs are lists of neighbours with their weights, where the code holds (item, item) matrices: the same values and
  gradients, since an entry outside the top k has neither;
- L2 is divided by the length of the batch, where the code divides by the length that was asked for, also in the last,
  short batch of an epoch;
- the learning rate stays, where the code multiplies it by 0.96 in 50 epochs;
- in the batches without a gradient, Adam leaves the weights of the graph alone, where an optimiser that sees zeros
  would move them on by its momentum;
- an item without content has no neighbour, where the code divides by zero;
- the code's third backbone, NGCF, is left out.
``paper`` keeps the feature rows X_m as they are; the code, and the default, train them.

Modalities: all that the data set has; at least one.
Fusion: the modalities' graphs are added, weighed by a softmax that is learnt.
Loss: mean BPR; L2 on the batch's final vectors.
Parameters: N d + number of modalities; a modality of width F adds (F + 1) d, and I F where its rows train.
Cost per step: 2 L E d + 2 k M I d for the graphs of M modalities; an epoch adds I F d + I^2 d for each modality.
Checked: golden arrays of MMRec's code in the epoch's first batch and in a later one (graphs, vectors, scores, every
    term of the loss, every gradient); the graph and its gradients against dense matrices; worked toy; cosines do not
    see the length of a row; lambda = 1 leaves the projections without a gradient.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.nn.graph import SparseMatrix, bipartite, propagate_mean
from bench.nn.item_graphs import Graph, average, content_graph, cosines, symmetric
from bench.nn.knn import has_row, nearest
from bench.nn.losses import bpr_rows, l2
from bench.nn.recommender import EmbeddingRecommender
from bench.nn.rows import normalize
from bench.nn.tables import ContentProjection
from bench.spec import Count, NotApplicable, Part, Size, Weight, choice, log_uniform


class LATTICE(EmbeddingRecommender):
    presets = {"default": {}, "released": {}, "paper": {"train_features": False}, "mf": {"backbone": "mf"}}

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d
        backbone: Literal["lightgcn", "mf"] = "lightgcn"
        n_layers: Count = choice(2, among=(1, 2, 3))  # L, of the user-item graph
        n_item_layers: Count = choice(1, among=(1, 2))  # n, of the item graph
        n_neighbours: Size = choice(10, among=(5, 10, 20))  # k
        initial_weight: Part = choice(0.9, among=(0.5, 0.7, 0.9))  # lambda
        reg_weight: Weight = log_uniform(1e-5, low=1e-6, high=1e-1)
        train_features: bool = True

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h, rows = self.hyper, dataset.item_features
        if not rows:
            raise NotApplicable("LATTICE needs rows of item content, and the data set has none")
        self.user_embedding = nn.Embedding(self.n_users, h.embedding_size)  # P
        self.item_embedding = nn.Embedding(self.n_items, h.embedding_size)  # Q
        nn.init.xavier_uniform_(self.user_embedding.weight)
        nn.init.xavier_uniform_(self.item_embedding.weight)
        self.content = nn.ModuleDict(
            {m: ContentProjection(x, h.embedding_size, train_rows=h.train_features) for m, x in rows.items()}
        )
        self.modality_weight = nn.Parameter(torch.full((len(rows),), 0.5))  # w
        initial = [content_graph(x, h.n_neighbours) for x in rows.values()]
        constants = {
            "initial_near": torch.stack([near for near, _ in initial]),  # (modality, item, neighbour)
            "initial_weights": torch.stack([weights for _, weights in initial]),
            "known": torch.stack([torch.from_numpy(has_row(x)) for x in rows.values()]),  # (modality, item)
            "near": torch.empty(self.n_items, 0, dtype=torch.int64),  # S of the epoch, as lists
            "weights": torch.empty(self.n_items, 0),
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)
        self.is_stale = True
        self.adjacency = row_mean(dataset.inter_matrix(form="coo"))

    def before_epoch(self, epoch: int) -> None:
        self.is_stale = True

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        h, smooth = self.hyper, self.item_embedding.weight
        graph = self.epoch_graph() if self.training else self.item_graph()
        for _ in range(h.n_item_layers):
            smooth = average(*graph, smooth)
        ego = torch.cat([self.user_embedding.weight, self.item_embedding.weight])
        hidden = propagate_mean(self.adjacency, ego, h.n_layers) if h.backbone == "lightgcn" else ego
        users, items = hidden.split([self.n_users, self.n_items])
        return users, items + normalize(smooth)

    def epoch_graph(self) -> Graph:
        """S: with gradients at the first call in an epoch, without them until the next epoch starts."""
        if not self.is_stale:
            return self.near, self.weights
        near, weights = self.item_graph()
        self.near, self.weights, self.is_stale = near, weights.detach(), False
        return near, weights

    def item_graph(self) -> Graph:
        """S, neighbours and weights (item, 2 k for each modality); an item may stand in a list more than once."""
        share, k, mix = self.modality_weight.softmax(dim=0), self.hyper.n_neighbours, self.hyper.initial_weight
        lists, learnt = [], []
        for m, (content, known) in enumerate(zip(self.content.values(), self.known, strict=True)):
            unit = normalize(content()) * known.unsqueeze(1)
            near = nearest(unit.detach(), k)
            lists.append(near)
            learnt.append(share[m] * cosines(unit, near))
        near = torch.cat(lists, dim=1)
        weights = (1 - mix) * symmetric(near, torch.cat(learnt, dim=1))
        initial = [mix * share[m] * given for m, given in enumerate(self.initial_weights)]
        return torch.cat([near, *self.initial_near], dim=1), torch.cat([weights, *initial], dim=1)

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        return sum(self.terms(interaction).values())

    def terms(self, interaction) -> dict[str, Float[Tensor, ""]]:
        """The terms of the loss, which is their sum."""
        user, positive, negative = self.triple(interaction)  # (batch,) each
        users, items = self.embed()
        rows = users[user], items[positive], items[negative]
        return {
            "bpr": bpr_rows(users, items, user, positive, negative),
            "reg": self.hyper.reg_weight * l2(*rows),
        }


def row_mean(interactions) -> SparseMatrix:
    """D^(-1) (A + I): each node's mean over its neighbours and itself."""
    a = bipartite(interactions)
    a = a + sp.identity(a.shape[0], dtype=np.float32, format="csr")
    return SparseMatrix(sp.diags(1 / np.asarray(a.sum(axis=1)).ravel()) @ a)
