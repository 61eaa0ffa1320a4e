"""CausalRec: splits VBPR's score into the user's match with an item and the item's looks, and reduces the latter.

Qiu, Wang, Chen, Yin, Huang. "CausalRec: Causal Inference for Visual Debiasing in Visually-Aware Recommendation", ACM MM
2021, arXiv:2107.02390. Written from the authors' code in Cornac (PreferredAI/cornac, commit 318f0be). The text of the
paper was not at hand, so equation numbers and the paper's choice of activation could not be checked.

    m = beta_i + <gamma_u, gamma_i * (1 + phi(G' f_i))>, the match of user and item              parts
    n = <theta_u, phi(E' f_i)> + <beta', f_i>, what the content does by itself                   parts
    y = sigma(m + n) sigma(m) sigma(n)                                                           together
    loss = BPR(y) + BPR(m) + BPR(n) + L2                                                         terms
    m* = the match with the mean item: mean beta, mean gamma, mean f                             represent
    score = y - s sigma(m* + n) sigma(m*) sigma(n): the total effect less the direct one of the content    score

f_i is the content row of item i, phi the activation, and BPR the Bayesian personalised ranking loss.

Departures:
- in Cornac, scoring a user adds to the stored item biases, so that a score depends on the users scored before it; here
  a score is the formula above;
- n and y are those of one user and item, where the code in Cornac, by the shapes that it adds, joins the taste of each
  triple with the content bias of every triple of the batch;
- losses are means over the batch, where Cornac takes sums;
- E, G and beta' have an L2 weight above 0, as in our VBPR, because without it they memorise the training pairs;
- the bias of the negative item has the L2 weight of the positive item's, where Cornac takes a tenth of it;
- content rows are scaled to unit norm; where there are no visual rows, all modalities are concatenated;
- phi is tanh, or the identity, which is Cornac's default; Cornac also offers two layers of it.

Modalities: visual where the data set has it, otherwise all; at least one.
Fusion: content gates the item's id vector and also has a score of its own; the final score multiplies three sigmoids.
Loss: mean BPR of the joint score y, of the match m and of the content's score n; an L2 penalty on the vectors of the
    batch, and one on the whole of E, G and beta'.
Parameters: U (d + k) + I (d + 1) + F (d + k + 1), for U users, I items and F content columns, with
    k = ``content_size``.
Cost per step: Z (d + k + 1) multiply-adds to project the content of all items, with Z stored entries and whatever the
    batch, and B (d + k) to score the B pairs of a batch.
Checked: On random data, scores without the removal (``debias`` 0) and every term of the loss equal plain loops over
    pairs, to 1e-4 (relative). The score that is taken away is that of the mean item, computed separately, to 1e-5.
    Where all items are equal a score is (1 - s) y. No arrays of the authors' code were recorded to compare with.
Quality: The default L2 is Cornac's, and weak on our data, where three losses share it: on Taobao under `clean`, N@10
    (NDCG@10) on validation peaks at epoch 15 and falls from then on. Search ``reg_weight`` and
    ``projection_reg_weight`` before judging the model.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bench.nn.dots import dots
from bench.nn.features import FeatureRows, concatenate
from bench.nn.knn import unit_rows
from bench.nn.losses import bpr
from bench.nn.recommender import Recommender
from bench.spec import NotApplicable, Part, Size, Weight, choice, log_uniform


class CausalRec(Recommender):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of gamma
        content_size: Size = 64  # k, size of theta
        activation: Literal["tanh", "none"] = "tanh"  # phi; none is the identity
        debias: Part = choice(0.8, among=(0.0, 0.2, 0.5, 0.8, 1.0))  # s, how much of the direct effect is taken away
        reg_weight: Weight = log_uniform(1e-2, low=1e-5, high=1e-1)  # L2 on the vectors of the batch
        projection_reg_weight: Weight = log_uniform(1e-3, low=1e-5, high=1e-1)  # L2 on E, G and beta'

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h, rows = self.hyper, dataset.item_features
        if not rows:
            raise NotApplicable("CausalRec needs rows of item content, and the data set has none")
        rows = {"visual": rows["visual"]} if "visual" in rows else rows
        self.content = FeatureRows(unit_rows(concatenate(rows)))  # f, (item, feat)
        self.user_embedding = nn.Embedding(self.n_users, h.embedding_size)  # gamma_u
        self.item_embedding = nn.Embedding(self.n_items, h.embedding_size)  # gamma_i
        self.user_content = nn.Embedding(self.n_users, h.content_size)  # theta_u
        self.gate = nn.Parameter(torch.empty(self.content.width, h.embedding_size))  # G
        self.projection = nn.Parameter(torch.empty(self.content.width, h.content_size))  # E
        self.content_bias = nn.Parameter(torch.empty(self.content.width, 1))  # beta'
        for parameter in self.parameters():
            nn.init.xavier_uniform_(parameter)
        self.item_bias = nn.Parameter(torch.zeros(self.n_items, 1))  # beta_i

    def phi(self, x: Tensor) -> Tensor:
        return x.tanh() if self.hyper.activation == "tanh" else x

    def parts(self) -> tuple[Float[Tensor, "item dim"], Float[Tensor, "item more"]]:
        """The item vectors of the match, [gamma_i * (1 + phi(G' f_i)), beta_i], and those of the content's score."""
        sizes = [self.hyper.embedding_size, self.hyper.content_size, 1]
        weight = torch.cat([self.gate, self.projection, self.content_bias], dim=1)
        gate, content, bias = self.content(weight).split(sizes, dim=1)
        match = self.item_embedding.weight * (1 + self.phi(gate))
        return torch.cat([match, self.item_bias], dim=1), torch.cat([self.phi(content), bias], dim=1)

    def represent(self) -> Any:
        """The vectors of users and items for m and for n, and m* of each user."""
        match, content = self.parts()
        users, tastes = with_one(self.user_embedding.weight), with_one(self.user_content.weight)
        every = torch.ones(1, self.n_items, device=users.device) / (self.n_items - 1)
        every[0, 0] = 0  # leave out the padding id
        gate = 1 + self.phi(every @ self.content(self.gate))  # for the mean content row
        typical = torch.cat([every @ self.item_embedding.weight * gate, every @ self.item_bias], dim=1)
        return users, match, tastes, content, users @ typical.T

    def score(
        self, shared: Any, user: Int[Tensor, " batch"], item: Int[Tensor, "batch candidate"]
    ) -> Float[Tensor, "batch candidate"]:
        users, match, tastes, content, typical = shared
        return self.debiased(dots(users[user], match, item), dots(tastes[user], content, item), typical[user])

    def score_all(self, shared: Any, user: Int[Tensor, " batch"]) -> Float[Tensor, "batch item"]:
        users, match, tastes, content, typical = shared
        return self.debiased(users[user] @ match.T, tastes[user] @ content.T, typical[user])

    def debiased(self, m, n, typical: Float[Tensor, "batch 1"]) -> Float[Tensor, "batch item"]:
        return together(m, n) - self.hyper.debias * together(typical, n)

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        return sum(self.terms(interaction).values())

    def terms(self, interaction) -> dict[str, Float[Tensor, ""]]:
        """The terms whose sum is the loss."""
        user, positive, negative = self.triple(interaction)  # (batch,) each
        match, content = self.parts()
        gamma, theta = with_one(self.user_embedding(user)), with_one(self.user_content(user))
        (m_i, m_j), (n_i, n_j) = (
            ((u * x[positive]).sum(-1), (u * x[negative]).sum(-1)) for u, x in ((gamma, match), (theta, content))
        )
        return {
            "joint": bpr(together(m_i, n_i), together(m_j, n_j)),
            "match": bpr(m_i, m_j),
            "content": bpr(n_i, n_j),
            "reg": self.regulariser(user, positive, negative),
        }

    def regulariser(self, user, positive, negative) -> Float[Tensor, ""]:
        h, rows = self.hyper, [self.user_embedding(user), self.user_content(user)]
        for item in (positive, negative):
            rows += [self.item_embedding(item), self.item_bias[item]]
        shared = sum(p.square().sum() for p in (self.gate, self.projection, self.content_bias))
        own = sum(r.square().sum() for r in rows) / len(user)
        return 0.5 * (h.reg_weight * own + h.projection_reg_weight * shared)


def with_one(rows: Float[Tensor, "row dim"]) -> Float[Tensor, "row more"]:
    """The rows with a 1 appended to each, which multiplies the bias of an item."""
    return torch.cat([rows, torch.ones_like(rows[:, :1])], dim=1)


def together(m: Float[Tensor, "..."], n: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """sigma(m + n) sigma(m) sigma(n)."""
    return (m + n).sigmoid() * m.sigmoid() * n.sigmoid()
