"""MEGCF: one graph of users, items and the entities found in the items' content, beside the plain user-item graph.

Liu, Xue, Guo, Wu, Li, Hong. "MEGCF: Multimodal Entity Graph Collaborative Filtering for Personalized Recommendation",
ACM TOIS 41(2), 2022, arXiv:2210.07443. We read the code of hfutmars/MEGCF, commit 3022b33; the text of the paper was
not at hand.

    W   = D^(-1/2) (A + I) D^(-(1/2 - alpha)), edges times w_i of their item, the loop times 2    weighted_graph
    w_i = (c_i / max c)^0.01, mean 1; c_i the item's training users less one                      popularity
    E_g = W_g^L [P; Q; Z] for the graph g without entities and the one with them, last layer      last_layers
    score = <E_0[u], E_0[i]> + <E_1[u], E_1[i]>                                                   embed
    loss = BPR_0 + BPR_1 + lambda_0 L2(E_0) + lambda_1 L2(E_1), on the batch's last-layer rows    terms

P, Q and Z are the id vectors of users, items and entities, A the adjacency matrix and D its degrees. An entity is a
column of a modality's content rows, such as a word or an object that was recognised in an image. Graph 0 is the one
without entities, and BPR_g is the Bayesian personalised ranking loss of the scores of graph g.

Departures:
- an item's entities are its non-zero columns where at most half of the entries of a modality are non-zero; fuller rows,
  which the code does not have, give an item the eight columns in which it stands out most;
- as for every model here, the content of Beauty and Art is the entities of titles and images, and that of Taobao those
  of images; the code also uses the words of reviews on Beauty and Art, and those of titles on Taobao, which
  `--features entities+review` and `--features entities+title` add;
- modalities do not share entities, where the code gives a word the same number in title and review, and an object in an
  image that of the word for it: 77 entities of Beauty and 104 of Art, none of Taobao, are of titles and images alike;
- on every data set, edges are weighted by popularity, as in the code without reviews: the sentiment of reviews, which
  the code uses for Beauty and Art, is not part of the data; ``item_weight="none"`` weights all edges equally;
- the L2 penalty is divided by the actual length of the batch, where the code divides by the configured batch size.
The preset ``paper`` counts the self-loop once, like any neighbour. The code adds it twice, so that in graph
0 the vector of an item without interactions doubles with every layer. The settings per data set are those of the code.

Modalities: all that the data set has, with a list of entities for each; at least one.
Fusion: items that share an entity are two steps apart in one graph; the scores of the two graphs are added.
Loss: mean BPR of each graph's own scores; an L2 penalty on the batch's last-layer vectors of each graph.
Parameters: N d for N users and items with vectors of size d, and d for each entity.
Cost per step: 2 L E d multiply-adds for the plain graph of E training pairs, and 2 L (E + links between items and
    entities) d for the other.
Checked: Arrays recorded from runs of the authors' code, with 2 and with 3 layers, are reproduced to within 1e-5 of each
    array's largest entry: the graphs, the vectors, the scores, every term of the loss and every gradient. On a graph of
    one user, one item and two entities, one layer equals values worked out by hand. An item with a single entity gets
    no edge to it. Without entity edges the score is twice that of one graph. The weights w_i equal values worked out by
    hand, and their mean is 1. Trained on Beauty with the words of reviews, its N@10 (NDCG@10) on the test set follows
    the authors' log: 0.404 and 0.434 at epochs 20 and 100, where the log has 0.406 and 0.434.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.nn.graph import SparseMatrix
from bench.nn.losses import bpr_rows, l2
from bench.nn.recommender import EmbeddingRecommender
from bench.spec import Count, NotApplicable, Size, Weight, choice, log_uniform

DENSE_ENTITIES = 8  # of an item, where most entries of a modality are not zero


class MEGCF(EmbeddingRecommender):
    presets = {"default": {}, "released": {}, "paper": {"self_loop_weight": 1.0}}
    training = {"sampling": "user"}  # as in the authors' code
    per_dataset = {
        "art": {"n_layers": 5},
        "taobao": {"n_layers": 5, "alpha": 0.2, "reg_weight": 1e-3, "entity_reg_weight": 1e-4},
    }

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of the vectors
        n_layers: Count = choice(3, among=(2, 3, 4, 5))  # L, layers of both graphs
        alpha: Weight = choice(0.1, among=(0.0, 0.1, 0.2, 0.3))  # exponent of the source node's degree: alpha - 1/2
        reg_weight: Weight = log_uniform(1e-2, low=1e-5, high=1e-1)  # lambda_0, L2 of the plain graph
        entity_reg_weight: Weight = log_uniform(1e-3, low=1e-5, high=1e-1)  # lambda_1, L2 of the graph with entities
        self_loop_weight: Weight = 2.0  # how often the self-loop counts
        min_entities: Count = 2  # an item with fewer in a modality has none of it
        item_weight: Literal["popularity", "none"] = "popularity"  # w_i, or 1

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        h, rows = self.hyper, dataset.item_features
        if not rows:
            raise NotApplicable("MEGCF needs rows of item content, and the data set has none")
        links = sp.hstack([entity_links(x, at_least=h.min_entities) for x in rows.values()], format="csr")
        self.user_embedding = nn.Embedding(self.n_users, h.embedding_size)  # P
        self.item_embedding = nn.Embedding(self.n_items, h.embedding_size)  # Q
        self.entity_embedding = nn.Embedding(links.shape[1], h.embedding_size)  # Z
        for parameter in self.parameters():
            nn.init.xavier_uniform_(parameter)
        met = dataset.inter_matrix(form="csr")
        weight = popularity(met) if h.item_weight == "popularity" else np.ones(self.n_items)
        how = {"item_weight": weight, "alpha": h.alpha, "self_loop_weight": h.self_loop_weight}
        self.interactions = weighted_graph(met, links[:, :0], **how)  # W_0, without the entities
        self.entities = weighted_graph(met, links, **how)  # W_1

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        """[E_0, E_1] side by side, so that one inner product adds up the two scores."""
        (users, items), (more_users, more_items, _) = self.last_layers()
        return torch.cat([users, more_users], dim=1), torch.cat([items, more_items], dim=1)

    def last_layers(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The vectors (users, items) of the plain graph, and (users, items, entities) of the graph with entities."""
        tables = [self.user_embedding.weight, self.item_embedding.weight, self.entity_embedding.weight]
        return self.last_layer(self.interactions, tables[:2]), self.last_layer(self.entities, tables)

    def last_layer(self, graph: SparseMatrix, tables: list[Tensor]) -> tuple[Tensor, ...]:
        hidden = torch.cat(tables)
        for _ in range(self.hyper.n_layers):
            hidden = graph(hidden)
        return hidden.split([len(table) for table in tables])

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        return sum(self.terms(interaction).values())

    def terms(self, interaction) -> dict[str, Float[Tensor, ""]]:
        """The terms whose sum is the loss."""
        h = self.hyper
        user, positive, negative = self.triple(interaction)  # (batch,) each
        (users, items), (more_users, more_items, _) = self.last_layers()
        rows = users[user], items[positive], items[negative]
        more_rows = more_users[user], more_items[positive], more_items[negative]
        return {
            "bpr_interactions": bpr_rows(users, items, user, positive, negative),
            "bpr_entities": bpr_rows(more_users, more_items, user, positive, negative),
            "reg": h.reg_weight * l2(*rows) + h.entity_reg_weight * l2(*more_rows),
        }


