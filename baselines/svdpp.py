"""SVD++: matrix factorisation whose user vector also holds the items of the user's history.

Koren. "Factorization Meets the Neighborhood: a Multifaceted Collaborative Filtering Model", KDD 2008,
doi:10.1145/1401890.1401944.

    user    z_u = p_u + c_u^(-1/2) sum over j in N_u of y_j, c_u = |N_u|    embed
    score   <q_i, z_u>, with b_i where item_bias is on                      EmbeddingRecommender
    loss    BPR; L2 on p_u, q_i, q_j and on every y of the history          calculate_loss

Departures: BPR with sampled negatives and Adam, where the paper fits ratings by squared error; global offset
and user bias then cancel, and the item bias is off unless asked for (preset ``paper``). The history is the
training items without repeats, where the paper adds items of unknown rating. As in the paper it includes the
item being fitted; ``exclude_target`` leaves that out in training, for the negative's score too, as FISM does.
``norm_exponent`` replaces the 1/2, ``tie_y`` makes y and q one table, and ``reg_y`` says which y the L2 sees:
all of the history, their normalised sum, those of the two items, or none.

Modalities: none.
Fusion: none; the history enters the user vector.
Loss: mean BPR; L2 on the rows of the batch and on the y that ``reg_y`` names, by default all of each user's history.
Parameters: (N + I) d; N d with ``tie_y``; I more with ``item_bias``.
Cost per step: E d for the sums of all histories, whatever the batch, and B d.
Checked: worked toy (scores, loss, gradient of y, the target left out); loss and gradients against a loop over
    histories for every switch; BPRMF where y is 0, an item model where p is 0 and y is q; users with equal or with no
    history, repeated pairs, a shift of y.
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
        embedding_size: Size = 64  # d
        reg_weight: Weight = log_uniform(1e-2, low=1e-5, high=1e-1)  # lambda
        norm_exponent: Weight = choice(0.5, among=(0.0, 0.5, 1.0))
        reg_y: Literal["history", "pooled", "batch_items", "none"] = "history"
        tie_y: bool = False
        exclude_target: bool = False
        item_bias: bool = False

    presets = {"default": {}, "paper": {"item_bias": True}}

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h = self.hyper
        self.user_embedding = nn.Embedding(self.n_users, h.embedding_size)  # p
        self.item_embedding = nn.Embedding(self.n_items, h.embedding_size)  # q
        # y, one vector more an item
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
        """The normalised sum of y over the history of each user."""
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
        # sum over the history of |y|^2: the same product on one column, its normalisation undone
        norms = self.history(y.weight.square().sum(1, keepdim=True))[user] * self.count[user] ** h.norm_exponent
        return l2(*rows) + 0.5 * norms.mean()
