"""SVD++: matrix factorisation whose user vector also depends on the items that the user has interacted with.

Koren. "Factorization Meets the Neighborhood: a Multifaceted Collaborative Filtering Model", KDD 2008,
doi:10.1145/1401890.1401944.

    user    z_u = p_u + c_u^(-1/2) sum over j in N_u of y_j, c_u = |N_u|    embed
    score   <q_i, z_u>, with b_i where item_bias is on                      EmbeddingRecommender
    loss    BPR; L2 on p_u, q_i, q_j and on every y of the history          calculate_loss

N_u is the history: the user's training items, each counted once. BPR is the Bayesian personalised ranking loss.

Departures:
- training uses BPR with sampled negatives and Adam, where the paper fits ratings by squared error; under BPR the
  global offset and the user bias cancel, and the item bias is off unless it is asked for (preset ``paper``);
- the history is made of training items alone, where the paper adds items whose rating is unknown;
- as in the paper, the history includes the item being fitted; ``exclude_target`` leaves the positive item out of it in
  training, also when the negative item is scored, as FISM does;
- ``norm_exponent`` replaces the exponent 1/2 of c_u, ``tie_y`` uses one table for both y and q, and ``reg_y`` chooses
  which y the L2 penalty covers: those of the whole history, their normalised sum, those of the batch's two items, or
  none.

Modalities: none.
Fusion: none; the history enters the user vector.
Loss: mean BPR; an L2 penalty on the vectors of the batch and on the y that ``reg_y`` chooses, by default those of each
    user's whole history.
Parameters: (N + I) d, for N users and items together and I items; N d with ``tie_y``; I more with ``item_bias``.
Cost per step: E d multiply-adds to sum the histories of all users, with E training pairs and whatever the batch, and
    B d to score the B pairs of a batch.
Checked: On a toy data set, the scores, the loss, the gradient of y and the vectors with the target item left out equal
    values worked out by hand, to 2e-6. Loss (to 1e-6, relative) and gradients (to 1e-7) equal those of a plain loop
    over histories, for every value of every switch. The model equals BPRMF where y is 0, and an item-to-item model
    where p is 0 and y is q. Users with the same vector p and the same history have equal scores, a user without history
    keeps p alone, repeated training pairs change nothing, and adding a constant to every y moves a user by c_u^(1/2)
    times it (c_u to the power of 1 - ``norm_exponent``).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bench.nn.graph import SparseMatrix
from bench.nn.losses import bpr, l2
from bench.nn.recommender import EmbeddingRecommender
from bench.spec import Size, Weight, choice, log_uniform


class SVDPP(EmbeddingRecommender):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of the vectors
        reg_weight: Weight = log_uniform(1e-2, low=1e-5, high=1e-1)  # lambda, weight of the L2 penalty
        norm_exponent: Weight = choice(0.5, among=(0.0, 0.5, 1.0))  # the sum of y is divided by c_u to this power
        reg_y: Literal["history", "pooled", "batch_items", "none"] = "history"  # the y that the L2 penalty covers
        tie_y: bool = False  # y and q are one table
        exclude_target: bool = False  # leave the positive item out of the history in training
        item_bias: bool = False  # b, a bias of each item

    presets = {"default": {}, "paper": {"item_bias": True}}

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h = self.hyper
        self.user_embedding = nn.Embedding(self.n_users, h.embedding_size)  # p
        self.item_embedding = nn.Embedding(self.n_items, h.embedding_size)  # q
        # y, a second vector of each item
        self.implicit_embedding = self.item_embedding if h.tie_y else nn.Embedding(self.n_items, h.embedding_size)
        for table in (self.user_embedding, self.item_embedding, self.implicit_embedding):
            nn.init.xavier_uniform_(table.weight)
        if h.item_bias:
            self.item_bias = nn.Parameter(torch.zeros(self.n_items, 1))  # b
        met = sp.csr_matrix(dataset.inter_matrix(form="coo"), dtype=np.float32)
        met.data[:] = 1.0
        count = np.diff(met.indptr).astype(np.float32)
        self.register_buffer("count", torch.from_numpy(count).unsqueeze(1), persistent=False)  # c, (user, 1)
        self.history = SparseMatrix(sp.diags(np.maximum(count, 1) ** -h.norm_exponent) @ met)  # (user, item)

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        users = self.user_embedding.weight + self.history(self.implicit_embedding.weight)
        if not self.hyper.item_bias:
            return users, self.item_embedding.weight
        one = torch.ones_like(users[:, :1])
        return torch.cat([users, one], dim=1), torch.cat([self.item_embedding.weight, self.item_bias], dim=1)

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        user, positive, negative = self.triple(interaction)  # (batch,) each
        own, pooled = self.user_embedding(user), self.pooled(user, positive)
        i, j = self.item_embedding(positive), self.item_embedding(negative)
        z = own + pooled
        scores, rows = [(z * i).sum(-1), (z * j).sum(-1)], [own, i, j]
        if self.hyper.item_bias:
            bias = self.item_bias[positive], self.item_bias[negative]
            scores, rows = [s + b.squeeze(1) for s, b in zip(scores, bias, strict=True)], [*rows, *bias]
        return bpr(*scores) + self.hyper.reg_weight * self.regulariser(user, positive, negative, rows, pooled)

    def pooled(self, user: Int[Tensor, " batch"], positive: Int[Tensor, " batch"]) -> Float[Tensor, "batch dim"]:
        """The normalised sum of y over the history of each user, without the positive item under ``exclude_target``."""
        pooled = self.history(self.implicit_embedding.weight)[user]
        if not self.hyper.exclude_target:
            return pooled
        count, p = self.count[user], self.hyper.norm_exponent
        rest = pooled * count**p - self.implicit_embedding(positive)
        return rest * (count - 1).clamp(min=1) ** -p

    def regulariser(self, user, positive, negative, rows, pooled) -> Float[Tensor, ""]:
        h, y = self.hyper, self.implicit_embedding
        if h.reg_y == "pooled":
            rows = [*rows, pooled]
        if h.reg_y == "batch_items":
            rows = [*rows, y(positive), y(negative)]
        if h.reg_y != "history":
            return l2(*rows)
        # the sum of |y|^2 over the history: the same sparse product with a single column, its normalisation undone
        norms = self.history(y.weight.square().sum(1, keepdim=True))[user] * self.count[user] ** h.norm_exponent
        return l2(*rows) + 0.5 * norms.mean()
