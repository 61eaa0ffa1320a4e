"""MGCN: content gates the item ids; the result is smoothed over similar items and weighted by user behaviour.

Yu, Tan, Lu, Bao. "Multi-View Graph Convolutional Network for Multimedia Recommendation", ACM MM 2023,
arXiv:2308.03588. We read the code of enoche/MMRec, commit e775373; the text of the paper was not at hand.

    q_m = Q * sigma(gate_m(X_m W_m + b_m))                                     modality_views
    C   = mean over l = 0..L of A^l [P; Q]                                     propagate_mean
    Z_m = [R z_m; z_m], z_m = S_m^n q_m, R = D_u^(-1/2) R D_i^(-1/2)           modality_views
    K   = sum_m beta_m Z_m, beta = softmax over m of query(Z_m)                views
    D   = (sum_m sigma(prefer_m(C)) * (Z_m - K) + K) / (number of modalities + 1)
    score = <u, i>, [u; i] = C + D                                             embed
    loss = BPR + lambda L2 + c [NCE(D_i, C_i) + NCE(D_u, C_u)]                 terms

P and Q are the id vectors of users and items, X_m the content rows of modality m, A the normalised user-item graph and
R its normalised user-item block. S_m is the graph of the k nearest items by content m, weighted by the cosine and
normalised. BPR is the Bayesian personalised ranking loss and NCE the contrastive loss InfoNCE.

Departures:
- negatives are drawn from all items of the data set, where MMRec's code leaves out those that are in no training pair;
- the L2 penalty is divided by the actual length of the batch, where the code divides by the configured batch size, even
  in the shorter last batch of an epoch;
- the learning rate is constant, where the code lowers it by a factor of 0.96 over every 50 epochs;
- of items with equal cosines, those of lower number are the neighbours, which matters on entities (docs/data.md);
- with one modality, as on Taobao, K is the view itself, so that query and prefer_m learn nothing and D = K / 2; the
  code needs images and texts;
- an item without content has no neighbour, where the code divides by zero.
The preset ``paper`` keeps the content rows X_m fixed; the code, and our default, train them, while the graphs that were
built from their first values stay.

Modalities: all that the data set has; at least one.
Fusion: attention over the views Z_m of the modalities gives their common part K; what each view adds to it is gated by
    the behaviour C of the user or item; the result is added to C.
Loss: mean BPR; an L2 penalty on the batch's final vectors; InfoNCE between content D and behaviour C, over the users
    and over the positive items of the batch.
Parameters: N d + d^2 + 2 d, for N users and items with vectors of size d; a modality of width F adds
    (F + 1) d + 2 (d^2 + d), and I F more where its rows are trained, for I items.
Cost per step: 2 L E d multiply-adds for the user-item graph of E training pairs; for each modality, I F d for its
    projection, (k I + E) d for its graphs and (I + 2 N) d^2 for gate, attention and preference; 2 B^2 d for InfoNCE in
    a batch of B.
Checked: Arrays recorded from a run of MMRec's code are reproduced to within 1e-4 of each array's largest entry: the
    graphs, the vectors, the scores, every term of the loss and every gradient. The gates and the fusion of the views
    equal values worked out by hand. The normalised item graphs leave the square roots of the degrees unchanged
    (tests/nn/test_item_graphs.py). InfoNCE of two equal orthonormal views equals its closed form
    (tests/nn/test_contrast.py). C equals the vectors of our LightGCN.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.nn.contrast import info_nce
from bench.nn.graph import norm_adjacency, propagate_mean
from bench.nn.item_graphs import content_graph, matrix
from bench.nn.losses import bpr_rows, l2
from bench.nn.recommender import EmbeddingRecommender
from bench.nn.tables import ContentProjection
from bench.nn.user_graphs import gather_items
from bench.spec import Count, NotApplicable, Rate, Size, Weight, choice, log_uniform


class MGCN(EmbeddingRecommender):
    presets = {"default": {}, "released": {}, "paper": {"train_features": False}}

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of the vectors
        n_layers: Count = choice(2, among=(1, 2, 3))  # L, layers of the user-item graph
        n_item_layers: Count = choice(1, among=(1, 2))  # n, layers of the item graphs
        n_neighbours: Size = choice(10, among=(5, 10, 20))  # k, neighbours of an item for each modality
        reg_weight: Weight = log_uniform(1e-4, low=1e-6, high=1e-1)  # lambda, weight of the L2 penalty
        contrast_weight: Weight = log_uniform(1e-2, low=1e-4, high=1.0)  # c, weight of InfoNCE
        temperature: Rate = choice(0.2, among=(0.1, 0.2, 0.5))  # of InfoNCE
        train_features: bool = True  # train the content rows

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h, rows = self.hyper, dataset.item_features
        if not rows:
            raise NotApplicable("MGCN needs rows of item content, and the data set has none")
        d = h.embedding_size
        self.user_embedding = nn.Embedding(self.n_users, d)  # P
        self.item_embedding = nn.Embedding(self.n_items, d)  # Q
        nn.init.xavier_uniform_(self.user_embedding.weight)
        nn.init.xavier_uniform_(self.item_embedding.weight)
        self.content = nn.ModuleDict({m: ContentProjection(x, d, train_rows=h.train_features) for m, x in rows.items()})
        self.gate = nn.ModuleDict({m: nn.Linear(d, d) for m in rows})
        self.prefer = nn.ModuleDict({m: nn.Linear(d, d) for m in rows})
        self.query = nn.Sequential(nn.Linear(d, d), nn.Tanh(), nn.Linear(d, 1, bias=False))
        self.item_graph = nn.ModuleDict({m: matrix(*content_graph(x, h.n_neighbours)) for m, x in rows.items()})  # S_m
        interactions = dataset.inter_matrix(form="coo")
        self.adjacency = norm_adjacency(interactions)
        self.gather = gather_items(interactions, by_user=0.5, by_item=0.5)  # R

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        behaviour, side = self.views()
        users, items = (behaviour + side).split([self.n_users, self.n_items])
        return users, items

    def views(self) -> tuple[Float[Tensor, "node dim"], Float[Tensor, "node dim"]]:
        """(C, D): the vectors of users and items from the interactions, and what content adds to them."""
        ego = torch.cat([self.user_embedding.weight, self.item_embedding.weight])
        behaviour = propagate_mean(self.adjacency, ego, self.hyper.n_layers)
        views = self.modality_views()
        share = torch.cat([self.query(view) for view in views.values()], dim=1).softmax(dim=1)  # beta
        common = sum(share[:, k : k + 1] * view for k, view in enumerate(views.values()))  # K
        specific = sum(self.prefer[m](behaviour).sigmoid() * (view - common) for m, view in views.items())
        return behaviour, (specific + common) / (len(views) + 1)

    def modality_views(self) -> dict[str, Float[Tensor, "node dim"]]:
        """Z_m: the item ids gated by a modality and smoothed over its graph; a user gets a sum over its items."""
        out = {}
        for modality, content in self.content.items():
            items = self.item_embedding.weight * self.gate[modality](content()).sigmoid()
            for _ in range(self.hyper.n_item_layers):
                items = self.item_graph[modality](items)
            out[modality] = torch.cat([self.gather(items), items])
        return out

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        return sum(self.terms(interaction).values())

    def terms(self, interaction) -> dict[str, Float[Tensor, ""]]:
        """The terms whose sum is the loss."""
        h = self.hyper
        user, positive, negative = self.triple(interaction)  # (batch,) each
        behaviour, side = self.views()
        users, items = (behaviour + side).split([self.n_users, self.n_items])
        node = self.n_users + positive
        return {
            "bpr": bpr_rows(users, items, user, positive, negative),
            "reg": h.reg_weight * l2(users[user], items[positive], items[negative]),
            "contrast_items": h.contrast_weight * info_nce(side[node], behaviour[node], temperature=h.temperature),
            "contrast_users": h.contrast_weight * info_nce(side[user], behaviour[user], temperature=h.temperature),
        }
