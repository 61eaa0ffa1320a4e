"""MGCL: the ids and each modality have user and item vectors of their own, drawn together by contrastive learning.

Liu, Xue, Guo, Sun, Qian, Hong. "Multimodal Graph Contrastive Learning for Multimedia-Based Recommendation", IEEE TMM
2023, doi:10.1109/TMM.2023.3251108. Read beside the code of hfutmars/MGCL, commit 9e63cd2; the paper's text was not at
hand, and no published numbers were found.

    A   = D^(-1/2) (A + I) D^(-(1/2 - alpha))                                                 norm_adjacency
    [U; I] = A^L [P; Q], last layer;  [U_m; I_m] = A [P_m; X_m W_m]                           spaces
    score = <U, I> + sum_m mu_m <U_m, I_m>, mu of the visual space, 1 of the others           embed
    loss = sum of each space's own BPR + reg (L2 + 0.1 sum_m L2_m) on layer-0 rows + CL       terms
    CL  = c sum over ordered pairs of spaces of NCE, layer-0 rows, users and positive items   contrast

Departures:
- one optimiser takes the sum of all terms, where the code takes two in turn on each batch, the second for CL alone at a
  tenth of the rate; ``contrast_weight`` stands for that rate;
- CL is the mean over the batch, where the code adds it up, which its own optimiser does not notice;
- L2 is divided by the length of the batch, where the code divides by the length that was asked for;
- the code's textual anchors of items have wrong denominators: the visual space's cosines for the ids', and the textual
  space's with itself for the visual one's. ``released`` keeps them, the default does not.
``paper`` weighs every modality's score by mu: the code's formula lets it reach the visual one alone.

Modalities: all that the data set has; at least one.
Fusion: scores are added; no vector mixes two modalities, the contrast alone connects them.
Loss: mean BPR of each space's own scores; L2 on the batch's layer-0 rows; InfoNCE between every two spaces, in-batch.
Parameters: N d; a modality of width F adds (U + F) d.
Cost per step: 2 L E d; a modality takes Z d and 2 E d; B^2 d for each ordered pair of spaces, twice.
Checked: golden arrays of the authors' code with 2 and 4 layers (vectors, scores, every term of both optimisers' losses,
    every gradient of either, wrong denominators included); worked toy; the contrast of orthonormal rows by its formula
    and under rescaled rows; the last layer of LightGCN with loops where the modalities' weights are 0.
"""

from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.nn.contrast import log_sums
from bench.nn.graph import norm_adjacency
from bench.nn.losses import bpr_rows, l2
from bench.nn.recommender import EmbeddingRecommender
from bench.nn.rows import normalize
from bench.spec import NotApplicable, Rate, Size, Weight, choice, log_uniform

# pairs (anchor, other) of spaces whose denominators, for items, the released code takes of another pair
RELEASED_DENOMINATORS = {("textual", "ids"): ("textual", "visual"), ("textual", "visual"): ("textual", "textual")}


