"""LGMRec: local graphs of ids and of content, and a few hyperedges that connect all users and items.

Guo, Li, Li, Wang, Shi, Ruan. "LGMRec: Local and Global Graph Learning for Multimodal Recommendation", AAAI 2024,
arXiv:2312.16400. We read the code of enoche/MMRec, commit e775373; the text of the paper was not at hand.

    C   = mean over l = 0..L of A^l [P; Q]                                                     propagate_mean
    G_m = A^n [mean over a user's items of F_m; F_m], F_m = X_m W_m                            modality_views
    I_m = softmax over K of (X_m H_m + Gumbel noise) / tau, B_m likewise of R X_m H_m          hyperedges
    g_m = [B_m y; x], y = I_m' x, x = I_m y, x = C_items at the start, once per layer          hyperedges
    score = <u, i>, [u; i] = C + sum_m norm(G_m) + alpha norm(sum_m g_m)                       views
    loss = BPR + c sum over users and positive items of NCE(g_m, g_n) + lambda REG             terms

P and Q are the id vectors of users and items, X_m the content rows of modality m, A the normalised user-item graph and
R the 0/1 user-item matrix. I_m and B_m say how much each item and each user belongs to each of K hyperedges. BPR is the
Bayesian personalised ranking loss and NCE the contrastive loss InfoNCE. REG is the sum of the Frobenius norms (not
squared) of the batch's vectors, divided by the batch size.

Departures:
- negatives are drawn from all items of the data set, where MMRec's code leaves out those that are in no training pair;
- a score has no Gumbel noise; the code draws it anew for each block of users, so that scores differ from call to call;
  the preset ``released`` keeps the noise but draws it from one seed, so that two evaluations agree;
- the contrast is taken between every two modalities, where the code knows two modalities; with one there is no
  contrast, where the code fails;
- the padding ids have no part in the hyperedges.

Modalities: all that the data set has; at least one.
Fusion: the modalities' unit vectors are added to the id vectors, as are the modalities' hyperedge vectors.
Loss: mean BPR; InfoNCE between modalities, of each user of the batch against all users and of each positive item
    against all items, summed over the batch (the vector of the earlier modality is compared with all of the later
    one, not the reverse); the norms of the batch's final vectors.
Parameters: N d, for N users and items with vectors of size d; a modality of width F adds F (d + K).
Cost per step: 2 L E d multiply-adds for the ids, with E training pairs; a modality takes Z (d + K) for its Z stored
    entries of content, 2 n E d for its graph and (2 l I + U) K d for l hyperedge layers over I items and U users; the
    contrast of two modalities takes B N K, in a batch of B.
Checked: Arrays recorded from runs of MMRec's code, with one and with two layers of hyperedges and with the random draws
    recorded, are reproduced to within 1e-5 of each array's largest entry: the graph, the vectors, the scores with
    noise, every term of the loss and every gradient. With a single hyperedge, every user and item gets the sum of the
    item vectors. Without content and with alpha = 0 the vectors are those of LightGCN, to 1e-7. Two evaluations
    give the same scores, with noise and without.
"""

from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.contrast import Products, info_nce_of_products
from bench.nn.graph import norm_adjacency, propagate_mean
from bench.nn.losses import bpr_rows
from bench.nn.recommender import EmbeddingRecommender
from bench.nn.rows import normalize
from bench.nn.user_graphs import gather_items
from bench.spec import Count, NotApplicable, Rate, Share, Size, Weight, choice, log_uniform

Draws = dict[str, Tensor]  # by "noise_users_<modality>", "kept_items_<modality>" ...: (user or item, hyperedge)


