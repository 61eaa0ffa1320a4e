"""Uniform draws of items that a user has not met, without rejection and without waiting for the device."""

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Int
from torch import Tensor, nn

PADDING = 1  # the number of ids before the first item


class NegativeSampler(nn.Module):
    """A sampler that draws uniformly from the items outside a user's training items.

    The r-th item outside a sorted list t_0 < t_1 < ... is r + #{k : t_k - k <= r}; one binary search in the keys
    ``user * stride + t_k - k`` finds that count for every draw at once, exactly.

    Args:
        interactions: (user, item) SciPy matrix of training pairs.
    """

    def __init__(self, interactions):
        super().__init__()
        csr = sp.csr_matrix(interactions)
        csr.sum_duplicates()
        csr.sort_indices()
        degree = np.diff(csr.indptr)
        self.stride = csr.shape[1] + 1
        rows = np.repeat(np.arange(csr.shape[0]), degree)
        place = np.arange(csr.nnz) - csr.indptr[rows]
        keys = rows * self.stride + (csr.indices - PADDING) - place
        self.register_buffer("keys", torch.from_numpy(keys.astype(np.int64)), persistent=False)
        self.register_buffer("start", torch.from_numpy(csr.indptr[:-1].astype(np.int64)), persistent=False)
        free = csr.shape[1] - PADDING - degree
        self.register_buffer("free", torch.from_numpy(free.astype(np.int64)), persistent=False)

    def forward(self, user: Int[Tensor, "..."], generator: torch.Generator | None = None) -> Int[Tensor, "..."]:
        """Draw a negative for every entry of ``user``, of any shape; no user may have met every item."""
        share = torch.rand(user.shape, device=user.device, dtype=torch.float64, generator=generator)
        return self.outside(user, (share * self.free[user]).long())

    def outside(self, user: Int[Tensor, "..."], rank: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
        """Return the ``rank``-th item, from 0, outside the training items of ``user``."""
        met = torch.searchsorted(self.keys, user * self.stride + rank, right=True) - self.start[user]
        return rank + met + PADDING
