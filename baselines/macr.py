"""MACR: learns how far popularity and user activity alone explain an interaction, and removes that part in ranking.

Wei, Feng, Chen, Wu, Yi, He. "Model-Agnostic Counterfactual Reasoning for Eliminating Popularity Bias in Recommender
System", KDD 2021, arXiv:2010.15363. Written from the paper's equations and read beside the code of weitianxin/MACR,
commit b3b7bf1; equation numbers could not be checked.

    y_k = <u, i>, u and i the vectors of the backbone; y_i = <w, i>; y_u = <v, u>              backbone
    y_ui = y_k sigma(y_i) sigma(y_u)                                                           terms
    loss = BCE(y_ui) + alpha BCE(y_i) + beta BCE(y_u) + L2, on positives and negatives         terms
    score = (y_k - c) sigma(y_i) sigma(y_u): the total effect less the natural direct effect   embed

The backbone is LightGCN or matrix factorisation, and BCE is binary cross-entropy. The score is a single inner product,
of [sigma(y_u) u, -c sigma(y_u)] with [sigma(y_i) i, sigma(y_i)].

Departures:
- c is 1 unless another value is asked for, because a larger c removes more of the popularity that our test sets have;
  the preset ``released`` has the code's 40, which was reported on test sets where all items are equally frequent;
- the code adds 1e-10 inside its logarithms, which are computed as softplus here;
- the L2 penalty is divided by the actual length of the batch, where the code divides by the configured batch size.

Modalities: none.
Fusion: none; the sigmoids of the item's own score and of the user's own score multiply the score of the pair.
Loss: binary cross-entropy of the pair's score y_ui, of the item's own score and of the user's own score, with one
    negative item for each positive; an L2 penalty on the id vectors of the batch.
Parameters: (N + 2) d, for N users and items with vectors of size d.
Cost per step: 2 L E d multiply-adds with the LightGCN backbone, for L layers and E training pairs, and B d to score the
    B pairs of a batch.
Checked: On a toy data set, the scores and every term of the loss equal values worked out by hand, pair by pair. A
    larger c moves items with a high score of their own down the ranking, and where c is 0 the ranking is that of y_ui.
    The LightGCN backbone gives the vectors of our LightGCN. No arrays of the authors' code were recorded to compare
    with.
Quality: The default L2 is the code's, and weak on our data: on Taobao under `clean`, N@10 (NDCG@10) on validation among
    sampled items peaks at epoch 95 and falls from then on; among all items it peaks at epoch 190 and stays level.
    Search ``reg_weight`` before judging the model.
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
    training = {"sampling": "user"}  # as in the authors' code

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of the vectors
        backbone: Literal["lightgcn", "bprmf"] = "lightgcn"  # the model that gives u and i
        n_layers: Count = choice(2, among=(1, 2, 3))  # L, layers of the LightGCN backbone
        item_weight: Weight = log_uniform(1e-2, low=1e-4, high=1.0)  # alpha, weight of the item's own term
        user_weight: Weight = log_uniform(1e-3, low=1e-4, high=1.0)  # beta, weight of the user's own term
        reg_weight: Weight = log_uniform(1e-5, low=1e-6, high=1e-1)  # of the L2 penalty
        reference: Weight = choice(1.0, among=(0.0, 1.0, 5.0, 20.0, 40.0))  # c, subtracted from y_k in ranking

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
        """The vectors u and i of all users and items, by LightGCN or matrix factorisation."""
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
        """The terms whose sum is the loss."""
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
    """The mean of -ln sigma(positive) - ln(1 - sigma(negative))."""
    return (F.softplus(-positive) + F.softplus(negative)).mean()
