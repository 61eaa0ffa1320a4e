"""A loaded data set, in the one form that all sources give and all later steps take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Int64

Pairs = Int64[np.ndarray, "_ 2"]  # user, item
Rows = np.ndarray | sp.csr_matrix  # (n_items, feat) float32


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """Interactions and item features of one data set.

    Users and items are numbered from 0, without padding and without gaps: each occurs in some part.

    Attributes:
        train: (n, 2) int64 user-item pairs as released: file order, repeats kept.
        valid: (k, 2) validation pairs; they may also stand in ``train`` (they do in the paper's files).
        test: (m, 2) test pairs.
        features: modality ("visual", "textual", "acoustic", ...) to (n_items, feat) float32 rows, a dense array
            or a CSR matrix; an item without features has a zero row.
        feature_id: the name of these features in tables ("entities", "deep", "clip", ...).
        hash: sha256 over the content of all files, or over the settings of the generator.
        warnings: oddities of the files, with counts.
        planted: on simulated sets, modality to the columns {"relevant": (first, end), "irrelevant": (first, end)}.
        ids: "user" and "item" to (n,) ids in the files, in the order of our numbers; empty for a simulated set.
    """

    name: str
    n_users: int
    n_items: int
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    features: dict[str, Rows]
    feature_id: str
    hash: str
    warnings: list[str] = field(default_factory=list)
    planted: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: dict[str, Pairs], ids: dict[str, np.ndarray], features: dict[str, Rows], **more) -> "Dataset":
        """Make a data set of numbered ``pairs`` by part ("train", ...); the cache fills in name and hash later."""
        sizes = {f"n_{kind}s": len(ids_of_kind) for kind, ids_of_kind in ids.items()}
        return cls(name="", hash="", **sizes, **pairs, features=features, ids=ids, **more)


def renumber(
    parts: Mapping[str, Pairs], *, users: Sequence[int] | np.ndarray = (), items: Sequence[int] | np.ndarray = ()
) -> tuple[dict[str, Pairs], dict[str, np.ndarray], list[str]]:
    """Number users and items from 0 in the order of their ids; an id that occurs neither in the pairs of ``parts`` nor
    in ``users`` or ``items`` gets no number.

    An item without any interaction would be an easy candidate, since no model has a reason to rank it high.

    Returns the parts in numbers, "user" and "item" to the id of each number, and a warning per kind of id with gaps.
    """
    pairs = np.concatenate(list(parts.values()))
    user_ids = np.unique(np.concatenate([pairs[:, 0], np.asarray(users, dtype=np.int64)]))
    item_ids = np.unique(np.concatenate([pairs[:, 1], np.asarray(items, dtype=np.int64)]))
    ids = {"user": user_ids, "item": item_ids}
    numbered = {
        name: np.stack([np.searchsorted(user_ids, part[:, 0]), np.searchsorted(item_ids, part[:, 1])], axis=1)
        for name, part in parts.items()
    }
    gaps = {kind: int(ids_of_kind[-1]) + 1 - len(ids_of_kind) for kind, ids_of_kind in ids.items()}
    warnings = [
        f"{kind} ids below the largest that never occur: {gap:,}; they are left out, and the {kind}s numbered anew"
        for kind, gap in gaps.items()
        if gap
    ]
    return numbered, ids, warnings
