"""BM3: users, items and content learn to predict each other's vectors under dropout, without negative items.

Zhou, Zhou, Liu, Zeng, Miao, Wang, You, Jiang. "Bootstrap Latent Representations for Multi-modal Recommendation",
WWW 2023, arXiv:2207.05969. We read the code of enoche/MMRec, commit e775373; the text of the paper was not at hand.

    [U; E] = mean over l = 0..L of A^l [P; Q],  I = E + Q,  f_m = X_m W_m + b_m          views
    score  = <g(u), g(i)>, g one linear map, the predictor                               embed
    far(a, b) = 1 - mean over the batch of cos(g(a), drop(b)), drop(b) without gradient  terms
    loss   = far(u, i) + far(i, u) + w sum_m [far(f_m, i) + far(f_m, f_m)] + lambda REG  terms

A is the normalised user-item graph, P and Q are the id vectors of users and items, X_m the content rows of modality m,
and drop is dropout. REG is the Frobenius norm (not squared) of the whole matrix U plus that of I, divided by the number
of items.

Departures:
- the predictor, dropout and, where content rows train, the projections are applied to the rows of the batch alone,
  where the code applies them to all users and items; as in the code, a user or item that occurs several times in a
  batch has one dropout mask.
The preset ``paper`` keeps the content rows X_m fixed, where the code, and our default, train them. Its REG is the mean
over the batch of ||u||^2 + ||i||^2, with the weight 0.01, the smaller of the two published values of lambda: 0.1
shrinks the vectors until nothing is learnt. The predictor is one linear map, as in the code, whatever the paper means
by "MLP".

Modalities: all that the data set has; at least one.
Fusion: none in the score; in training each modality is drawn towards the item vectors and towards itself.
Loss: cosine distances between predicted vectors and target vectors under dropout, and the norms of all vectors. It uses
    no negative items.
Parameters: N d + d^2 + d, for N users and items with vectors of size d; a modality of width F adds (F + 1) d, and I F
    more where its rows are trained, for I items.
Cost per step: 2 L E d multiply-adds for the graph of E training pairs, 2 B d^2 for the B pairs of a batch, and for each
    modality B F d + B d^2, or I F d + B d^2 where its rows are fixed.
Checked: Arrays recorded from runs of MMRec's code, one with two modalities and one with the visual one alone, dropout
    masks included, are reproduced to within 1e-5 of each array's largest entry: the vectors, the scores, every term of
    the loss and every gradient. On a toy data set, vectors, a score and the terms of the loss equal values worked out
    by hand. No gradient passes through a target, the length of the predicting vectors does not change the distances,
    and equal users or items of a batch share one mask.
Quality: On Taobao, a sampled candidate has exactly the score of the test item in 993 cases under `paper` and in 1,189
    under `clean` (another item does in the full ranking in 1,009 and 1,192). The test item of all these cases, but for
    one in each full ranking, is in no training pair. As there are no negatives, REG alone changes the vectors of such
    items and shrinks them to 0, so that they all have one score. A tie counts against the test item
    (`docs/protocols.md`), which costs no N@10 (NDCG@10) here: these items are not among the first 10 in any order.
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

Kept = dict[str, Bool[Tensor, "batch dim"]]  # by "users", "items" and modality: the entries that dropout keeps


class BM3(EmbeddingRecommender):
    presets = {
        "default": {},
        "released": {},
        "paper": {"train_features": False, "regulariser": "squares", "reg_weight": 0.01},
    }
    n_negatives: ClassVar[int] = 0

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of the vectors
        n_layers: Count = choice(1, among=(1, 2))  # L, layers of the user-item graph
        drop_rate: Share = choice(0.5, among=(0.3, 0.5))  # share of the targets' entries dropped
        reg_weight: Weight = log_uniform(0.1, low=1e-4, high=1.0)  # lambda, weight of REG
        content_weight: Weight = choice(2.0, among=(0.5, 1.0, 2.0))  # w, weight of the content terms
        regulariser: Literal["norms", "squares"] = "norms"  # REG: norms of all vectors, or squares of the batch's
        train_features: bool = True  # train the content rows

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
        """(U, I): the vectors after the graph and before the predictor."""
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
        """The dropout masks of a batch's targets; rows of the same user or item share a mask."""
        same_user, same_item = last_place(user, self.n_users), last_place(item, self.n_items)
        places = {"users": same_user, "items": same_item} | dict.fromkeys(self.content, same_item)
        size = len(user), self.hyper.embedding_size
        return {k: (torch.rand(size, device=user.device) >= self.hyper.drop_rate)[p] for k, p in places.items()}

    def terms(self, user: Int[Tensor, " batch"], item: Int[Tensor, " batch"], kept: Kept) -> dict[str, Tensor]:
        """The terms whose sum is the loss."""
        h = self.hyper
        users, items = self.views()
        u, i = users[user], items[item]
        target = self.dropped(i, kept["items"])
        terms = {
            "users": distance(self.predictor(u), target),
            "items": distance(self.predictor(i), self.dropped(u, kept["users"])),
        }
        if h.regulariser == "norms":  # without the padding ids, row 0 of each table
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
        """A target vector: rows after dropout, rescaled to keep their mean, and without a gradient."""
        return rows.detach() * kept / (1 - self.hyper.drop_rate)


def distance(predicted: Float[Tensor, "batch dim"], target: Float[Tensor, "batch dim"]) -> Float[Tensor, ""]:
    return 1 - F.cosine_similarity(predicted, target, dim=1).mean()


def last_place(index: Int[Tensor, " batch"], size: int) -> Int[Tensor, " batch"]:
    """For each entry of ``index``, the last position with the same value; all values are below ``size``."""
    place = torch.arange(len(index), device=index.device)
    return index.new_zeros(size).scatter_reduce(0, index, place, "amax")[index]
