"""MCLN: fuses item content by attention minus the attention of an item that the user has not met.

Li, Guo, Liu, Hong, Xue. "Multimodal Counterfactual Learning Network for Multimedia-based
Recommendation", SIGIR 2023, pp. 1539-1548. Authors' code: hfutmars/MCLN, commit 78279aa (TensorFlow 1).

    popularity-aware propagation, mean over the layers                  embed
    Eq. (10)-(13)  queries and keys of an item and its counterfactual   CounterfactualLayer.own, .other
    Eq. (14)       attention minus counterfactual attention             CounterfactualLayer.attend
    Eq. (16)       feed-forward, residual, normalisation                CounterfactualLayer.forward
    Eq. (18)       layers stacked                                       fuse
    Eq. (19)       content = visual + textual + fused                   components
    Eq. (22)       score with lambda_m                                  represent, score
    Eq. (23)-(25)  BPR losses and regulariser                           losses

The counterfactual item is one that the user has not met; what the attention finds in it is subtracted. The base vector
of a user or item comes from the graph. A token is [base | visual | textual | ...] over the modalities that the data set
offers, (1 + modalities) * d wide, and the fused vector is what attention makes of it. S are the attention logits of an
item's tokens and S* those of the counterfactual item's. BPR is the Bayesian personalised ranking loss.

`released` (the default) follows the authors' code to the letter. It departs from their paper as follows:
    attention runs across the batch, since for a single item Eq. (12) would be the softmax of one number;
    it takes softmax(S - S*) and not softmax(S) - softmax(S*), has one more linear map, and a ReLU after both
    feed-forward maps; each layer reads the raw counterfactual tokens; the last map has a ReLU, and negatives have
    another one of their own; negatives get plain attention; lambda_m applies to the visual score alone, and only when
    scoring; every component has a BPR term; the regulariser is half the sum of squares of the batch's vectors, fused
    ones included, divided by the batch size; and candidates attend to one another, each as its own counterfactual item,
    so that a score depends on all candidates.
`paper` follows the equations where they are defined. It keeps from the code the attention across the batch, the raw
    counterfactual tokens, the self-loop and the choice of vectors that are regularised. A negative is paired with the
    counterfactual item of its positive, which is outside the user's items and so can serve both; positive and negative
    then differ by their items alone.
`itemwise` is ours. The tokens of one item (base, visual, ..., each d wide) attend to one another, minus the logits
    of the counterfactual item's tokens; there is one head, and positives and negatives are treated alike. At scoring an
    item is its own counterfactual, as in `released`: a candidate is an item that the user has not met, so the learnt S*
    stays in every logit as in training. No other item enters, and a score depends on nothing but user and item.

Departures: The authors' content rows are deep features as their encoders gave them. Unless these lie in the data
folder, ours are TF-IDF rows of unit length, under the same lambda_m, alpha and weight of L2, which were chosen on
theirs. The authors' user tables for each modality are left out, because nothing uses them. W_Q W_K' and W_V W_linear
are multiplied first, which halves the projections and changes only the rounding. The variants of Table 3 are
`modalities`, `use_cl` and `use_id`; in Table 4, the intra-modal part is `use_intra` and the inter-modal one `use_cl`.

Modalities: all that the data set has, one of them, or none (``modalities``).
Fusion: the token goes through attention minus counterfactual attention, and through a head, to the fused vector.
    The base vector, each modality and the fused vector are scored one by one, and the scores are added.
Loss: the sum of one mean BPR for the base vector, one for each modality and one for the fused vector; with ``paper``,
    one for the base vector and one for the sum of the others. An L2 penalty covers the layer-0 vectors of the batch and
    its projected and fused vectors.
Parameters: N d + F d, for N users and items and F content columns; a layer adds 14 D^2 + 9 D and the heads 2 D d, with
    D = (m + 1) d for m modalities. With ``paper`` a layer adds 13 D^2 + 9 D and there is one head; with ``itemwise`` a
    layer adds 14 d^2 + 9 d and there is one head.
Cost per step: L (2 E + N) d multiply-adds for the graph of E training pairs and Z d for the Z stored entries of
    content, whatever the batch. A layer takes 5 B^2 D + 21 B D^2 for a batch of B; with ``paper`` 8 B^2 D + 21 B D^2;
    with ``itemwise`` 6 B t^2 d + 21 B t d^2, where t = m + 1.
Checked: Arrays recorded from two runs of the authors' code (tests/golden) are reproduced by ``released`` to within 1e-5
    of each array's largest entry: the graph, the vectors, the losses, the gradients and the scores. On a toy data set,
    graph, vectors, attention, losses and scores equal values worked out by hand, to 2e-6. Losses and gradients of every
    preset equal those of a naive re-implementation (tests/oracles/mcln.py), to 1e-5, and the scores do so to 1e-4.
    Without content, the fused vector, self-loops and alpha the scores are those of LightGCN, to 1e-6. A value weight
    moves positives, negatives and scores; the negatives' head moves negatives alone; a counterfactual query moves
    positives and scores. Every setting changes the loss or the scores.
Quality: On Taobao under `paper`, seed 0, `released` peaks at epoch 35 and then declines, as its attention keeps fitting
    the training pairs; LightGCN, at its best at epoch 205, ends 0.004 above in N@10 (NDCG@10). We tried nothing else.
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

SCORED_ROWS = 1600  # (user, candidate) pairs scored at once on a CPU, few enough for its cache


class Encoded(NamedTuple):
    """What all scores share: the vectors of users and items, whose inner product is the score without the fused part.

    Where candidates attend to one another, the fused part depends on them and is added for each user. It is computed
    from what the attention reads of every item: its tokens, ``own`` of the first layer, and each layer's counterfactual
    queries. Otherwise the fused part is already in the item vectors.
    """

    users: Float[Tensor, "user dim"]
    items: Float[Tensor, "item dim"]
    tokens: Float[Tensor, "item token"] | None = None
    own: tuple[Tensor, ...] = ()
    queries: tuple[Tensor, ...] = ()

    def read(self, item: Int[Tensor, "*batch"]) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The tokens, ``own`` and the queries of these items."""
        own, queries = (tuple(F.embedding(item, table) for table in tables) for tables in (self.own, self.queries))
        return F.embedding(item, self.tokens), own, queries