class MGCL(EmbeddingRecommender):
    presets = {"default": {}, "released": {"denominators": "released"}, "paper": {"weighed": "all"}}
    training = {"sampling": "user"}  # as the authors' code
    per_dataset = {"art": {"n_layers": 5}, "taobao": {"n_layers": 5, "alpha": 0.2}}

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d
        n_layers: Size = choice(4, among=(2, 3, 4, 5))  # L, of the ids
        alpha: Weight = choice(0.1, among=(0.0, 0.1, 0.2))  # popularity exponent of the sender
        modality_weight: Weight = choice(0.4, among=(0.2, 0.4, 0.8))  # mu
        weighed: Literal["visual", "all"] = "visual"  # the modalities whose score has the weight mu
        reg_weight: Weight = log_uniform(1e-3, low=1e-5, high=1e-1)
        contrast_weight: Weight = log_uniform(1e-3, low=1e-5, high=1e-1)  # c
        temperature: Rate = choice(0.04, among=(0.02, 0.04, 0.1, 0.2))  # tau
        denominators: Literal["own", "released"] = "own"

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h, modalities = self.hyper, list(dataset.item_features)
        if not modalities:
            raise NotApplicable("MGCL needs rows of item content, and the data set has none")
        self.user_embedding = nn.Embedding(self.n_users, h.embedding_size)  # P
        self.item_embedding = nn.Embedding(self.n_items, h.embedding_size)  # Q
        self.features = nn.ModuleDict({m: self.feature_rows(dataset, m) for m in modalities})  # X_m
        self.user_content = nn.ParameterDict({m: torch.empty(self.n_users, h.embedding_size) for m in modalities})
        self.projection = nn.ParameterDict(
            {m: torch.empty(x.width, h.embedding_size) for m, x in self.features.items()}
        )  # W_m
        for parameter in self.parameters():
            nn.init.xavier_uniform_(parameter)
        self.adjacency = norm_adjacency(dataset.inter_matrix(form="coo"), self_loop=True, alpha=h.alpha)

    def start(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Layer 0 of each space: users and items."""
        content = {m: (self.user_content[m], x(self.projection[m])) for m, x in self.features.items()}
        return {"ids": (self.user_embedding.weight, self.item_embedding.weight), **content}

    def spaces(self, start) -> dict[str, tuple[Tensor, Tensor]]:
        """The last layer of each space: L layers of the ids, one of a modality."""
        hidden = torch.cat([torch.cat(pair) for pair in start.values()], dim=1)  # one product serves all spaces
        first = self.adjacency(hidden)
        parts = dict(zip(start, first.split(self.hyper.embedding_size, dim=1), strict=True))
        for _ in range(self.hyper.n_layers - 1):
            parts["ids"] = self.adjacency(parts["ids"])
        return {name: part.split([self.n_users, self.n_items]) for name, part in parts.items()}

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        """The spaces side by side, the item's part weighed: one inner product adds the scores."""
        spaces = self.spaces(self.start())
        items = [self.weight(name) * items for name, (_, items) in spaces.items()]
        return torch.cat([users for users, _ in spaces.values()], dim=1), torch.cat(items, dim=1)

    def weight(self, space: str) -> float:
        h = self.hyper
        return h.modality_weight if space == "visual" or (space != "ids" and h.weighed == "all") else 1.0

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        return sum(self.terms(interaction).values())

    def terms(self, interaction) -> dict[str, Float[Tensor, ""]]:
        """The terms of the loss, which is their sum."""
        user, positive, negative = self.triple(interaction)  # (batch,) each
        start = self.start()
        ranking = {name: bpr_rows(*part, user, positive, negative) for name, part in self.spaces(start).items()}
        norms = {name: l2(u[user], i[positive], i[negative]) for name, (u, i) in start.items()}
        terms = {
            "bpr": ranking.pop("ids"),
            "bpr_modalities": sum(ranking.values()),
            "reg": self.hyper.reg_weight * (norms.pop("ids") + 0.1 * sum(norms.values())),
        }
        users = {name: normalize(u[user]) for name, (u, _) in start.items()}
        items = {name: normalize(i[positive]) for name, (_, i) in start.items()}
        wrong = RELEASED_DENOMINATORS if self.hyper.denominators == "released" else {}
        for side, swapped in ((users, {}), (items, wrong)):
            for anchor, value in self.contrast(side, swapped).items():
                name = f"contrast_{anchor}"
                terms[name] = terms.get(name, 0) + self.hyper.contrast_weight * value
        return terms

    def contrast(self, unit: dict[str, Tensor], swapped: dict) -> dict[str, Float[Tensor, ""]]:
        """Anchor space to the sum over the other spaces of InfoNCE over the ``unit`` rows of a batch.

        Args:
            swapped: pairs whose denominators are another pair's, where the batch has that one.
        """
        below = {pair: pair for pair in permutations(unit, 2)}
        below |= {pair: other for pair, other in swapped.items() if pair in below and other[1] in unit}
        sums, out = {}, {}
        for a, b in sorted({tuple(sorted(pair)) for pair in below.values()}):
            sums[a, b], sums[b, a] = log_sums(unit[a], unit[b], self.hyper.temperature)
        for (a, b), denominator in below.items():
            above = (torch.linalg.vecdot(unit[a], unit[b]) - 1) / self.hyper.temperature
            out[a] = out.get(a, 0) + (sums[denominator] - above).mean()
        return out
