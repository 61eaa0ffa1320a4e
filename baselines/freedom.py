"""FREEDOM: a frozen graph of items with like content, and a user-item graph thinned in every epoch.

Zhou, Shen. "A Tale of Two Graphs: Freezing and Denoising Graph Structures for Multimodal Recommendation",
ACM MM 2023, arXiv:2211.06924. Read beside the code of enoche/MMRec, commit e775373; the paper's text was not at hand.

    S   = sum_m alpha_m B_m / k, B_m the k nearest items by content m, the item itself among them    item_graph
    E   = mean over l = 0..L of A^l [P; Q], A thinned anew in every epoch, whole in evaluation       propagate_mean
    e_u = E_u,  e_i = E_i + (S^n Q)_i,  score = <e_u, e_i>                                           embed
    loss = BPR(e_u; e_i, e_j) + lambda sum_m BPR(e_u; m_i, m_j),  m = X_m W_m                        terms

Departures:
- the visual graph weighs ``visual_weight`` and the other modalities share the rest, where the code knows two of them;
- only the batch's items are projected for the loss of the content, which is the same loss with the same gradients;
- the projections have no bias, which cancels in the difference of two items' scores;
- an item without content is its own only neighbour, where the code divides by zero.
``paper`` keeps the feature rows X_m as they are; the code, and the default, train them, while the graph that was made
of them stays.

Modalities: all that the data set has; at least one.
Fusion: the graphs of the modalities are added, weighted; each modality has a BPR term of its own against the users.
Loss: mean BPR, and ``content_weight`` times the mean BPR of each modality; no L2.
Parameters: N d; a modality of width F adds F d, and I F where its rows train.
Cost per step: 2 L E (1 - ``drop_rate``) d + 2 M k I d for the graphs, M modalities, and 2 B F d for each modality.
Checked: golden arrays of MMRec's code with two modalities and with one (graphs, thinned graph, vectors, scores, every
    term of the loss, every gradient); worked toy; LightGCN where the item graph and the content's loss are away; the
    chances of the draws; an evaluation does not depend on them.
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
        embedding_size: Size = 64  # d
        n_layers: Count = choice(2, among=(1, 2, 3))  # L, of the user-item graph
        n_item_layers: Count = choice(1, among=(1, 2))  # n, of the item graph
        n_neighbours: Size = choice(10, among=(5, 10, 20))  # k
        visual_weight: Part = choice(0.1, among=(0.1, 0.5, 0.9))  # alpha_visual
        drop_rate: Share = choice(0.8, among=(0.8, 0.9, 0.5, 0.0))  # rho, of the interactions in an epoch
        content_weight: Weight = log_uniform(1e-3, low=1e-5, high=1e-1)  # lambda
        train_features: bool = True

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
        self.thinned = self.adjacency  # until the first epoch
        self.pruning = DegreePruning(interactions, h.drop_rate)

    def before_epoch(self, epoch: int) -> None:
        if self.hyper.drop_rate:
            self.thinned = self.pruning.draw()

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        """User and item vectors; in training mode on the thinned graph."""
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
        """The terms of the loss, which is their sum: that of the vectors, and one for each modality."""
        user, positive, negative = self.triple(interaction)  # (batch,) each
        users, items = self.embed()
        terms = {"bpr": bpr_rows(users, items, user, positive, negative)}
        pair, u = torch.cat([positive, negative]), users[user]
        for modality, content in self.content.items():
            i, j = content(pair).chunk(2)
            terms[modality] = self.hyper.content_weight * bpr((u * i).sum(-1), (u * j).sum(-1))
        return terms


def item_graph(rows, *, k: int, visual_weight: float) -> SparseMatrix:
    """S: the neighbour lists of all modalities, each entry its modality's share of 1 / k; rows add up to 1."""
    others = [m for m in rows if m != "visual"]
    shares = {m: (1 - visual_weight) / len(others) for m in others} | {"visual": visual_weight}
    shares = shares if others and "visual" in rows else {m: 1 / len(rows) for m in rows}
    return SparseMatrix(neighbour_graph([neighbours(x, k) for x in rows.values()], [shares[m] for m in rows]))