class MCLN(Recommender):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of the vectors
        n_layers: Count = choice(4, among=(1, 2, 3, 4, 5, 6))  # L, layers of the graph
        n_attention_layers: Count = choice(2, among=(1, 2, 3, 4, 5))  # M, counterfactual layers
        reg_weight: Weight = choice(1e-2, among=(0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1))  # lambda, weight of L2
        alpha: Weight = 0.1  # the degree of the source node has the exponent -(1/2 - alpha)
        self_loop: bool = True  # connect every node with itself
        lambda_m: Weight = 0.3  # weight of content scores, see lambda_m_on
        lambda_m_on: Literal["visual", "all_content"] = "visual"  # what lambda_m applies to
        modalities: Literal["all", "visual", "textual", "none"] = "all"  # chosen from those that the data set has
        use_intra: bool = True  # each modality has a score of its own
        use_cl: bool = True  # the fused vector has a score
        use_id: bool = True  # the token contains the base vector
        attention: Literal["batch", "modalities"] = "batch"  # which tokens attend to one another
        attn_diff: Literal["logits", "probs", "none"] = "logits"  # what S* is subtracted from
        attn_linear: bool = True  # W_linear after the values
        ffn_second_relu: bool = True  # a ReLU after the second feed-forward map too
        head_relu: bool = True  # a ReLU after the head
        share_heads: bool = False  # positives and negatives have one head
        neg_branch: Literal["plain", "counterfactual"] = "plain"  # the attention of negatives
        loss: Literal["per_component", "two_term"] = "per_component"  # the BPR terms

    training: ClassVar[dict[str, Any]] = {"sampling": "user"}  # as in the authors' code
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
        """The base vectors of the users; base vector and projected modalities, side by side, of the items."""
        ego = torch.cat([self.user_embedding.weight, self.item_embedding.weight])
        base = propagate_mean(self.adjacency, ego, self.hyper.n_layers)
        users, items = base.split([self.n_users, self.n_items])
        content = [self.features[m](self.projections[m]) for m in self.modalities]
        return users, torch.cat([items, *content], dim=1)

    def tokens(self, rows: Float[Tensor, "*batch row"]) -> Float[Tensor, "*token dim"]:
        """The tokens of rows of ``embed``: one per item, or where modalities attend, (token, d) per item."""
        size = self.hyper.embedding_size
        rows = rows if self.hyper.use_id else rows[..., size:]
        return rows if self.hyper.attention == "batch" else rows.unflatten(-1, (self.n_tokens, size))

    def counterfactuals(self, tokens: Float[Tensor, "*token dim"]) -> list[tuple[Tensor, Tensor] | None]:
        """What each layer reads of the counterfactual tokens; None where nothing is subtracted from the attention."""
        return [None if self.hyper.attn_diff == "none" else layer.other(tokens) for layer in self.layers]

    def fuse(self, tokens: Float[Tensor, "*token dim"], others: list, head: Tensor, own=None) -> Tensor:
        """The fused vectors: tokens through all layers, which read ``others``, and the head; ``own`` is of layer 1."""
        for layer, other in zip(self.layers, others, strict=True):
            tokens, own = layer(tokens, other, own), None
        fused = (tokens if self.hyper.attention == "batch" else tokens.flatten(-2)) @ head
        return F.relu(fused) if self.hyper.head_relu else fused

    def fuse_pairs(self, positive: Tensor, negative: Tensor, counterfactual: Tensor) -> tuple[Tensor, Tensor]:
        """The fused vectors (m+, m-) of positives and negatives, both (batch, d), from rows of ``embed``."""
        others = self.counterfactuals(self.tokens(counterfactual))
        of_negative = others if self.hyper.neg_branch == "counterfactual" else [None] * len(others)
        fused = self.fuse(self.tokens(positive), others, self.heads[0])
        return fused, self.fuse(self.tokens(negative), of_negative, self.heads[-1])

    def components(self, rows: Float[Tensor, "*batch row"]) -> dict[str, Float[Tensor, "*batch dim"]]:
        """The base vector and, one by one, the modalities that have a score of their own."""
        names = ["base", *self.modalities] if self.hyper.use_intra else ["base"]
        return dict(zip(names, rows.split(self.hyper.embedding_size, dim=-1), strict=False))

    def weight(self, component: str) -> float:
        """The factor of the component in a score: lambda_m or 1."""
        weighed = component == "visual" if self.hyper.lambda_m_on == "visual" else component != "base"
        return self.hyper.lambda_m if weighed else 1.0

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        ranking, regulariser = self.losses(interaction)
        return ranking + regulariser

    def losses(self, interaction) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The sum of the BPR terms, and the regulariser, of a batch."""
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
        """The fused vectors of each user's candidates, (batch, candidate, d); each is its own counterfactual item."""
        tokens, own, queries = shared.read(item)
        others = [(query, tokens) for query in queries] or [None] * len(self.layers)
        return self.fuse(tokens, others, self.heads[0], own or None)

    def score_all(self, shared, user: Int[Tensor, " batch"]) -> Float[Tensor, "batch item"]:
        if self.is_candidate_dependent:
            return super().score_all(shared, user)
        return shared.users[user] @ shared.items.T


def _chosen(wanted: str, offered) -> list[str]:
    """The chosen modalities: visual, textual, then the others in the order of the data set."""
    names = sorted(offered, key=lambda m: ("visual", "textual").index(m) if m in ("visual", "textual") else 2)
    if wanted in ("all", "none"):
        return names if wanted == "all" else []
    if wanted not in names:
        raise BenchError(f"MCLN: modalities={wanted!r} but the data set offers {', '.join(names) or 'none'}")
    return [wanted]
