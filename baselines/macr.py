"""MACR: a recommender that learns how much of a click popularity and the user's activity explain, and takes it away.

Wei, Feng, Chen, Wu, Yi, He. "Model-Agnostic Counterfactual Reasoning for Eliminating Popularity Bias in Recommender
System", KDD 2021, arXiv:2010.15363. Written from the paper's equations and read beside the code of weitianxin/MACR,
commit b3b7bf1; equation numbers could not be checked.

    y_k = <u, i>, u and i the vectors of the backbone; y_i = <w, i>; y_u = <v, u>              backbone
    y_ui = y_k sigma(y_i) sigma(y_u)                                                           terms
    loss = BCE(y_ui) + alpha BCE(y_i) + beta BCE(y_u) + L2, on positives and negatives         terms
    score = (y_k - c) sigma(y_i) sigma(y_u): the total effect less the natural direct effect   embed

The score is one inner product: [sigma(y_u) u, -c sigma(y_u)] with [sigma(y_i) i, sigma(y_i)].

Departures:
- c is 1 unless asked for: a larger c takes more of the popularity away that our test sets have; ``released`` has the
  code's 40, reported on test sets in which all items are alike frequent, and ranks below Pop on ours;
- the code adds 1e-10 inside its logarithms, which here are softplus;
- L2 is divided by the length of the batch, where the code divides by the length that was asked for.

Modalities: none.
Fusion: none; the item's and the user's own scores gate the score of the pair.
Loss: binary cross-entropy of the gated score, of the item's own score and of the user's own score, one negative to a
    positive; L2 on the layer-0 rows of the batch.
Parameters: (N + 2) d.
Cost per step: 2 L E d with the LightGCN backbone; B d.
Checked: worked toy (gates, scores, every term of the loss); the loss against a loop over pairs; a larger c moves items
    with a high own score down; the ranking of the gated backbone where c is 0. No golden arrays.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.graph import norm_adjacency, propagate_mean
from bench.nn.losses import l2
from bench.nn.recommender import EmbeddingRecommender
from bench.spec import Count, Size, Weight, choice, log_uniform


class MACR(EmbeddingRecommender):
    presets = {
        "default": {},
        "lightgcn": {},
        "bprmf": {"backbone": "bprmf", "item_weight": 1e-3},
        "released": {"reference": 40.0},
    }
    training = {"sampling": "user"}  # as the authors' code

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d
        backbone: Literal["lightgcn", "bprmf"] = "lightgcn"
        n_layers: Count = choice(2, among=(1, 2, 3))  # L, of LightGCN
        item_weight: Weight = log_uniform(1e-2, low=1e-4, high=1.0)  # alpha
        user_weight: Weight = log_uniform(1e-3, low=1e-4, high=1.0)  # beta
        reg_weight: Weight = log_uniform(1e-5, low=1e-6, high=1e-1)
        reference: Weight = choice(1.0, among=(0.0, 1.0, 5.0, 20.0, 40.0))  # c, in the units of y_k

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h = self.hyper
        self.user_embedding = nn.Embedding(self.n_users, h.embedding_size)
        self.item_embedding = nn.Embedding(self.n_items, h.embedding_size)
        self.item_branch = nn.Parameter(torch.empty(h.embedding_size, 1))  # w
        self.user_branch = nn.Parameter(torch.empty(h.embedding_size, 1))  # v
        for parameter in self.parameters():
            nn.init.xavier_uniform_(parameter)
        if h.backbone == "lightgcn":
            self.adjacency = norm_adjacency(dataset.inter_matrix(form="coo"))

    def backbone(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        """The vectors of LightGCN or of matrix factorisation."""
        users, items = self.user_embedding.weight, self.item_embedding.weight
        if self.hyper.backbone == "bprmf":
            return users, items
        ego = torch.cat([users, items])
        users, items = propagate_mean(self.adjacency, ego, self.hyper.n_layers).split([self.n_users, self.n_items])
        return users, items

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        users, items = self.backbone()
        of_users, of_items = (users @ self.user_branch).sigmoid(), (items @ self.item_branch).sigmoid()
        return (
            torch.cat([of_users * users, -self.hyper.reference * of_users], dim=1),
            torch.cat([of_items * items, of_items], dim=1),
        )

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        return sum(self.terms(interaction).values())

    def terms(self, interaction) -> dict[str, Float[Tensor, ""]]:
        """The terms of the loss, which is their sum."""
        h = self.hyper
        user, positive, negative = self.triple(interaction)  # (batch,) each
        users, items = self.backbone()
        u, i, j = users[user], items[positive], items[negative]
        y_u, y_i, y_j = u @ self.user_branch, i @ self.item_branch, j @ self.item_branch  # (batch, 1) each
        s_i, s_j = (((u * x).sum(1, keepdim=True)) * y.sigmoid() * y_u.sigmoid() for x, y in ((i, y_i), (j, y_j)))
        ego = self.user_embedding(user), self.item_embedding(positive), self.item_embedding(negative)
        return {
            "pair": cross_entropy(s_i, s_j),
            "item": h.item_weight * cross_entropy(y_i, y_j),
            "user": h.user_weight * cross_entropy(y_u, y_u),
            "reg": h.reg_weight * l2(*ego),
        }


def cross_entropy(positive: Float[Tensor, "*batch"], negative: Float[Tensor, "*batch"]) -> Float[Tensor, ""]:
    """mean of -ln sigma(positive) - ln(1 - sigma(negative))."""
    return (F.softplus(-positive) + F.softplus(negative)).mean()
