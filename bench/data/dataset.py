"""A loaded data set: what every source ends in, and all that later steps see."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """Interactions and item features of one data set; ids from 0, no padding.

    Attributes:
        train: (n, 2) int64 user-item pairs as released: file order, repeats kept.
        valid: (k, 2) validation pairs; they may also stand in ``train`` (they do in the paper's files).
        test: (m, 2) test pairs.
        features: modality ("visual", "textual", "acoustic", ...) to (n_items, feat) float32 rows, a dense array
            or a CSR matrix; an item without features has a zero row.
        feature_id: which features these are, as in tables ("entities", "deep", "clip", ...).
        hash: sha256 over the content of all files (or generator settings) that entered.
        warnings: counted oddities of the files, for the audit.
        planted: on simulated sets, modality to {"relevant": (first, last), "irrelevant": (first, last)} columns.
    """

    name: str
    n_users: int
    n_items: int
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    features: dict[str, np.ndarray | sp.csr_matrix]
    feature_id: str
    hash: str
    warnings: list[str] = field(default_factory=list)
    planted: dict[str, Any] = field(default_factory=dict)