def entity_links(rows, *, at_least: int) -> sp.csr_matrix:
    """The (item, entity) matrix of 0 and 1 of the entities that each item has in one modality.

    Args:
        rows: (item, feat) array or SciPy sparse matrix.
        at_least: an item with fewer entities is given none.
    """
    links = sp.csr_matrix(rows != 0, dtype=np.float32)
    known = np.diff(links.indptr) > 0
    if links.nnz > 0.5 * known.sum() * links.shape[1]:
        links = outstanding(rows.toarray() if sp.issparse(rows) else rows, known)
    kept = np.diff(links.indptr) >= at_least
    links = (sp.diags(kept.astype(np.float32)) @ links).tocsr()
    links.eliminate_zeros()
    return links


def outstanding(rows: np.ndarray, known: np.ndarray) -> sp.csr_matrix:
    """The (item, entity) 0/1 matrix of the columns in which an item is most standard deviations above the mean."""
    n_entities = min(DENSE_ENTITIES, rows.shape[1])
    scale = rows[known].std(axis=0)
    score = (rows[known] - rows[known].mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    column = np.argsort(-score, axis=1, kind="stable")[:, :n_entities].ravel()
    item = np.flatnonzero(known).repeat(n_entities)
    return sp.csr_matrix((np.ones(len(item), dtype=np.float32), (item, column)), shape=rows.shape)


def popularity(interactions: sp.csr_matrix) -> np.ndarray:
    """w of each item: (c / max c)^0.01, or 1 where c is 0, for c users less one; scaled to mean 1 without padding."""
    count = np.maximum(np.asarray(interactions.sum(axis=0)).ravel() - 1, 0)
    share = np.where(count > 0, count, count.max(initial=0)) / max(count.max(initial=0), 1)
    weight = np.where(count > 0, share, 1.0) ** 0.01
    return weight / weight[1:].mean()  # item 0 is the padding id


def weighted_graph(interactions, links, *, item_weight, alpha: float, self_loop_weight: float) -> SparseMatrix:
    """W over users, items and entities; rows are the receiving nodes, columns the sending ones.

    Args:
        interactions: (user, item) 0 or 1.
        links: (item, entity) 0 or 1; without columns for the graph that has no entities.
        item_weight: (item,) the weight of an item's edges.
    """
    n_users, n_entities = interactions.shape[0], links.shape[1]
    degrees = [interactions.sum(axis=1), interactions.sum(axis=0).T + links.sum(axis=1), links.sum(axis=0).T]
    degree = 1 + np.concatenate([np.asarray(d, dtype=np.float64).ravel() for d in degrees])  # the self-loop counts once
    by_item = sp.diags(item_weight)
    met, has = interactions @ by_item, by_item @ links
    none = sp.csr_matrix((n_users, n_entities))
    edges = sp.bmat([[None, met, none], [met.T, None, has], [none.T, has.T, None]])
    loops = sp.diags(np.full(len(degree), self_loop_weight))
    return SparseMatrix(sp.diags(degree**-0.5) @ (edges + loops) @ sp.diags(degree ** -(0.5 - alpha)))
