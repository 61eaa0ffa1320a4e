"""LightGCN: linear propagation on the user-item graph.

He, Deng, Wang, Li, Zhang, Wang. "LightGCN: Simplifying and Powering Graph Convolution Network for
Recommendation", SIGIR 2020, doi:10.1145/3397271.3401063.

    Eq. (3)   one propagation step    propagate_mean
    Eq. (4)   mean over the layers    propagate_mean
    Eq. (5)   inner-product score     EmbeddingRecommender
    Eq. (15)  BPR loss                calculate_loss

BPR is the Bayesian personalised ranking loss. Layer 0, written E(0), is the table of trained id vectors.

Departures: As in the authors' code, the L2 penalty covers the layer-0 vectors of the batch rather than all of E(0);
it is half the sum of their squares, divided by the batch size. Its weight is 1e-2 by default, where the commands of the
authors' README have 1e-4; the number of layers is theirs, 3. Initialisation is Xavier, as in the paper; the authors'
code draws from N(0, 0.1) in PyTorch and from N(0, 0.01) in TensorFlow. The settings ``self_loop`` and ``alpha``, which
LightGCN does not have, give the graph that MCLN builds on: a self-loop counts in the degrees, and the degree of the
source node of an edge has the exponent -(1/2 - alpha).

Modalities: none.
Fusion: none.
Loss: mean BPR, and an L2 penalty on the layer-0 vectors of the batch.
Parameters: N d, for N users and items with vectors of size d.
Cost per step: 2 L E d multiply-adds to propagate through L layers over the whole graph of E training pairs, whatever
    the batch, and B d to score the B pairs of a batch.
Checked: On a toy data set of two users and three items, the graph, the layers, the scores and the loss equal values
    worked out by hand, to 2e-6. With the same weights, RecBole's LightGCN gives the same scores (to 1e-5), loss (to
    1e-6, relative) and gradients (to 1e-7). Vectors and gradients equal those of a dense mean of powers of the
    adjacency matrix, to 1e-6. Without layers the model equals BPRMF. Vectors are linear in the id vectors. Id vectors
    proportional to the square roots of the degrees pass through the layers unchanged. Relabelling users and items
    permutes the scores. No gradient crosses between unconnected parts of the graph. With one layer, changing the vector
    of an item changes the vectors of its own users and of no other user.
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
        embedding_size: Size = 64  # d, size of the vectors
        n_layers: Count = choice(3, among=(1, 2, 3, 4, 5, 6))  # K in the paper, L above
        reg_weight: Weight = log_uniform(1e-2, low=1e-6, high=1e-1)  # lambda, weight of the L2 penalty
        self_loop: bool = False  # connect every node with itself
        alpha: Weight = 0.0  # the degree of the source node has the exponent -(1/2 - alpha)

    training = {"sampling": "user"}  # as in the authors' code

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
