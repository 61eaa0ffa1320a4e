"""Evidence for single interactions, new interactions that content suggests, and weighted graphs."""

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
    """For each edge, the mean of the two largest cosines between its item and the user's other items.

    With two items it is their one cosine, and with a single item 0. Users of equal degree are handled in blocks of
    Gram matrices with at most ``budget`` entries.

    Args:
        unit: content rows of unit norm, or zero.
        user: the user of each edge, sorted.
    """
    _, degree = torch.unique_consecutive(user, return_counts=True)
    start, out = degree.cumsum(0) - degree, torch.zeros(len(user), device=unit.device)
    for size in degree[degree > 1].unique().tolist():
        for first in start[degree == size].split(max(1, budget // size**2)):
            edge = first.unsqueeze(1) + torch.arange(size, device=unit.device)  # (user, size)
            rows = unit[item[edge]]
            like = rows @ rows.mT
            like.diagonal(dim1=1, dim2=2).fill_(-torch.inf)  # an item is not its own neighbour
            out[edge] = like.topk(min(2, size - 1), dim=2).values.mean(2)
    return out


def support(met: sp.csr_matrix, graph: sp.csr_matrix, *, block: int = 4096) -> np.ndarray:
    """For each edge in CSR order, the sum of S_ij over the user's other items j, over 1 - S_ii; 0 where S_ii is 1."""
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
    """For each user u, the ``n_added`` items j outside their items N(u) with the largest sum of S_ij over i in N(u).

    Ties go to the lower id. Where no item with a positive sum is left, the entry is 0.
    """
    n_users, n_items = met.shape
    out = np.zeros((n_users, n_added), dtype=np.int64)
    for start in range(0, n_users, block):
        part = met[start : start + block]
        score = (part @ graph).tocsr()
        score = (score - score.multiply(part > 0)).tocsr()
        user, item, level = *score.nonzero(), np.rint(score.data * GRID).astype(np.int64)
        is_free = (level > 0) & (item > 0)  # 0 is the padding id
        user, item, level = user[is_free], item[is_free], level[is_free]
        order = np.lexsort((item, -level, user))
        user, item = user[order], item[order]
        place = np.arange(len(user)) - np.searchsorted(user, user)  # rank among the items of the user
        is_kept = place < n_added
        out[start + user[is_kept], place[is_kept]] = item[is_kept]
    return out


def z_scores(values: Float[Tensor, " edge"]) -> Float[Tensor, " edge"]:
    """(x - mean) / std over all edges; all zero where x hardly varies."""
    deviation = values.std(correction=0)
    return (values - values.mean()) / deviation if deviation >= 1e-6 else torch.zeros_like(values)


def weighted_graphs(user, item, weight, shape: tuple[int, int]) -> tuple[SparseMatrix, SparseMatrix]:
    """Two graphs of weighted edges: w / sqrt(D_u D_i), symmetric (node, node), and the mean w / D_u, (user, item)."""
    value, row, column = (x.cpu().numpy() for x in (weight, user, item))
    r = sp.csr_matrix((value.astype(np.float64), (row, column)), shape=shape)
    by_user, by_item = (np.asarray(r.sum(axis=k)).ravel() for k in (1, 0))
    both = sp.diags(_inverse(np.sqrt(by_user))) @ r @ sp.diags(_inverse(np.sqrt(by_item)))
    adjacency = sp.bmat([[None, both], [both.T, None]], format="csr")
    mean = sp.diags(_inverse(by_user)) @ r
    return SparseMatrix(adjacency).to(weight.device), SparseMatrix(mean).to(weight.device)


def _inverse(x):
    return np.divide(1.0, x, out=np.zeros_like(x), where=x > 0)
