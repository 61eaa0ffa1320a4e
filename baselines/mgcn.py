"""MGCN: content gates the ids, is smoothed over like items and bought ones, and is weighed by what a user does.

Yu, Tan, Lu, Bao. "Multi-View Graph Convolutional Network for Multimedia Recommendation", ACM MM 2023,
arXiv:2308.03588. Read beside the code of enoche/MMRec, commit e775373; the paper's text was not at hand.

    q_m = Q * sigma(gate_m(X_m W_m + b_m))                                     modality_views
    C   = mean over l = 0..L of A^l [P; Q]                                     propagate_mean
    Z_m = [R z_m; z_m], z_m = S_m^n q_m, R = D_u^(-1/2) R D_i^(-1/2)           modality_views
    K   = sum_m beta_m Z_m, beta = softmax over m of query(Z_m)                views
    D   = (sum_m sigma(prefer_m(C)) * (Z_m - K) + K) / (number of modalities + 1)
    score = <u, i>, [u; i] = C + D                                             embed
    loss = BPR + lambda L2 + c [NCE(D_i, C_i) + NCE(D_u, C_u)]                 terms

S_m is the graph of the k nearest items by content m, weighed by the cosine and normalised.

Departures:
- L2 is divided by the length of the batch, where the code divides by the length that was asked for, also in the last,
  short batch of an epoch;
- the learning rate stays, where the code multiplies it by 0.96 in 50 epochs;
- an item without content has no neighbour, where the code divides by zero.
``paper`` keeps the feature rows X_m as they are; the code, and the default, train them, while the graphs that were made
of them stay.

Modalities: all that the data set has; at least one.
Fusion: attention over the modalities' views gives what they share; what each adds is gated by the user's or item's
    behaviour; the sum joins the ids.
Loss: mean BPR; L2 on the batch's final vectors; InfoNCE between content and behaviour over the batch's users and
    positive items.
Parameters: N d + d^2 + 2 d; a modality of width F adds (F + 1) d + 2 (d^2 + d), and I F where its rows train.
Cost per step: 2 L E d for the graph; a modality takes I F d for its projection, (k I + E) d and 4 N d^2; B^2 d.
Checked: golden arrays of MMRec's code (graphs, vectors, scores, every term of the loss, every gradient); worked toy of
    gates and fuser; the root of the degrees is a fixed point of S; the contrast of orthonormal views by its formula.
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
        embedding_size: Size = 64  # d
        n_layers: Count = choice(2, among=(1, 2, 3))  # L, of the user-item graph
        n_item_layers: Count = choice(1, among=(1, 2))  # n, of the item graphs
        n_neighbours: Size = choice(10, among=(5, 10, 20))  # k
        reg_weight: Weight = log_uniform(1e-4, low=1e-6, high=1e-1)  # lambda
        contrast_weight: Weight = log_uniform(1e-2, low=1e-4, high=1.0)  # c
        temperature: Rate = choice(0.2, among=(0.1, 0.2, 0.5))
        train_features: bool = True

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
        """(C, D): what the interactions say of users and items, and what the content adds."""
        ego = torch.cat([self.user_embedding.weight, self.item_embedding.weight])
        behaviour = propagate_mean(self.adjacency, ego, self.hyper.n_layers)
        views = self.modality_views()
        share = torch.cat([self.query(view) for view in views.values()], dim=1).softmax(dim=1)  # beta
        common = sum(share[:, [k]] * view for k, view in enumerate(views.values()))  # K
        specific = sum(self.prefer[m](behaviour).sigmoid() * (view - common) for m, view in views.items())
        return behaviour, (specific + common) / (len(views) + 1)

    def modality_views(self) -> dict[str, Float[Tensor, "node dim"]]:
        """Z_m: the ids gated by a modality, smoothed over its graph; users gather those of their items."""
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
        """The terms of the loss, which is their sum."""
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
