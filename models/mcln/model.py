"""MCLN: item content purified by the attention of an item the user has not met.

Li, Guo, Liu, Hong, Xue. "Multimodal Counterfactual Learning Network for Multimedia-based
Recommendation", SIGIR 2023, pp. 1539-1548. Authors' code: hfutmars/MCLN at 78279aa (TensorFlow 1).

    popularity-aware propagation, mean over the layers                  embed
    Eq. (10)-(13)  queries and keys of an item and its counterfactual   CounterfactualLayer.own, .other
    Eq. (14)       attention less counterfactual attention              CounterfactualLayer.attend
    Eq. (16)       feed-forward, residual, normalisation                CounterfactualLayer.forward
    Eq. (18)       layers stacked                                       fuse
    Eq. (19)       content = visual + textual + fused                   components
    Eq. (22)       score with lambda_m                                  represent, score
    Eq. (23)-(25)  BPR losses and regulariser                           losses

A token is [base | visual | textual | ...] over the modalities the data set offers, (1 + modalities) * d wide.

`released` (the default) is the authors' code to the letter, which departs from their paper:
    attention runs across the batch: for one item alone Eq. (12) is the softmax of a scalar;
    softmax(S - S*), not softmax(S) - softmax(S*); one more linear map; ReLU after both feed-forward maps;
    each layer reads the raw counterfactual tokens; the last map has a ReLU and is another one for negatives;
    negatives get plain attention; lambda_m weighs visual alone and only scores; a BPR term a component;
    the regulariser is half the squares of the batch's rows, fused ones included, over the batch size;
    candidates attend to one another, each its own counterfactual, so that a score depends on all of them.
`paper` follows the equations where they are defined. It keeps the attention across the batch, the raw
    counterfactual tokens, the self-loop and the rows regularised. A negative meets the counterfactual item of
    its positive: outside the user's items it serves both, and the pair then differs by its items alone.
`itemwise` is ours: an item's own tokens (base, visual, ..., each d wide) attend to one another, less the
    logits of the counterfactual item's tokens; one head; both branches alike. At scoring an item is its own
    counterfactual, as in `released`: a candidate is an item the user has not met, the learnt S* stays in
    every logit as in training, and no other item enters: a score depends on nothing but user and item.

Departures: the authors' unused user modality tables are left out. W_Q W_K' and W_V W_linear are multiplied
first, which halves the projections and moves nothing but rounding. Table 3's variants are `modalities`,
`use_cl` and `use_id`; of Table 4 the intra-modal part is `use_intra`, the inter-modal one `use_cl`.

Modalities: all that the data set has, one of them, or none (``modalities``).
Fusion: the token goes through attention less counterfactual attention and a head to a fused vector; base vector, each
    modality and fused vector score one by one, and the scores are added.
Loss: a mean BPR for each of base, modalities and fused, added; ``paper``: one for base and one for the content's sum.
    L2 on the layer-0 rows of the batch and on its projected and fused rows.
Parameters: N d + F d; a layer adds 14 D^2 + 9 D, the heads 2 D d, with D = (m + 1) d. ``paper``: 13 D^2 + 9 D a layer,
    one head. ``itemwise``: 14 d^2 + 9 d a layer, one head.
Cost per step: L (2 E + N) d for the graph and Z d for the content, whatever the batch; a layer takes 5 B^2 D + 21 B
    D^2,
    in ``paper`` 8 B^2 D + 21 B D^2, in ``itemwise`` 6 B t^2 d + 21 B t d^2 with t = m + 1.
Checked: golden arrays of two runs of the authors' code (tests/golden: graph, vectors, losses, gradients, scores;
    ``released`` is within 1e-5 of an array's largest entry); worked toy; losses, gradients and scores of every preset
    against a naive oracle (tests/oracles/mcln.py); LightGCN where content, loops and alpha are off; which branch a
    weight moves; that every switch matters.
Quality: on Taobao `released` leads at equal epochs from epoch 10 to 60, peaks at 35 and then declines, as its attention
    keeps fitting the training pairs; LightGCN, best at 205, ends a little above it. Nothing else tried.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.graph import norm_adjacency, propagate_mean
from bench.nn.losses import bpr, l2
from bench.nn.recommender import Recommender
from bench.spec import BenchError, Count, Size, Weight, choice
from models.mcln.layer import CounterfactualLayer, xavier

SCORED_ROWS = 1600  # (user, candidate) pairs scored at once on a CPU, so that their rows stay in its cache


class Encoded(NamedTuple):
    """What scores share: users and items whose inner product is the score but for the fused part.

    Where candidates attend to one another, that part depends on them and is added per user, from what the attention
    reads of every item: its tokens, ``own`` of the first layer, and the counterfactual queries of each layer.
    """

    users: Float[Tensor, "user dim"]
    items: Float[Tensor, "item dim"]
    tokens: Float[Tensor, "item token"] | None = None
    own: tuple[Tensor, ...] = ()
    queries: tuple[Tensor, ...] = ()

    def read(self, item: Int[Tensor, "*batch"]) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        """(tokens, own, queries) of these items."""
        own, queries = (tuple(F.embedding(item, table) for table in tables) for tables in (self.own, self.queries))
        return F.embedding(item, self.tokens), own, queries


class MCLN(Recommender):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d
        n_layers: Count = choice(4, among=(1, 2, 3, 4, 5, 6))  # L, graph
        n_attention_layers: Count = choice(2, among=(1, 2, 3, 4, 5))  # M, counterfactual
        reg_weight: Weight = choice(1e-2, among=(0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1))  # lambda
        alpha: Weight = 0.1  # popularity exponent of the source node
        self_loop: bool = True
        lambda_m: Weight = 0.3
        lambda_m_on: Literal["visual", "all_content"] = "visual"
        modalities: Literal["all", "visual", "textual", "none"] = "all"  # of those that the data set offers
        use_intra: bool = True  # each modality scores on its own
        use_cl: bool = True  # the fused counterfactual vector scores
        use_id: bool = True  # the token holds the base vector
        attention: Literal["batch", "modalities"] = "batch"  # rows attend to rows, or an item's own tokens
        attn_diff: Literal["logits", "probs", "none"] = "logits"  # what the counterfactual is taken from
        attn_linear: bool = True
        ffn_second_relu: bool = True
        head_relu: bool = True
        share_heads: bool = False
        neg_branch: Literal["plain", "counterfactual"] = "plain"
        loss: Literal["per_component", "two_term"] = "per_component"

    training: ClassVar[dict[str, Any]] = {"sampling": "user"}  # as the authors' code
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "default": {},
        "released": {},
        "paper": {
            "attn_diff": "probs",
            "attn_linear": False,
            "ffn_second_relu": False,
            "head_relu": False,
            "share_heads": True,
            "neg_branch": "counterfactual",
            "loss": "two_term",
            "lambda_m_on": "all_content",
        },
        "itemwise": {"attention": "modalities", "share_heads": True, "neg_branch": "counterfactual"},
    }
    per_dataset: ClassVar[dict[str, dict[str, Any]]] = {
        "beauty": {"n_layers": 4, "alpha": 0.1, "reg_weight": 1e-2, "lambda_m": 0.3, "n_attention_layers": 2},
        "art": {"n_layers": 5, "alpha": 0.1, "reg_weight": 1e-2, "lambda_m": 1.0, "n_attention_layers": 2},
        "taobao": {"n_layers": 5, "alpha": 0.2, "reg_weight": 1e-3, "lambda_m": 0.2, "n_attention_layers": 4},
    }
    n_negatives: ClassVar[int] = 2  # the negative item and the counterfactual item

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        hyper, size = self.hyper, self.hyper.embedding_size
        self.modalities = _chosen(hyper.modalities, dataset.item_features)
        self.user_embedding = nn.Embedding(self.n_users, size)
        self.item_embedding = nn.Embedding(self.n_items, size)
        nn.init.xavier_uniform_(self.user_embedding.weight)
        nn.init.xavier_uniform_(self.item_embedding.weight)
        self.features = nn.ModuleDict({m: self.feature_rows(dataset, m) for m in self.modalities})
        self.projections = nn.ParameterDict({m: xavier(f.width, size) for m, f in self.features.items()})
        interactions = dataset.inter_matrix(form="coo")
        self.adjacency = norm_adjacency(interactions, self_loop=hyper.self_loop, alpha=hyper.alpha)
        self.n_tokens = hyper.use_id + len(self.modalities)
        if not hyper.use_cl:
            return
        if not self.n_tokens:
            raise BenchError("MCLN: use_cl needs a token; set use_id, choose modalities, or clear use_cl")
        flat = self.n_tokens * size  # D
        width = flat if hyper.attention == "batch" else size
        layers = (CounterfactualLayer(width, hyper) for _ in range(hyper.n_attention_layers))
        self.layers = nn.ModuleList(layers)
        self.heads = nn.ParameterList(xavier(flat, size) for _ in range(2 - hyper.share_heads))  # H+, H-

    @staticmethod
    def depends_on_candidates(hyper) -> bool:
        return hyper.use_cl and hyper.attention == "batch"

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item row"]]:
        """Base vectors of the users; of the items base vector and projected modalities side by side."""
        ego = torch.cat([self.user_embedding.weight, self.item_embedding.weight])
        base = propagate_mean(self.adjacency, ego, self.hyper.n_layers)
        users, items = base.split([self.n_users, self.n_items])
        content = [self.features[m](self.projections[m]) for m in self.modalities]
        return users, torch.cat([items, *content], dim=1)

    def tokens(self, rows: Float[Tensor, "*batch row"]) -> Float[Tensor, "*token dim"]:
        """What attends, of rows of ``embed``: a token an item or, between modalities, (token, d) an item."""
        size = self.hyper.embedding_size
        rows = rows if self.hyper.use_id else rows[..., size:]
        return rows if self.hyper.attention == "batch" else rows.unflatten(-1, (self.n_tokens, size))

    def counterfactuals(self, tokens: Float[Tensor, "*token dim"]) -> list[tuple[Tensor, Tensor] | None]:
        """What each layer reads of the counterfactual tokens; None where nothing is taken from the attention."""
        return [None if self.hyper.attn_diff == "none" else layer.other(tokens) for layer in self.layers]

    def fuse(self, tokens: Float[Tensor, "*token dim"], others: list, head: Tensor, own=None) -> Tensor:
        """m: the tokens through all layers, which read ``others``, and the head; ``own`` is the first layer's."""
        for layer, other in zip(self.layers, others, strict=True):
            tokens, own = layer(tokens, other, own), None
        fused = (tokens if self.hyper.attention == "batch" else tokens.flatten(-2)) @ head
        return F.relu(fused) if self.hyper.head_relu else fused

    def fuse_pairs(self, positive: Tensor, negative: Tensor, counterfactual: Tensor) -> tuple[Tensor, Tensor]:
        """(m+, m-), both (batch, d), of a batch's rows of ``embed``."""
        others = self.counterfactuals(self.tokens(counterfactual))
        of_negative = others if self.hyper.neg_branch == "counterfactual" else [None] * len(others)
        fused = self.fuse(self.tokens(positive), others, self.heads[0])
        return fused, self.fuse(self.tokens(negative), of_negative, self.heads[-1])

    def components(self, rows: Float[Tensor, "*batch row"]) -> dict[str, Float[Tensor, "*batch dim"]]:
        """The base vector and, one by one, the modalities that score."""
        names = ["base", *self.modalities] if self.hyper.use_intra else ["base"]
        return dict(zip(names, rows.split(self.hyper.embedding_size, dim=-1), strict=False))

    def weight(self, component: str) -> float:
        """The component's factor in a score: lambda_m or 1."""
        weighed = component == "visual" if self.hyper.lambda_m_on == "visual" else component != "base"
        return self.hyper.lambda_m if weighed else 1.0

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        ranking, regulariser = self.losses(interaction)
        return ranking + regulariser

    def losses(self, interaction) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """(BPR terms summed, regulariser) of a batch."""
        user, positive = interaction[self.USER_ID], interaction[self.ITEM_ID]
        negative, counterfactual = self.negatives(interaction).unbind(dim=1)
        users, items = self.embed()
        rows = F.embedding(torch.cat([positive, negative, counterfactual]), items).chunk(3)
        better, worse = self.components(rows[0]), self.components(rows[1])
        if self.hyper.use_cl:
            better["fused"], worse["fused"] = self.fuse_pairs(*rows)
        vector = F.embedding(user, users)
        leads = [(vector * (better[c] - worse[c])).sum(-1) for c in better]  # (batch,) each
        if self.hyper.loss == "two_term" and len(leads) > 1:
            leads = [leads[0], torch.stack(leads[1:]).sum(0)]
        ranking = torch.stack([bpr(lead, torch.zeros_like(lead)) for lead in leads]).sum()
        ego = self.user_embedding(user), self.item_embedding(positive), self.item_embedding(negative)
        content = [side[c] for side in (better, worse) for c in side if c != "base"]
        return ranking, self.hyper.reg_weight * l2(*ego, *content)

    def represent(self) -> Encoded:
        users, rows = self.embed()
        items = sum(self.weight(c) * vector for c, vector in self.components(rows).items())
        if not self.hyper.use_cl:
            return Encoded(users, items)
        tokens = self.tokens(rows)
        if self.is_candidate_dependent:
            queries = [other[0] for other in self.counterfactuals(tokens) if other is not None]
            own = self.layers[0].own(tokens) if self.layers else ()
            return Encoded(users, items, tokens, own, tuple(queries))
        fused = self.fuse(tokens[1:], self.counterfactuals(tokens[1:]), self.heads[0])  # without the padding id
        return Encoded(users, items + self.weight("fused") * F.pad(fused, (0, 0, 1, 0)))

    def score(
        self, shared: Encoded, user: Int[Tensor, " batch"], item: Int[Tensor, "batch candidate"]
    ) -> Float[Tensor, "batch candidate"]:
        vectors = shared.users[user].unsqueeze(2)
        scores = torch.bmm(F.embedding(item, shared.items), vectors)
        if self.is_candidate_dependent:
            block = max(1, SCORED_ROWS // item.shape[1]) if item.device.type == "cpu" else max(1, len(item))
            parts = zip(item.split(block), vectors.split(block), strict=True)
            fused = [torch.bmm(self.fuse_candidates(shared, some), v) for some, v in parts]
            scores = scores + self.weight("fused") * torch.cat(fused)
        return scores.squeeze(2)

    def fuse_candidates(self, shared: Encoded, item: Int[Tensor, "batch candidate"]) -> Tensor:
        """m of each user's candidates, (batch, candidate, d); each candidate is its own counterfactual item."""
        tokens, own, queries = shared.read(item)
        others = [(query, tokens) for query in queries] or [None] * len(self.layers)
        return self.fuse(tokens, others, self.heads[0], own or None)

    def score_all(self, shared, user: Int[Tensor, " batch"]) -> Float[Tensor, "batch item"]:
        if self.is_candidate_dependent:
            return super().score_all(shared, user)
        return shared.users[user] @ shared.items.T


def _chosen(wanted: str, offered) -> list[str]:
    """Visual, textual, then the others in the order given."""
    names = sorted(offered, key=lambda m: ("visual", "textual").index(m) if m in ("visual", "textual") else 2)
    if wanted in ("all", "none"):
        return names if wanted == "all" else []
    if wanted not in names:
        raise BenchError(f"MCLN: modalities={wanted!r} but the data set offers {', '.join(names) or 'none'}")
    return [wanted]
