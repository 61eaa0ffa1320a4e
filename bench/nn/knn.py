"""Graphs of nearest neighbours among items, by cosine similarity of their rows."""

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Int
from torch import Tensor

from bench.nn.precision import in_float32

GRID = 2**20  # similarities closer than this step count as equal, so that rounding does not decide a tie


def unit_rows(rows):
    """Scale rows to unit norm; zero rows stay zero. An array, SciPy sparse matrix or tensor keeps its kind."""
    if torch.is_tensor(rows):
        return torch.nn.functional.normalize(rows, dim=1)
    square = rows.multiply(rows) if sp.issparse(rows) else np.square(rows)
    norm = np.sqrt(np.asarray(square.sum(axis=1)).ravel())
    inverse = np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0).astype(np.float32)
    return (sp.diags(inverse) @ rows).tocsr() if sp.issparse(rows) else rows * inverse[:, None]


def has_row(rows) -> np.ndarray:
    """Return (item,) bool: whether the row has an entry other than zero."""
    return np.asarray((rows != 0).sum(axis=1)).ravel() > 0


def nearest(rows, k: int, *, block: int = 512) -> Int[Tensor, "item neighbour"]:
    """Return the ``k`` items of largest cosine to each item, the item itself first; ties go to the lower index.

    A zero row (an item without this content, or padding) is no other item's neighbour, and its only neighbour is
    itself; lists with too few neighbours are filled with the item. Memory: block x item similarities; sparse rows stay
    sparse. For a tensor on a GPU the host does not wait. Cosines are products in float32 whatever the precision of the
    training, so that training and evaluation have the same neighbours.

    Args:
        rows: (item, feat) array, SciPy sparse matrix or tensor.
        block: number of items that are compared with all items at once.
    """
    n = rows.shape[0]
    absent = (rows == 0).all(dim=1) if torch.is_tensor(rows) else torch.from_numpy(~has_row(rows))
    rows, device = unit_rows(rows.float() if torch.is_tensor(rows) else rows), absent.device
    rows = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32)) if isinstance(rows, np.ndarray) else rows
    order = torch.arange(n - 1, -1, -1, device=device)
    item, n_listed = torch.arange(n, device=device).unsqueeze(1), min(k, n)
    out = item.repeat(1, k)
    keys = torch.empty(min(block, n), n, dtype=torch.int64, device=device)
    for start in range(0, n, block):
        like = _cosines(rows, slice(start, start + block))
        like.masked_fill_(absent, -2)
        like.diagonal(start).fill_(2)
        key = keys[: len(like)].copy_(like.mul_(GRID).round_())
        key.mul_(n).add_(order)  # one integer for (similarity, lower index)
        part = slice(start, start + len(like))
        value, index = key.topk(n_listed, dim=1)
        out[part, :n_listed] = torch.where(value < -1.5 * GRID * n, item[part], index)  # absent: about -2 GRID n
    return torch.where(absent.unsqueeze(1), item, out)


def _cosines(rows, part: slice) -> Tensor:
    if torch.is_tensor(rows):
        with in_float32(rows.device):
            return rows[part] @ rows.T
    return torch.from_numpy(np.ascontiguousarray((rows @ rows[part].toarray().T).T, dtype=np.float32))


def neighbour_graph(lists: list[Int[Tensor, "item neighbour"]], weights: list[float]) -> sp.csr_matrix:
    """Return sum_m weight_m B_m / k, with B_m[i, j] = 1 where j is in list m of i: row = item, column = neighbour."""
    total = None
    for neighbours, weight in zip(lists, weights, strict=True):
        n, k = neighbours.shape
        row, value = np.repeat(np.arange(n), k), np.full(n * k, weight / k)
        graph = sp.csr_matrix((value, (row, neighbours.cpu().numpy().ravel())), shape=(n, n))
        total = graph if total is None else total + graph
    return total
