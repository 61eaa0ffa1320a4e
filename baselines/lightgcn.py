"""LightGCN: linear propagation on the user-item graph.

He, Deng, Wang, Li, Zhang, Wang. "LightGCN: Simplifying and Powering Graph Convolution Network for
Recommendation", SIGIR 2020, doi:10.1145/3397271.3401063.

    Eq. (3)   one propagation step    propagate_mean
    Eq. (4)   mean over the layers    propagate_mean
    Eq. (5)   inner-product score     EmbeddingRecommender
    Eq. (15)  BPR loss                calculate_loss

Departures: L2 covers the layer-0 rows of the batch, halved and divided by the batch size, as in the authors'
code, not all of E(0); Xavier initialisation, as in the paper, where the authors' code draws from N(0, 0.1).
``self_loop`` and ``alpha`` give the base graph of MCLN: the loop counts in the degrees, and the source node's
exponent is -(1/2 - alpha).

Modalities: none.
Fusion: none.
Loss: mean BPR, and L2 on the layer-0 rows of the batch.
Parameters: N d.
Cost per step: 2 L E d for the whole graph, whatever the batch, and B d.
Checked: worked toy (graph, layers, scores, loss); RecBole's LightGCN with the same weights (scores, loss, gradients);
    vectors and gradients against the dense mean of powers; BPRMF where there are no layers; linearity, the fixed point
    of root degrees, relabelled nodes, separate components, how far one layer reaches.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.nn.graph import norm_adjacency, propagate_mean
from bench.nn.losses import bpr_rows, l2
from bench.nn.recommender import EmbeddingRecommender
from bench.spec import Count, Size, Weight, choice, log_uniform


class LightGCN(EmbeddingRecommender):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d
        n_layers: Count = choice(3, among=(1, 2, 3, 4, 5, 6))  # K
        reg_weight: Weight = log_uniform(1e-2, low=1e-6, high=1e-1)  # lambda
        self_loop: bool = False
        alpha: Weight = 0.0  # popularity exponent of the source node

    training = {"sampling": "user"}  # as the authors' code

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.user_embedding = nn.Embedding(self.n_users, self.hyper.embedding_size)
        self.item_embedding = nn.Embedding(self.n_items, self.hyper.embedding_size)
        nn.init.xavier_uniform_(self.user_embedding.weight)
        nn.init.xavier_uniform_(self.item_embedding.weight)
        self.adjacency = norm_adjacency(
            dataset.inter_matrix(form="coo"), self_loop=self.hyper.self_loop, alpha=self.hyper.alpha
        )

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        ego = torch.cat([self.user_embedding.weight, self.item_embedding.weight])  # E(0), (node, dim)
        users, items = propagate_mean(self.adjacency, ego, self.hyper.n_layers).split([self.n_users, self.n_items])
        return users, items

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        user, positive, negative = self.triple(interaction)  # (batch,) each
        users, items = self.embed()
        ranking = bpr_rows(users, items, user, positive, negative)
        ego = self.user_embedding(user), self.item_embedding(positive), self.item_embedding(negative)
        return ranking + self.hyper.reg_weight * l2(*ego)  # Eq. (15)
