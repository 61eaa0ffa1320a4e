"""Item features with one interface for models, whether the rows are dense or sparse."""

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.nn.graph import SparseMatrix


class FeatureRows(nn.Module):
    """Frozen feature rows of one modality, row = item id, row 0 (padding) zero.

    Args:
        rows: (item, feat) dense array or SciPy sparse matrix.
    """

    def __init__(self, rows):
        super().__init__()
        self.n_items, self.width = rows.shape
        self.is_sparse = sp.issparse(rows)
        if self.is_sparse:
            self.rows = SparseMatrix(rows)
        else:
            dense = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))
            self.register_buffer("rows", dense, persistent=False)

    def forward(self, weight: Float[Tensor, "feat dim"]) -> Float[Tensor, "item dim"]:
        """Return the projection of all items: rows @ weight."""
        return self.rows(weight) if self.is_sparse else self.rows @ weight


def concatenate(rows: dict[str, np.ndarray | sp.spmatrix]):
    """Return the rows of several modalities side by side; they are sparse if any of these is sparse."""
    parts = list(rows.values())
    if any(sp.issparse(p) for p in parts):
        return sp.hstack([sp.csr_matrix(p) for p in parts], format="csr")
    return np.concatenate(parts, axis=1)
