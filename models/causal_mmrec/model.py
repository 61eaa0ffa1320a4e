"""CausalMMRec: content adjusted for a hidden confounder (back door) and for exposure (front door).

Yang, Gu, Liu. "Causal Inspired Multi Modal Recommendation", arXiv:2510.12325v1. Only the abstract and the
opening paragraph could be read, and no code is public. The paper gives the three parts and their roles: dual-channel
cross-modal diffusion; back-door adjustment with hierarchical matching and vector-quantised codebooks; front-door
adjustment with causal topology reconstruction. Every equation below is our completion of them, not the paper's.

    A   confounder: what the other modalities predict of one, out of fold   learn_confounder
    B   strata: two levels of codes on the confounder, priors; then frozen  set_strata
        h_do = sum_z pi(z|i) (x_i * g_z + m_z), h_obs in the item's own z   BackDoor
    C1  belief pi in each interaction, added edges, item graph              Topology.rebuild
        graph of an epoch; its mean field for evaluation                    Topology.sample, .evaluation
    C2  m_do = sum_k P(k) Phi(m, xi_k) over contexts of exposure, m_obs     FrontDoor, set_contexts
        y = <e_u, e_i> + w <m_u, h_i>, ranked by y_do                       embed
        L = BPR(y_do) + l_o BPR(y_obs) + l_r L2 + l_cl InfoNCE              calculate_loss

x_i is the content vector of item i, z its stratum with gate g_z and offset m_z, and h_i the content after the back
door. m_u is the mean of h_i over the user's items in the graph, xi_k the centre of a cluster of users' histories, which
stands for a context of exposure, and e_u and e_i are the vectors from the ids. The suffix do marks the adjusted
quantity and obs the observed one. BPR is the Bayesian personalised ranking loss, and InfoNCE a contrastive loss.

The stages A (diffusion) and B (vector quantisation) run in ``pretrain``: at most 3000 steps for each channel, a
modality predicted from the others, and 200 warm-up steps and 2000 steps for the codes, in proportion for budgets under
300 epochs. A model that was never pretrained uses closed forms, which are computed when it is built: cross-fitted ridge
regression for A (``confounder="ridge"`` keeps it) and k-means for B. Where nobody calls ``before_epoch``,
training keeps its first graph and contexts. All frozen quantities that a score needs are buffers of
the state dict; computing a loss after loading one needs ``before_epoch``.

Choices where the abstract says nothing:
- there are no category labels as coarse codes, because no data set here has them, and the stages are not trained
  jointly;
- the hierarchy of codes is switched off by n_fine=1 or n_coarse=1;
- the running average of a denoiser's weights is shorter at the start, for short budgets;
- the vectors of the strata are divided by one scalar standard deviation;
- a cell, which is a pair of a coarse and a fine code, with under five items is merged into the nearest coarse code that
  has a larger cell, and there into the nearest such cell.

Modalities: all that the data set has, at least one. Each has a channel, which predicts it from all others side by side;
    with two modalities these are the paper's two. With one there is no channel: its latent vectors themselves are
    stratified and the residual graph is left out, as under ``no_diffusion``. Visual rows have the weight
    ``visual_weight`` in the item graph and the others share the rest. A zero row is missing content: its latent vector
    and its residual are 0, and it has no neighbour but itself.
Fusion: content is the mean over modalities of their projections at unit norm; its adjusted score is added to that of
    the ids.
Loss: mean BPR of the adjusted scores, a weighted mean BPR of the observed scores, an L2 penalty on the id vectors of
    the batch, and InfoNCE where ``contrast_weight`` is set.
Parameters: (N + F + m + 2 d + 66) d, for N users and items, F content columns and m modalities; the networks of the
    stages are not kept.
Cost per step: (2 L + 1) d multiply-adds for each kept or added training pair, at most 2 m ``n_neighbours`` I d for the
    item graph, Z d for the Z stored entries of content, whatever the batch, and B d to score the B pairs of a batch.
    Each epoch draws a graph and takes five rounds of k-means over the users. The stages come before the first epoch.
Checked: The loss (to 1e-4, relative) and the scores (to 1e-3) of stage C equal a dense re-implementation in float64
    that sums over every stratum and context. With everything off, the model equals LightGCN plus the item graph, to
    1e-5. The adjustments equal a worked example and sums over every stratum and context. Evidence and added edges equal
    plain loops. The noise schedule, the samplers, the cross-fitting, the codes and the latent vectors have tests of
    their own (tests/models/causal_mmrec). Before training the adjustments change no score, and training leaves strata,
    priors and beliefs as they are. There is no reference implementation to compare with.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.features import FeatureRows
from bench.nn.graph import propagate_mean
from bench.nn.knn import unit_rows
from bench.nn.losses import bpr, l2
from bench.spec import Count, NotApplicable, Share, Size, Weight, choice
from models.causal_mmrec.adjustment import BackDoor, FrontDoor
from models.causal_mmrec.stages import CODE_SIZE, Stages

TEMPERATURE = 0.2  # of InfoNCE


class CausalMMRec(Stages):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of the vectors
        n_layers: Count = choice(2, among=(1, 2, 3))  # L, layers of the user-item graph
        reg_weight: Weight = choice(1e-4, among=(0.0, 1e-5, 1e-4, 1e-3))  # l_r, weight of the L2 penalty
        content_weight: Weight = choice(1.0, among=(0.5, 1.0, 2.0, 5.0))  # w, weight of the content's score
        observed_weight: Weight = choice(0.5, among=(0.1, 0.5, 1.0))  # l_o, weight of the observed scores' BPR
        contrast_weight: Weight = choice(0.0, among=(0.0, 1e-3, 1e-2))  # l_cl, weight of InfoNCE
        feat_dropout: Share = choice(0.0, among=(0.0, 0.2))  # share of items that lose a modality's row in training
        confounder: Literal["one_step", "ddim", "ridge"] = "one_step"  # how stage A predicts
        n_coarse: Size = 16  # coarse codes
        n_fine: Size = 16  # fine codes
        stratum_mix: Weight = choice(0.2, among=(0.0, 0.2, 0.5, 1.0))  # rho, share averaged over all coarse codes
        n_neighbours: Size = 10  # of an item, for each modality
        visual_weight: Share = 0.1  # of visual rows in the item graph
        residual_weight: Weight = choice(0.2, among=(0.0, 0.2, 0.5, 1.0))  # eta, share of the residual item graph
        n_added: Count = choice(2, among=(0, 2, 4))  # edges added to each user
        added_weight: Weight = 0.2  # of an added edge
        drop_rate: Share = choice(0.5, among=(0.2, 0.5, 0.8))  # share of the edges that an epoch's graph leaves out
        eval_graph: Literal["mean_field", "full"] = "mean_field"  # full: the raw interactions
        n_contexts: Size = 32  # contexts of exposure
        fd_direct: Literal["drop", "keep"] = "drop"  # the direct effect of the contexts on scores
        no_diffusion: bool = False  # without stage A
        no_backdoor: bool = False  # without the back door
        no_frontdoor: bool = False  # without the front door
        no_topology: bool = False  # without beliefs, added edges and the residual graph
        no_content: bool = False  # without the content's score

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h, size = self.hyper, self.hyper.embedding_size
        rows = {m: unit_rows(f) for m, f in dataset.item_features.items()}
        if not rows:
            raise NotApplicable("CausalMMRec stratifies item content and the data set has none")
        self.modalities = sorted(rows, key=lambda m: (m != "visual", m))
        self.stage_losses: dict[str, list[float]] = {}  # of pretrain: one list for each channel, and "vq"
        self.user_embedding = nn.Embedding(self.n_users, size)  # P
        self.item_embedding = nn.Embedding(self.n_items, size)  # Q
        nn.init.xavier_uniform_(self.user_embedding.weight)
        nn.init.xavier_uniform_(self.item_embedding.weight)
        self.back_door = self.front_door = None
        if not h.no_content:
            self.features = nn.ModuleDict({m: FeatureRows(rows[m]) for m in self.modalities})
            self.maps = nn.ModuleDict({m: nn.Linear(f.width, size) for m, f in self.features.items()})
        if not (h.no_content or h.no_backdoor):
            codes = {"n_coarse": h.n_coarse, "n_fine": h.n_fine, "code_size": CODE_SIZE}
            self.back_door = BackDoor(self.n_items, size, **codes, mix=h.stratum_mix)
        if not (h.no_content or h.no_frontdoor):
            keep = h.fd_direct == "keep"
            self.front_door = FrontDoor(self.n_users, size, n_contexts=h.n_contexts, keep_direct=keep)
        self.keep_content(rows)
        self.keep_interactions(dataset, rows)
        self.learn_confounder(steps=0)
        self.set_strata(steps=0)
        self.topology.sample()
        self.set_contexts(start=True)

    def content(self, dropout: float = 0.0) -> Float[Tensor, "item dim"]:
        """x_i: the mean over modalities of the projections at unit norm."""
        rows = []
        for m in self.modalities:
            projected = self.features[m](self.maps[m].weight.T.contiguous())
            if dropout:
                projected = projected * F.dropout(torch.ones_like(projected[:, :1]), dropout)
            rows.append(F.normalize(projected + self.maps[m].bias, dim=1))
        return torch.stack(rows).mean(0)

    def adjust(self, x: Float[Tensor, "item dim"]) -> Float[Tensor, "item dim"]:
        return x if self.back_door is None else self.back_door.adjust(x)

    def parts(self, adjacency, mean, graph, *, dropout: float = 0.0) -> "Parts":
        ego = torch.cat([self.user_embedding.weight, self.item_embedding.weight])
        users, items = propagate_mean(adjacency, ego, self.hyper.n_layers).split([self.n_users, self.n_items])
        items = items + graph(self.item_embedding.weight)
        if self.hyper.no_content:
            return Parts(users, items, users[:, :0], items[:, :0], items[:, :0])
        x = self.content(dropout)
        adjusted = self.adjust(x)
        return Parts(users, items, mean(adjusted), adjusted, x)

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        p, scale = self.parts(*self.topology.evaluation()), math.sqrt(self.hyper.content_weight)
        users = torch.cat([p.users, scale * self.mediate(p)], dim=1)
        return users, torch.cat([p.items, scale * p.adjusted], dim=1)

    def mediate(self, p: "Parts") -> Float[Tensor, "user dim"]:
        """m_do of all users."""
        return p.mediators if self.front_door is None else self.front_door.adjust(p.mediators)

    def observe(self, p: "Parts", user: Int[Tensor, " batch"]) -> Float[Tensor, "batch dim"]:
        """m_obs: m in the user's own context."""
        own = p.mediators[user]
        return own if self.front_door is None else self.front_door.observe(own, user)

    def observe_items(self, p: "Parts", item: Int[Tensor, " batch"]) -> Float[Tensor, "batch dim"]:
        """h_obs: the content in the item's own stratum."""
        return p.content[item] if self.back_door is None else self.back_door.observe(p.content[item], item)

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        h, (user, positive, negative) = self.hyper, self.triple(interaction)
        graphs = self.topology.adjacency, self.topology.mean, self.topology.item_graph
        p = self.parts(*graphs, dropout=h.feat_dropout if self.training else 0.0)
        both = torch.cat([positive, negative])
        base = (p.users[user].repeat(2, 1) * p.items[both]).sum(1)
        mediated, adjusted = self.mediate(p)[user], p.adjusted[both]
        do = base + h.content_weight * (mediated.repeat(2, 1) * adjusted).sum(1)
        ego = self.user_embedding(user), self.item_embedding(positive), self.item_embedding(negative)
        loss = bpr(*do.chunk(2)) + h.reg_weight * l2(*ego)
        if h.no_content:
            return loss
        if h.observed_weight and not (h.no_backdoor and h.no_frontdoor):
            m, items = self.observe(p, user).repeat(2, 1), self.observe_items(p, both)
            loss = loss + h.observed_weight * bpr(*(base + h.content_weight * (m * items).sum(1)).chunk(2))
        if h.contrast_weight:
            pairs = (p.users[user], mediated), (p.items[positive], p.adjusted[positive])
            loss = loss + h.contrast_weight * sum(info_nce(*pair, TEMPERATURE) for pair in pairs)
        return loss

    @torch.no_grad()
    def explain(self, user: Int[Tensor, " batch"], item: Int[Tensor, " batch"]) -> dict[str, Float[Tensor, " batch"]]:
        """Splits y_obs - y_do of each pair into the parts of the stratum's gate, its offset and the user's context."""
        p = self.parts(*self.topology.evaluation())
        mediated, items = self.mediate(p)[user], self.observe_items(p, item)
        zero = torch.zeros_like(p.content)
        offset = self.observe_items(p._replace(content=zero), item) - self.adjust(zero)[item]
        terms = {
            "gate": (mediated, items - p.adjusted[item] - offset),
            "offset": (mediated, offset),
            "context": (self.observe(p, user) - mediated, items),
        }
        return {name: self.hyper.content_weight * (a * b).sum(1) for name, (a, b) in terms.items()}


class Parts(NamedTuple):
    """The vectors that scores are computed from."""

    users: Float[Tensor, "user dim"]  # e_u
    items: Float[Tensor, "item dim"]  # e_i
    mediators: Float[Tensor, "user content"]  # m_u
    adjusted: Float[Tensor, "item content"]  # h_do
    content: Float[Tensor, "item content"]  # x


def info_nce(one: Float[Tensor, "batch dim"], two: Float[Tensor, "batch dim"], temperature: float) -> Float[Tensor, ""]:
    """InfoNCE by cosine: the mean of -log softmax of a row's own partner among all rows of the batch."""
    logits = F.normalize(one, dim=1) @ F.normalize(two, dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