class LGMRec(EmbeddingRecommender):
    presets = {"default": {}, "released": {"eval_noise": True}}

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of the vectors
        n_layers: Count = choice(2, among=(1, 2, 3, 4))  # L, layers of the ids
        n_modality_layers: Count = choice(2, among=(1, 2, 3, 4))  # n, layers of the content
        n_hyper_layers: Size = choice(1, among=(1, 2, 3, 4))  # layers of the hyperedges
        n_hyperedges: Size = choice(4, among=(2, 4, 16, 64))  # K, hyperedges of a modality
        drop_rate: Share = choice(0.5, among=(0.0, 0.2, 0.5, 0.8))  # dropout of the entries of I_m and B_m
        global_weight: Weight = choice(0.3, among=(0.1, 0.2, 0.3, 0.6, 1.0))  # alpha, weight of the hyperedges
        contrast_weight: Weight = log_uniform(1e-4, low=1e-6, high=1e-1)  # c, weight of InfoNCE
        reg_weight: Weight = log_uniform(1e-6, low=1e-6, high=1e-1)  # lambda, weight of REG
        temperature: Rate = choice(0.2, among=(0.1, 0.2, 0.5))  # tau, of the softmax and of InfoNCE
        eval_noise: bool = False  # Gumbel noise in evaluations too

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h, modalities = self.hyper, list(dataset.item_features)
        if not modalities:
            raise NotApplicable("LGMRec needs rows of item content, and the data set has none")
        self.user_embedding = nn.Embedding(self.n_users, h.embedding_size)  # P
        self.item_embedding = nn.Embedding(self.n_items, h.embedding_size)  # Q
        self.features = nn.ModuleDict({m: self.feature_rows(dataset, m) for m in modalities})  # X_m
        widths = {m: rows.width for m, rows in self.features.items()}
        self.projection = nn.ParameterDict({m: torch.empty(w, h.embedding_size) for m, w in widths.items()})  # W_m
        self.hyperedge = nn.ParameterDict({m: torch.empty(w, h.n_hyperedges) for m, w in widths.items()})  # H_m
        for parameter in self.parameters():
            nn.init.xavier_uniform_(parameter)
        interactions = dataset.inter_matrix(form="coo")
        self.adjacency = norm_adjacency(interactions)
        self.mean = gather_items(interactions, by_user=1.0, by_item=0.0)
        self.sum = gather_items(interactions, by_user=0.0, by_item=0.0)

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        users, items, _ = self.views(self.draw())
        return users, items

    def draw(self) -> Draws:
        """Noise and dropout masks for a training step; for an evaluation nothing, or noise from a fixed seed."""
        h, out = self.hyper, {}
        if not (self.training or h.eval_noise):
            return out
        device = self.item_embedding.weight.device
        generator = None if self.training else torch.Generator(device).manual_seed(0)
        for modality in self.features:
            for side, n in (("items", self.n_items - 1), ("users", self.n_users - 1)):
                clock = torch.empty(n, h.n_hyperedges, device=device).exponential_(generator=generator)
                out[f"noise_{side}_{modality}"] = -clock.log()  # Gumbel
                if self.training:
                    out[f"kept_{side}_{modality}"] = torch.rand_like(clock) >= h.drop_rate
        return out

    def views(self, draws: Draws):
        """Final vectors of users and of items, and {modality: (users, items)} of g_m, without the padding ids."""
        h = self.hyper
        ids = propagate_mean(
            self.adjacency, torch.cat([self.user_embedding.weight, self.item_embedding.weight]), h.n_layers
        )
        local, edges = ids, {}
        for modality, features in self.features.items():
            both = features(torch.cat([self.projection[modality], self.hyperedge[modality]], dim=1))
            rows, logits = both.split([h.embedding_size, h.n_hyperedges], dim=1)
            local = local + normalize(self.modality_view(rows))
            edges[modality] = self.hyperedges(modality, logits, ids[self.n_users + 1 :], draws)
        reached = sum(torch.cat([F.pad(part.rows(), (0, 0, 1, 0)) for part in pair]) for pair in edges.values())
        users, items = (local + h.global_weight * normalize(reached)).split([self.n_users, self.n_items])
        return users, items, edges

    def modality_view(self, rows: Float[Tensor, "item dim"]) -> Float[Tensor, "node dim"]:
        """G_m: a user starts at the mean of their items' rows, and only the last layer is used."""
        hidden = torch.cat([self.mean(rows), rows])
        for _ in range(self.hyper.n_modality_layers):
            hidden = self.adjacency(hidden)
        return hidden

    def hyperedges(self, modality: str, logits, start, draws: Draws) -> tuple[Products, Products]:
        """g_m as (users, items), from ``logits`` (item, hyperedge) of all items and ``start`` (item, dim)."""
        of_users, of_items = self.sum(logits)[1:], logits[1:]
        users = self.incidence(of_users, draws.get(f"noise_users_{modality}"), draws.get(f"kept_users_{modality}"))
        items = self.incidence(of_items, draws.get(f"noise_items_{modality}"), draws.get(f"kept_items_{modality}"))
        gathered = items.T @ start  # y, (hyperedge, dim)
        for _ in range(self.hyper.n_hyper_layers - 1):
            gathered = items.T @ (items @ gathered)
        return Products(users, gathered), Products(items, gathered)

    def incidence(self, logits, noise: Tensor | None, kept: Tensor | None) -> Float[Tensor, "entity hyperedge"]:
        """I_m or B_m: how much each item or user belongs to each hyperedge."""
        h = self.hyper
        out = ((logits if noise is None else logits + noise) / h.temperature).softmax(dim=1)
        return out if kept is None else out * kept / (1 - h.drop_rate)

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        return sum(self.terms(interaction, self.draw()).values())

    def terms(self, interaction, draws: Draws) -> dict[str, Float[Tensor, ""]]:
        """The terms whose sum is the loss."""
        h = self.hyper
        user, positive, negative = self.triple(interaction)  # (batch,) each
        users, items, edges = self.views(draws)
        rows = users[user], items[positive], items[negative]
        terms = {"bpr": bpr_rows(users, items, user, positive, negative)}
        for (a, b), side, index in self.contrasted(edges, user, positive):
            contrast = info_nce_of_products(
                a._replace(weights=a.weights[index]), b, temperature=h.temperature, positive=index
            )
            terms[side] = terms.get(side, 0) + h.contrast_weight * len(user) * contrast
        terms["reg"] = h.reg_weight * sum(torch.linalg.vector_norm(r) for r in rows) / len(user)
        return terms

    @staticmethod
    def contrasted(edges, user, positive):
        """(users, users) and (items, items) of every two modalities, the term's name and the batch's rows (id - 1)."""
        for (users, items), (other_users, other_items) in combinations(edges.values(), 2):
            yield (users, other_users), "contrast_users", user - 1
            yield (items, other_items), "contrast_items", positive - 1
