"""FREEDOM: a frozen graph of items with similar content, and a user-item graph from which edges are dropped each epoch.

Zhou, Shen. "A Tale of Two Graphs: Freezing and Denoising Graph Structures for Multimodal Recommendation",
ACM MM 2023, arXiv:2211.06924. We read the code of enoche/MMRec, commit e775373; the text of the paper was not at hand.

    S   = sum_m alpha_m B_m / k, B_m the k nearest items by content m, the item itself among them    item_graph
    E   = mean over l = 0..L of A^l [P; Q], A thinned anew in every epoch, whole in evaluation       propagate_mean
    e_u = E_u,  e_i = E_i + (S^n Q)_i,  score = <e_u, e_i>                                           embed
    loss = BPR(e_u; e_i, e_j) + lambda sum_m BPR(e_u; m_i, m_j),  m = X_m W_m                        terms

A is the normalised user-item graph, P and Q are the id vectors of users and items, X_m the content rows of modality m.
BPR is the Bayesian personalised ranking loss of a user with a positive item i and a negative item j.

Departures:
- negatives are drawn from all items of the data set, where MMRec's code leaves out those that are in no training pair;
- the visual graph has the weight ``visual_weight`` and the other modalities share the rest equally, where the code
  knows two modalities;
- only the items of the batch are projected for the content terms of the loss, with the same loss and gradients;
  where the rows X_m are fixed (preset ``paper``), all items are projected, as in the code;
- the projections have no bias, because it cancels in the difference of two items' scores;
- of items with equal cosines, those of lower number are the neighbours, which matters on entities (docs/data.md);
- an item without content has itself as its only neighbour, where the code divides by zero.
The preset ``paper`` keeps the content rows X_m fixed; the code, and our default, train them, while the graph that was
built from their first values stays.

Modalities: all that the data set has; at least one.
Fusion: the item graphs of the modalities are added with weights; each modality has its own BPR term with the users.
Loss: mean BPR, and ``content_weight`` times the mean BPR of each modality; there is no L2 penalty.
Parameters: N d, for N users and items with vectors of size d; a modality of width F adds F d, and I F more where its
    rows are trained, for I items.
Cost per step: 2 L E (1 - ``drop_rate``) d multiply-adds for the user-item graph of E training pairs, up to n M k I d
    for the item graph of M modalities, and 2 B F d for each modality, with B triples in the batch, or Z d for Z
    stored entries where its rows are fixed.
Checked: Arrays recorded from runs of MMRec's code, one with two modalities and one with the visual one alone, are
    reproduced to within 1e-5 of each array's largest entry: the graphs, the thinned graph, the vectors, the scores,
    every term of the loss and every gradient. On a toy data set, the item graph, the vectors and the content term equal
    values worked out by hand. Without the item graph, the content terms and the dropping of edges the model equals
    LightGCN without L2, to 1e-6. Edges are dropped with the stated probabilities (tests/nn/test_pruning.py), and an
    evaluation does not depend on which were dropped.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.nn.graph import SparseMatrix, norm_adjacency, propagate_mean
from bench.nn.item_graphs import neighbours
from bench.nn.knn import neighbour_graph
from bench.nn.losses import bpr, bpr_rows
from bench.nn.pruning import DegreePruning
from bench.nn.recommender import EmbeddingRecommender
from bench.nn.tables import ContentProjection
from bench.spec import Count, NotApplicable, Part, Share, Size, Weight, choice, log_uniform


class FREEDOM(EmbeddingRecommender):
    presets = {"default": {}, "released": {}, "paper": {"train_features": False}}

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of the vectors
        n_layers: Count = choice(2, among=(1, 2, 3))  # L, layers of the user-item graph
        n_item_layers: Count = choice(1, among=(1, 2))  # n, layers of the item graph
        n_neighbours: Size = choice(10, among=(5, 10, 20))  # k, neighbours of an item for each modality
        visual_weight: Part = choice(0.1, among=(0.1, 0.5, 0.9))  # alpha_visual, share of the visual graph
        drop_rate: Share = choice(0.8, among=(0.8, 0.9, 0.5, 0.0))  # rho, share of training pairs dropped each epoch
        content_weight: Weight = log_uniform(1e-3, low=1e-5, high=1e-1)  # lambda, weight of the content terms
        train_features: bool = True  # train the content rows

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h, rows = self.hyper, dataset.item_features
        if not rows:
            raise NotApplicable("FREEDOM needs rows of item content, and the data set has none")
        self.user_embedding = nn.Embedding(self.n_users, h.embedding_size)  # P
        self.item_embedding = nn.Embedding(self.n_items, h.embedding_size)  # Q
        nn.init.xavier_uniform_(self.user_embedding.weight)
        nn.init.xavier_uniform_(self.item_embedding.weight)
        self.content = nn.ModuleDict(
            {
                m: ContentProjection(x, h.embedding_size, train_rows=h.train_features, bias=False)
                for m, x in rows.items()
            }
        )
        self.item_graph = item_graph(rows, k=h.n_neighbours, visual_weight=h.visual_weight)
        interactions = dataset.inter_matrix(form="coo")
        self.adjacency = norm_adjacency(interactions)
        self.thinned = self.adjacency  # until the first epoch begins
        self.pruning = DegreePruning(interactions, h.drop_rate)

    def before_epoch(self, epoch: int) -> None:
        if self.hyper.drop_rate:
            self.thinned = self.pruning.draw()

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        """The vectors of users and items, computed on the thinned graph in training mode."""
        h, own = self.hyper, self.item_embedding.weight
        ego = torch.cat([self.user_embedding.weight, own])
        adjacency = self.thinned if self.training else self.adjacency
        users, items = propagate_mean(adjacency, ego, h.n_layers).split([self.n_users, self.n_items])
        for _ in range(h.n_item_layers):
            own = self.item_graph(own)
        return users, items + own

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        return sum(self.terms(interaction).values())

    def terms(self, interaction) -> dict[str, Float[Tensor, ""]]:
        """The terms whose sum is the loss: one of the final vectors, and one for each modality."""
        user, positive, negative = self.triple(interaction)  # (batch,) each
        users, items = self.embed()
        terms = {"bpr": bpr_rows(users, items, user, positive, negative)}
        pair, u = torch.cat([positive, negative]), users[user]
        for modality, content in self.content.items():
            i, j = content(pair).chunk(2)
            terms[modality] = self.hyper.content_weight * bpr((u * i).sum(-1), (u * j).sum(-1))
        return terms


def item_graph(rows, *, k: int, visual_weight: float) -> SparseMatrix:
    """S: an entry of a modality's neighbour list counts its share alpha_m / k; each row adds up to 1."""
    others = [m for m in rows if m != "visual"]
    shares = {m: (1 - visual_weight) / len(others) for m in others} | {"visual": visual_weight}
    shares = shares if others and "visual" in rows else {m: 1 / len(rows) for m in rows}
    return SparseMatrix(neighbour_graph([neighbours(x, k) for x in rows.values()], [shares[m] for m in rows]))
