"""BM3: users, items and content learn to foresee each other under dropout, without negatives.

Zhou, Zhou, Liu, Zeng, Miao, Wang, You, Jiang. "Bootstrap Latent Representations for Multi-modal Recommendation",
WWW 2023, arXiv:2207.05969. Read beside the code of enoche/MMRec, commit e775373; the paper's text was not at hand.

    [U; E] = mean over l = 0..L of A^l [P; Q],  I = E + Q,  f_m = X_m W_m + b_m          views
    score  = <g(u), g(i)>, g one linear map, the predictor                               embed
    far(a, b) = 1 - mean over the batch of cos(g(a), drop(b)), drop(b) without gradient  terms
    loss   = far(u, i) + far(i, u) + w sum_m [far(f_m, i) + far(f_m, f_m)] + lambda REG  terms

REG is the sum of the Frobenius norms, not squared, of U and I as wholes, divided by the number of items.

Departures:
- predictor, dropout and projection see the batch's rows alone, where the code takes those of all users and items; a
  user or item that stands in several rows of a batch keeps one dropout mask, as there.
``paper`` keeps the feature rows X_m as they are, where the code, and the default, train them. Its REG is the mean over
the batch of ||u||^2 + ||i||^2, weighed 0.01, the smaller of the two published lambdas: 0.1 shrinks the vectors until
nothing is learnt. The predictor is one linear map as in the code, whatever "MLP" means in the paper.

Modalities: all that the data set has; at least one.
Fusion: none in the score; each modality is drawn towards the items' vectors and towards itself.
Loss: cosine distances between predicted vectors and others under dropout; norms of all vectors. No negatives.
Parameters: N d + d^2 + d; a modality of width F adds (F + 1) d, and I F where its rows train.
Cost per step: 2 L E d for the graph, 2 B d^2, and for each modality B F d + B d^2, or I F d + B d^2 where its rows
    stay.
Checked: golden arrays of MMRec's code with two modalities and with one, masks recorded (vectors, scores, every term of
    the loss, every gradient); worked toy; no gradient through a target; an online vector's length does not matter; one
    mask for each user and item of a batch.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.graph import norm_adjacency, propagate_mean
from bench.nn.losses import l2
from bench.nn.recommender import EmbeddingRecommender
from bench.nn.tables import ContentProjection
from bench.spec import Count, NotApplicable, Share, Size, Weight, choice, log_uniform

Kept = dict[str, Bool[Tensor, "batch dim"]]  # "users", "items" and each modality: the entries that dropout leaves


class BM3(EmbeddingRecommender):
    presets = {
        "default": {},
        "released": {},
        "paper": {"train_features": False, "regulariser": "squares", "reg_weight": 0.01},
    }
    n_negatives: ClassVar[int] = 0

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d
        n_layers: Count = choice(1, among=(1, 2))  # L
        drop_rate: Share = choice(0.5, among=(0.3, 0.5))  # of the targets' entries
        reg_weight: Weight = log_uniform(0.1, low=1e-4, high=1.0)  # lambda
        content_weight: Weight = choice(2.0, among=(0.5, 1.0, 2.0))  # w
        regulariser: Literal["norms", "squares"] = "norms"  # of all vectors, or of the batch's
        train_features: bool = True

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h, rows = self.hyper, dataset.item_features
        if not rows:
            raise NotApplicable("BM3 needs rows of item content, and the data set has none")
        d = h.embedding_size
        self.user_embedding = nn.Embedding(self.n_users, d)  # P
        self.item_embedding = nn.Embedding(self.n_items, d)  # Q
        nn.init.xavier_uniform_(self.user_embedding.weight)
        nn.init.xavier_uniform_(self.item_embedding.weight)
        self.content = nn.ModuleDict({m: ContentProjection(x, d, train_rows=h.train_features) for m, x in rows.items()})
        self.predictor = nn.Linear(d, d)  # g
        for linear in (self.predictor, *(content.linear for content in self.content.values())):
            nn.init.xavier_normal_(linear.weight)
        self.adjacency = norm_adjacency(dataset.inter_matrix(form="coo"))

    def views(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        """(U, I): what the graph makes of the ids, before the predictor."""
        own = self.item_embedding.weight
        ego = torch.cat([self.user_embedding.weight, own])
        users, items = propagate_mean(self.adjacency, ego, self.hyper.n_layers).split([self.n_users, self.n_items])
        return users, items + own

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        users, items = self.views()
        return self.predictor(users), self.predictor(items)

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        user, item = interaction[self.USER_ID], interaction[self.ITEM_ID]  # (batch,) each
        return sum(self.terms(user, item, self.draw(user, item)).values())

    def draw(self, user: Int[Tensor, " batch"], item: Int[Tensor, " batch"]) -> Kept:
        """Dropout of a step's targets; rows of a batch that name the same user or item share a mask."""
        same_user, same_item = last_place(user, self.n_users), last_place(item, self.n_items)
        places = {"users": same_user, "items": same_item} | dict.fromkeys(self.content, same_item)
        size = len(user), self.hyper.embedding_size
        return {k: (torch.rand(size, device=user.device) >= self.hyper.drop_rate)[p] for k, p in places.items()}

    def terms(self, user: Int[Tensor, " batch"], item: Int[Tensor, " batch"], kept: Kept) -> dict[str, Tensor]:
        """The terms of the loss, which is their sum."""
        h = self.hyper
        users, items = self.views()
        u, i = users[user], items[item]
        target = self.dropped(i, kept["items"])
        terms = {
            "users": distance(self.predictor(u), target),
            "items": distance(self.predictor(i), self.dropped(u, kept["users"])),
        }
        if h.regulariser == "norms":  # the padding ids have no part in it
            norms = torch.linalg.vector_norm(users[1:]) + torch.linalg.vector_norm(items[1:])
            terms["reg"] = h.reg_weight * norms / (self.n_items - 1)
        else:
            terms["reg"] = h.reg_weight * 2 * l2(u, i)
        for modality, content in self.content.items():
            rows = content(item)
            predicted = self.predictor(rows)
            terms[f"inter_{modality}"] = h.content_weight * distance(predicted, target)
            terms[f"intra_{modality}"] = h.content_weight * distance(predicted, self.dropped(rows, kept[modality]))
        return terms

    def dropped(self, rows: Float[Tensor, "batch dim"], kept: Bool[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
        """A target: no gradient passes through it, and dropout keeps its mean."""
        return rows.detach() * kept / (1 - self.hyper.drop_rate)


def distance(predicted: Float[Tensor, "batch dim"], target: Float[Tensor, "batch dim"]) -> Float[Tensor, ""]:
    return 1 - F.cosine_similarity(predicted, target, dim=1).mean()


def last_place(index: Int[Tensor, " batch"], size: int) -> Int[Tensor, " batch"]:
    """For each entry of ``index``, all below ``size``, the last place that has the same value."""
    place = torch.arange(len(index), device=index.device)
    return index.new_zeros(size).scatter_reduce(0, index, place, "amax")[index]
