"""Evidence on single interactions, weighted samples of them, and the graphs they make."""

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bench.nn.graph import SparseMatrix

GRID = 2**20  # scores closer than this step count as equal


def two_nearest(
    unit: Float[Tensor, "item dim"],
    user: Int[Tensor, " edge"],
    item: Int[Tensor, " edge"],
    *,
    budget: int = 2**22,
) -> Float[Tensor, " edge"]:
    """Mean of the two largest cosines between an edge's item and the user's other items.

    The one cosine of a user with two items; 0 for a user with one. Users of like degree are padded to one
    block of Gram matrices of at most ``budget`` entries.

    Args:
        unit: rows of unit norm (or zero).
        user: sorted.
    """
    device = unit.device
    _, degree = torch.unique_consecutive(user, return_counts=True)
    start = degree.cumsum(0) - degree
    order = degree.argsort(stable=True)
    out, sizes = torch.zeros(len(user), device=device), degree[order].tolist()
    first = 0
    while first < len(sizes):
        last = min(len(sizes), first + max(1, budget // sizes[first] ** 2))
        last = min(last, first + max(1, budget // sizes[last - 1] ** 2))
        who, widest = order[first:last], sizes[last - 1]
        if widest > 1:
            place = torch.arange(widest, device=device)
            real = place < degree[who].unsqueeze(1)
            edge = torch.where(real, start[who].unsqueeze(1) + place, start[who].unsqueeze(1))
            rows = unit[item[edge]]
            like = rows @ rows.transpose(1, 2)
            hidden = ~real.unsqueeze(1) | torch.eye(widest, dtype=torch.bool, device=device)
            top = like.masked_fill(hidden, -torch.inf).topk(min(2, widest - 1), dim=2).values
            there = top.isfinite()
            mean = torch.where(there, top, torch.zeros_like(top)).sum(2) / there.sum(2).clamp_min(1)
            out[edge[real]] = mean[real]
        first = last
    return out


def support(met: sp.csr_matrix, graph: sp.csr_matrix, *, block: int = 4096) -> np.ndarray:
    """(edge,) sum over the user's other items j of S_ij, over 1 - S_ii; 0 where S_ii is 1. Edges as in CSR."""
    own, back = graph.diagonal(), graph.T.tocsr()
    total = [np.zeros(0)]
    for start in range(0, met.shape[0], block):
        part = met[start : start + block]
        score = (part @ back).tocsr()
        score.sort_indices()
        total.append(np.asarray(score[part.nonzero()]).ravel())
    total, left = np.concatenate(total) - own[met.indices], 1 - own[met.indices]
    return np.divide(total, left, out=np.zeros_like(total), where=left > 1e-6)


def completions(met: sp.csr_matrix, graph: sp.csr_matrix, n_added: int, *, block: int = 4096) -> np.ndarray:
    """(user, n_added) items j outside N(u) with the largest sum over N(u) of S_ij, ties by lower id.

    0 where no item is left with a positive sum.
    """
    n_users, n_items = met.shape
    out = np.zeros((n_users, n_added), dtype=np.int64)
    for start in range(0, n_users, block):
        part = met[start : start + block]
        score = (part @ graph).tocsr()
        score = (score - score.multiply(part > 0)).tocsr()
        level = np.rint(score.data * GRID).astype(np.int64)
        is_free = (level > 0) & (score.indices > 0)  # 0 is the padding id
        key = np.where(is_free, level * n_items + (n_items - 1 - score.indices), -1)  # (score, lower id)
        rows = np.flatnonzero(np.diff(score.indptr))
        for place in range(n_added if len(key) else 0):
            best = np.maximum.reduceat(key, score.indptr[rows])
            out[start + rows, place] = np.where(best >= 0, n_items - 1 - best % n_items, 0)
            key[key == np.repeat(best, np.diff(score.indptr)[rows])] = -1
    return out


def z_scores(values: Float[Tensor, " edge"]) -> Float[Tensor, " edge"]:
    """(x - mean) / std over all; zero where they hardly vary."""
    deviation = values.std(correction=0)
    return (values - values.mean()) / deviation if deviation >= 1e-6 else torch.zeros_like(values)


def sample_edges(weight: Float[Tensor, " edge"], n: int) -> Int[Tensor, " kept"]:
    """n distinct edges, sorted: successive draws without replacement, probability proportional to weight.

    Exponential clocks of rate ``weight``: the first n to ring are exactly such draws, however many edges.
    """
    clock = torch.empty_like(weight).exponential_() / weight
    return clock.topk(n, largest=False).indices.sort().values


def weighted_graphs(user, item, weight, shape: tuple[int, int]) -> tuple[SparseMatrix, SparseMatrix]:
    """Of weighted edges the symmetric (node, node) w / sqrt(D_u D_i) and the (user, item) mean w / D_u."""
    value, row, column = (x.cpu().numpy() for x in (weight, user, item))
    r = sp.csr_matrix((value.astype(np.float64), (row, column)), shape=shape)
    by_user, by_item = (np.asarray(r.sum(axis=k)).ravel() for k in (1, 0))
    both = sp.diags(_inverse(np.sqrt(by_user))) @ r @ sp.diags(_inverse(np.sqrt(by_item)))
    adjacency = sp.bmat([[None, both], [both.T, None]], format="csr")
    mean = sp.diags(_inverse(by_user)) @ r
    return SparseMatrix(adjacency).to(weight.device), SparseMatrix(mean).to(weight.device)


def _inverse(x):
    return np.divide(1.0, x, out=np.zeros_like(x), where=x > 0)
