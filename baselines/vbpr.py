"""VBPR: matrix factorisation with a second user vector that is matched with a learnt projection of item content.

He, McAuley. "VBPR: Visual Bayesian Personalized Ranking from Implicit Feedback", AAAI 2016, arXiv:1510.01784.

    score = beta_i + <gamma_u, gamma_i> + <theta_u, E' f_i> + <beta', f_i>    embed
    loss  = BPR on score differences, L2 on the vectors of the batch         calculate_loss

f_i is the content row of item i, and BPR the Bayesian personalised ranking loss. The paper's global offset and user
bias cancel in the loss and in every ranking, and are left out. With item vectors [gamma_i, E' f_i, beta_i + beta' f_i]
and user vectors [gamma_u, theta_u, 1] the score is a single inner product.

Departures:
- content rows are scaled to unit norm unless ``feature_scale`` says otherwise; the authors divide by the largest value;
- positive and negative items have the same L2 weight; the authors give negatives a tenth (``negative_reg_factor``);
- E and beta' are regularised: without that they memorise the training pairs where content has a thousand entity columns
  (on Taobao under the protocol ``paper``, with ``sampling="user"``, the best N@10, which is NDCG@10, is .170 at epoch
  35 without, and .249 and still rising at epoch 60 with it);
- where the data set has no visual rows, all its modalities are concatenated instead.

Modalities: visual where the data set has it, otherwise all; ``modalities="all"`` always takes all. It needs at least
    one.
Fusion: the modalities, side by side, go through one linear map, whose score is added to that of the ids.
Loss: mean BPR; an L2 penalty on the vectors of the batch, and one on the whole of E and beta'.
Parameters: U (d + k) + I (d + 1) + F (k + 1), for U users, I items and F content columns, with k = ``content_size``.
Cost per step: Z (k + 1) multiply-adds to project the content of all items, with Z stored entries and whatever the
    batch, and B (d + k) to score the B pairs of a batch.
Checked: On a toy data set, the projection, the scores, the loss, the regulariser and the gradients equal values worked
    out by hand, to 2e-6. Loss and gradients equal those of a plain loop over triples (user, positive item, negative
    item), to 1e-9. Where all content rows are zero the model equals BPRMF with an item bias. Adding a constant row to
    all content rows leaves the loss, the rankings and the gradients of the id vectors as they are; rotating the rows
    together with E and beta' leaves the scores. Dense and sparse rows give the same scores and gradients, to 1e-5. The
    id vector of an item without training pairs learns from its draws as a negative alone, and its content still gives
    users different scores. The number of parameters is the one stated.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.nn.features import FeatureRows, concatenate
from bench.nn.losses import bpr
from bench.nn.recommender import EmbeddingRecommender
from bench.spec import NotApplicable, Size, Weight, log_uniform


class VBPR(EmbeddingRecommender):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # K in the paper, d above: size of gamma
        content_size: Size = 64  # K' in the paper, k above: size of theta
        reg_weight: Weight = log_uniform(1e-2, low=1e-5, high=1e-1)  # lambda, L2 on the vectors of the batch
        projection_reg_weight: Weight = log_uniform(1e-3, low=1e-5, high=1e-1)  # lambda_E, L2 on E and beta'
        negative_reg_factor: Weight = 1.0  # times the L2 weight, for negative items
        modalities: Literal["visual", "all"] = "visual"  # visual rows where there are some, or all rows
        feature_scale: Literal["row", "max", "none"] = "row"  # unit norm, over the largest value, or as given
        item_bias: bool = True  # beta_i, a bias of each item
        visual_bias: bool = True  # beta', a bias from the content

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h = self.hyper
        rows = dataset.item_features
        if not rows:
            raise NotApplicable("VBPR needs rows of item content, and the data set has none")
        if h.modalities == "visual" and "visual" in rows:
            rows = {"visual": rows["visual"]}
        self.content = FeatureRows(scaled(concatenate(rows), h.feature_scale))  # f, (item, feat)
        self.user_embedding = nn.Embedding(self.n_users, h.embedding_size)  # gamma_u
        self.item_embedding = nn.Embedding(self.n_items, h.embedding_size)  # gamma_i
        self.user_content = nn.Embedding(self.n_users, h.content_size)  # theta_u
        self.projection = nn.Parameter(torch.empty(self.content.width, h.content_size))  # E
        for table in (self.user_embedding, self.item_embedding, self.user_content):
            nn.init.xavier_uniform_(table.weight)
        nn.init.xavier_uniform_(self.projection)
        if h.item_bias:
            self.item_bias = nn.Parameter(torch.zeros(self.n_items, 1))  # beta_i
        if h.visual_bias:
            self.visual_bias = nn.Parameter(torch.empty(self.content.width, 1))  # beta'
            nn.init.xavier_uniform_(self.visual_bias)

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        return self.users(), self.items()

    def users(self) -> Float[Tensor, "user dim"]:
        one = torch.ones(self.n_users, 1, device=self.projection.device)
        return torch.cat([self.user_embedding.weight, self.user_content.weight, one], dim=1)

    def items(self) -> Float[Tensor, "item dim"]:
        h = self.hyper
        weight = torch.cat([self.projection, self.visual_bias], dim=1) if h.visual_bias else self.projection
        content = self.content(weight)  # of all items at once: [E' f, beta' f]
        theta, bias = content[:, : h.content_size], content[:, h.content_size :].sum(1, keepdim=True)
        if h.item_bias:
            bias = bias + self.item_bias
        return torch.cat([self.item_embedding.weight, theta, bias], dim=1)

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        user, positive, negative = self.triple(interaction)  # (batch,) each
        gamma, theta, items = self.user_embedding(user), self.user_content(user), self.items()
        u = torch.cat([gamma, theta, torch.ones_like(gamma[:, :1])], dim=1)
        ranking = bpr((u * items[positive]).sum(-1), (u * items[negative]).sum(-1))
        return ranking + self.regulariser(user, positive, negative)

    def regulariser(self, user, positive, negative) -> Float[Tensor, ""]:
        h = self.hyper
        factor, size = h.negative_reg_factor, len(user)
        rows = self.user_embedding(user).square().sum() + self.user_content(user).square().sum()
        tables = [self.item_embedding.weight] + ([self.item_bias] if h.item_bias else [])
        for table in tables:
            rows = rows + table[positive].square().sum() + factor * table[negative].square().sum()
        shared = self.projection.square().sum()
        if h.visual_bias:
            shared = shared + self.visual_bias.square().sum()
        return 0.5 * (h.reg_weight * rows / size + h.projection_reg_weight * shared)


def scaled(rows, how: str):
    """Content rows scaled to unit norm ("row"), divided by the largest absolute value ("max"), or as given ("none")."""
    if how == "none":
        return rows
    if how == "max":
        return rows / (abs(rows).max() or 1)
    square = rows.multiply(rows) if sp.issparse(rows) else np.square(rows)
    norm = np.sqrt(np.asarray(square.sum(axis=1)).ravel())
    inverse = np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0).astype(np.float32)
    return sp.diags(inverse) @ rows if sp.issparse(rows) else rows * inverse[:, None]
