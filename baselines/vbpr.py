"""VBPR: matrix factorisation with a second user factor that meets a learnt projection of item content.

He, McAuley. "VBPR: Visual Bayesian Personalized Ranking from Implicit Feedback", AAAI 2016, arXiv:1510.01784.

    score = beta_i + <gamma_u, gamma_i> + <theta_u, E' f_i> + <beta', f_i>    embed
    loss  = BPR on score differences, L2 on the rows of the batch            calculate_loss

The global offset and the user bias of the paper cancel in the loss and in every ranking and are left out. Item
vectors are [gamma_i, E' f_i, beta_i + beta' f_i], user vectors [gamma_u, theta_u, 1], so one inner product is
the score.

Departures:
- content rows are scaled to unit norm unless ``feature_scale`` says otherwise; the authors divide by the largest value;
- L2 on positives and negatives alike, where the authors weigh negatives by a tenth (``negative_reg_factor``);
- E and beta' are regularised: free ones memorise the training pairs through a thousand entity columns (Taobao,
  ``paper``: best N@10 .170 at epoch 35 without, .249 and rising at epoch 60 with);
- where the data set has no visual rows, all its modalities are concatenated instead.

Modalities: visual where the data set has it, else all; ``modalities="all"`` takes all. At least one.
Fusion: the modalities side by side go through one linear map; its score is added to that of the ids.
Loss: mean BPR; L2 on the rows of the batch, and on E and beta' as wholes.
Parameters: U (d + k) + I (d + 1) + F (k + 1), k = ``content_size``.
Cost per step: Z (k + 1) for the content of the catalogue, whatever the batch, and B (d + k).
Checked: worked toy (projection, scores, loss, regulariser, gradients); loss and gradients against a loop over triples;
    BPRMF with an item bias where there is no content; rows shifted, rotated, dense or sparse; cold items; the number of
    parameters.
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
        embedding_size: Size = 64  # K, of gamma
        content_size: Size = 64  # K', of theta
        reg_weight: Weight = log_uniform(1e-2, low=1e-5, high=1e-1)  # lambda
        projection_reg_weight: Weight = log_uniform(1e-3, low=1e-5, high=1e-1)  # lambda_E, on E and beta'
        negative_reg_factor: Weight = 1.0
        modalities: Literal["visual", "all"] = "visual"
        feature_scale: Literal["row", "max", "none"] = "row"
        item_bias: bool = True
        visual_bias: bool = True

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
        content = self.content(weight)  # the catalogue once: [E' f, beta' f]
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
    """Content rows with unit norm ("row"), divided by the largest value ("max"), or as they are ("none")."""
    if how == "none":
        return rows
    if how == "max":
        return rows / (abs(rows).max() or 1)
    square = rows.multiply(rows) if sp.issparse(rows) else np.square(rows)
    norm = np.sqrt(np.asarray(square.sum(axis=1)).ravel())
    inverse = np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0).astype(np.float32)
    return sp.diags(inverse) @ rows if sp.issparse(rows) else rows * inverse[:, None]
