"""MGCL: ids and each modality have their own user and item vectors, which contrastive learning draws together.

Liu, Xue, Guo, Sun, Qian, Hong. "Multimodal Graph Contrastive Learning for Multimedia-Based Recommendation", IEEE TMM
2023, doi:10.1109/TMM.2023.3251108. We read the code of hfutmars/MGCL, commit 9e63cd2; the text of the paper was not at
hand, and we found no published numbers.

    A   = D^(-1/2) (A + I) D^(-(1/2 - alpha))                                                 norm_adjacency
    [U; I] = A^L [P; Q], last layer;  [U_m; I_m] = A [P_m; X_m W_m]                           spaces
    score = <U, I> + sum_m mu_m <U_m, I_m>, mu of the visual space, 1 of the others           embed
    loss = sum of each space's own BPR + reg (L2 + 0.1 sum_m L2_m) on layer-0 rows + CL       terms
    CL  = c sum over ordered pairs of spaces of NCE, layer-0 rows, users and positive items   contrast

A space is one such set of vectors: that of the ids P, Q, or that of modality m with user vectors P_m and projected
content rows X_m W_m. Layer 0 are these vectors before the graph. BPR is the Bayesian personalised ranking loss and NCE
the contrastive loss InfoNCE.

Departures:
- one optimiser minimises the sum of all terms; the code alternates two on each batch, the second for CL alone at a
  tenth of the learning rate; ``contrast_weight`` takes the place of that rate here;
- on Taobao, which has no textual content, the code takes the visual content as the textual one, too, with a weight of 1
  in the score; here it has the visual space alone;
- CL is the mean over the batch; the code takes the sum, which makes no difference to its separate optimiser;
- the L2 penalty is divided by the actual length of the batch, where the code divides by the configured batch size;
- for items, two terms of the code with a textual anchor have wrong denominators: that of text against ids uses the
  cosines of text with the visual space, and that of text against the visual space those of text with itself; the preset
  ``released`` keeps them, the default does not.
The preset ``paper`` multiplies every modality's score by mu; the code's formula does so for the visual one alone.

Modalities: all that the data set has; at least one.
Fusion: the scores of the spaces are added; no vector mixes two modalities, and only the contrast connects them.
Loss: mean BPR of each space's own scores; an L2 penalty on the batch's layer-0 vectors; InfoNCE between every two
    spaces, against the other rows of the batch.
Parameters: N d, for N users and items with vectors of size d; a modality of width F adds (U + F) d, for U users.
Cost per step: 2 L E d multiply-adds for the ids, with E training pairs; a modality takes Z d for its Z stored entries
    of content and 2 E d for the graph; the contrast takes 2 B^2 d for each two spaces, in a batch of B.
Checked: Arrays recorded from runs of the authors' code, with 2 and with 4 layers and with the wrong denominators, are
    reproduced to within 1e-5 of each array's largest entry: the graph, the vectors, the scores, every term of both
    optimisers' losses and every gradient of either. InfoNCE of orthonormal rows equals its closed form, and rescaling
    the rows does not change it. The wrong denominators equal a calculation written out for random rows. The id space is
    the L-th power of the graph times the ids, and the score is the weighted sum of the spaces' scores.
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

# pairs (anchor, other) of spaces for whose items the released code uses the denominators of another pair
RELEASED_DENOMINATORS = {("textual", "ids"): ("textual", "visual"), ("textual", "visual"): ("textual", "textual")}


class MGCL(EmbeddingRecommender):
    presets = {"default": {}, "released": {"denominators": "released"}, "paper": {"weighed": "all"}}
    training = {"sampling": "user"}  # as in the authors' code
    per_dataset = {"art": {"n_layers": 5}, "taobao": {"n_layers": 5, "alpha": 0.2}}

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of the vectors
        n_layers: Size = choice(4, among=(2, 3, 4, 5))  # L, layers of the ids
        alpha: Weight = choice(0.1, among=(0.0, 0.1, 0.2))  # exponent of the source node's degree: alpha - 1/2
        modality_weight: Weight = choice(0.4, among=(0.2, 0.4, 0.8))  # mu, weight of a modality's score
        weighed: Literal["visual", "all"] = "visual"  # the modalities whose score is multiplied by mu
        reg_weight: Weight = log_uniform(1e-3, low=1e-5, high=1e-1)  # reg, weight of the L2 penalty
        contrast_weight: Weight = log_uniform(1e-3, low=1e-5, high=1e-1)  # c, weight of InfoNCE
        temperature: Rate = choice(0.04, among=(0.02, 0.04, 0.1, 0.2))  # tau, of InfoNCE
        denominators: Literal["own", "released"] = "own"  # released: the wrong ones of the code

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
        """The layer-0 vectors of users and items in each space."""
        content = {m: (self.user_content[m], x(self.projection[m])) for m, x in self.features.items()}
        return {"ids": (self.user_embedding.weight, self.item_embedding.weight), **content}

    def spaces(self, start) -> dict[str, tuple[Tensor, Tensor]]:
        """The last layer of each space: the L-th of the ids, the first of a modality."""
        hidden = torch.cat([torch.cat(pair) for pair in start.values()], dim=1)  # one sparse product for all spaces
        first = self.adjacency(hidden)
        parts = dict(zip(start, first.split(self.hyper.embedding_size, dim=1), strict=True))
        for _ in range(self.hyper.n_layers - 1):
            parts["ids"] = self.adjacency(parts["ids"])
        return {name: part.split([self.n_users, self.n_items]) for name, part in parts.items()}

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        """All spaces side by side, item vectors times their weights, so that one inner product adds up the scores."""
        spaces = self.spaces(self.start())
        items = [self.weight(name) * items for name, (_, items) in spaces.items()]
        return torch.cat([users for users, _ in spaces.values()], dim=1), torch.cat(items, dim=1)

    def weight(self, space: str) -> float:
        h = self.hyper
        return h.modality_weight if space == "visual" or (space != "ids" and h.weighed == "all") else 1.0

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        return sum(self.terms(interaction).values())

    def terms(self, interaction) -> dict[str, Float[Tensor, ""]]:
        """The terms whose sum is the loss."""
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
        """For each anchor space, the sum over the other spaces of InfoNCE between a batch's ``unit`` rows.

        Args:
            swapped: pairs of spaces that take the denominators of another pair, where that pair exists.
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
