"""LATTICE: an item graph learnt from content, over which the item ids of a collaborative model are smoothed.

Zhang, Zhu, Liu, Wu, Wang, Wang. "Mining Latent Structures for Multimedia Recommendation", ACM MM 2021,
arXiv:2104.09036. We read the code of enoche/MMRec, commit e775373, and of CRIPAC-DIG/LATTICE, commit 1b72fe7; the text
of the paper was not at hand.

    O_m = L(top-k of cos(X_m)), made once of the rows as given; L(W) = D^(-1/2) W D^(-1/2)    content_graph
    W_m = top-k of cos(X_m W_m + b_m), a = softmax(w)                                         item_graph
    S   = (1 - lambda) L(sum_m a_m W_m) + lambda sum_m a_m O_m                                item_graph
    E   = mean over l = 0..L of (D^(-1) (A + I))^l [P; Q]                                     propagate_mean
    e_u = E_u,  e_i = E_i + norm((S^n Q)_i),  score = <e_u, e_i>                              embed
    loss = BPR + L2                                                                           terms

X_m are the content rows of modality m, P and Q the id vectors of users and items, A the user-item graph, and D always
holds the row sums of the matrix beside it. Inside the cosine, W_m and b_m are the weight and bias of a projection. BPR
is the Bayesian personalised ranking loss.

S is rebuilt in the first batch of every epoch, the only batch whose gradient reaches X_m, W_m, b_m and w; the other
batches use that S as a constant. An evaluation builds its own S, once.

Departures:
- negatives are drawn from all items of the data set, where MMRec's code, unlike the authors', leaves out those that are
  in no training pair;
- the graphs are stored as lists of neighbours with weights, where the code stores item-by-item matrices; values and
  gradients are the same, because an entry outside the top k has neither;
- the L2 penalty is divided by the actual length of the batch, where the code divides by the configured batch size, even
  in the shorter last batch of an epoch;
- sampler, learning rate and batch size are those of MMRec; the authors' code draws users, with a learning rate of 5e-4
  and batches of 1,024;
- the learning rate is constant, where the code lowers it by a factor of 0.96 over every 50 epochs;
- in batches without a gradient for the weights of the graph, Adam leaves them alone, where an optimiser that is given
  zeros would move them on by its momentum;
- of items with equal cosines, those of lower number are the neighbours, which matters on entities (docs/data.md);
- an item without content has no neighbour, where the code divides by zero;
- the code's third backbone, NGCF, is left out.
The preset ``paper`` keeps the content rows X_m fixed; the code, and our default, train them.

Modalities: all that the data set has; at least one.
Fusion: the item graphs of the modalities are added, weighted by a learnt softmax; with one modality w learns nothing.
Loss: mean BPR, and an L2 penalty on the batch's final vectors.
Parameters: N d for N users and items, and one weight for each modality; a modality of width F adds (F + 1) d, and I F
    more where its rows are trained, for I items.
Cost per step: 2 L E d multiply-adds for the user-item graph of E training pairs and 2 k M I d for each layer of the
    item graph of M modalities. An epoch adds I F d + I^2 d for each modality, to rebuild S.
Checked: Arrays recorded from runs of MMRec's code, in the first batch of an epoch (also with lambda = 0.2) and in a
    later one, are reproduced to within 1e-5 of each array's largest entry: the graphs, the vectors, the scores, every
    term of the loss and every gradient. The item graph and its gradients equal those of dense matrices. On a toy data
    set the vectors equal values worked out by hand. Rescaling the content rows does not change the graphs O_m; the bias
    b_m makes it change W_m. With lambda = 1 the projections get no gradient.
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
        embedding_size: Size = 64  # d, size of the vectors
        backbone: Literal["lightgcn", "mf"] = "lightgcn"  # mf (matrix factorisation): E = [P; Q]
        n_layers: Count = choice(2, among=(1, 2, 3))  # L, layers of the user-item graph
        n_item_layers: Count = choice(1, among=(1, 2))  # n, layers of the item graph
        n_neighbours: Size = choice(10, among=(5, 10, 20))  # k, neighbours of an item for each modality
        initial_weight: Part = choice(0.9, among=(0.5, 0.7, 0.9))  # lambda, share of the graphs O_m in S
        reg_weight: Weight = log_uniform(1e-5, low=1e-6, high=1e-1)  # of the L2 penalty
        train_features: bool = True  # train the content rows

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
            "near": torch.empty(self.n_items, 0, dtype=torch.int64),  # S of the current epoch, as lists of neighbours
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
        """S: rebuilt with gradients at the first call of an epoch; later calls return it as a constant."""
        if not self.is_stale:
            return self.near, self.weights
        near, weights = self.item_graph()
        self.near, self.weights, self.is_stale = near, weights.detach(), False
        return near, weights

    def item_graph(self) -> Graph:
        """S as neighbours and weights, both (item, 2 k M) for M modalities; a neighbour may occur more than once."""
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
        """The terms whose sum is the loss."""
        user, positive, negative = self.triple(interaction)  # (batch,) each
        users, items = self.embed()
        rows = users[user], items[positive], items[negative]
        return {
            "bpr": bpr_rows(users, items, user, positive, negative),
            "reg": self.hyper.reg_weight * l2(*rows),
        }


def row_mean(interactions) -> SparseMatrix:
    """D^(-1) (A + I): averages each node with its neighbours."""
    a = bipartite(interactions)
    a = a + sp.identity(a.shape[0], dtype=np.float32, format="csr")
    return SparseMatrix(sp.diags(1 / np.asarray(a.sum(axis=1)).ravel()) @ a)
