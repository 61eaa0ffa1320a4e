"""Projection of content to a model's width, from rows that train or stay as the data set gives them."""

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.features import FeatureRows


class ContentProjection(nn.Module):
    """X W + b for the rows X of one modality; X is a weight of the model, or frozen.

    Libraries of multimodal recommenders train X itself, starting from the data's rows. Rows that train are dense, even
    if the data set stores them sparsely, so that storage does not change what a model learns; X, its gradient and
    Adam's two moments then take 16 bytes for each item and column. Frozen rows stay sparse.

    Args:
        rows: (item, feat) dense array or SciPy sparse matrix.
        size: width of the projection.
        train_rows: whether X is a weight.
        bias: whether there is a b; without it b is 0.
    """

    def __init__(self, rows, size: int, *, train_rows: bool, bias: bool = True):
        super().__init__()
        self.linear = nn.Linear(rows.shape[1], size, bias=bias)  # W, b
        self.train_rows = train_rows
        self.rows = nn.Parameter(dense(rows)) if train_rows else FeatureRows(rows)  # X

    def forward(self, items: Int[Tensor, " some"] | None = None) -> Float[Tensor, "item dim"]:
        """Return the projection of all items, or only of ``items``."""
        if items is not None:
            is_part = self.train_rows and len(items) < len(self.rows)
            return self.linear(F.embedding(items, self.rows)) if is_part else F.embedding(items, self())
        if self.train_rows:
            return self.linear(self.rows)
        out = self.rows(self.linear.weight.T.contiguous())
        return out if self.linear.bias is None else out + self.linear.bias


def dense(rows) -> Float[Tensor, "item feat"]:
    """Return a copy of the rows as a dense float32 matrix."""
    return torch.from_numpy(np.array(rows.toarray() if sp.issparse(rows) else rows, dtype=np.float32))
