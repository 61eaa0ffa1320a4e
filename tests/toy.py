"""Tiny data whose answers are known: the toy of the specs, a checkerboard, and a random set."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.nn.features import FeatureRows
from bench.nn.graph import SparseMatrix
from bench.train.bridge import TrainingSet, build

TOY_TRAIN = np.array([[0, 0], [0, 1], [1, 1], [1, 2]])
TOY_USERS = [[0.1, 0.2], [-0.3, 0.4]]
TOY_ITEMS = [[0.5, -0.1], [0.2, 0.3], [-0.4, 0.6]]
TOY_VISUAL = np.array([[1, 0, 2], [0, 1, 1], [2, 1, 0]], dtype=np.float32)
TOY_TEXTUAL = np.array([[1, 1], [0, 2], [1, 0]], dtype=np.float32)


def close(values):
    """What stands for ``values`` that a spec gives to six digits."""
    return pytest.approx(np.array(values), abs=2e-6)


def toy_set(*, modalities=("visual", "textual")) -> TrainingSet:
    """Two users, three items: train (0,0) (0,1) (1,1) (1,2)."""
    rows = {"visual": TOY_VISUAL, "textual": TOY_TEXTUAL}
    features = {m: rows[m] for m in modalities}
    return TrainingSet(TOY_TRAIN, n_users=2, n_items=3, features=features)


def toy_batch(**more) -> dict[str, torch.Tensor]:
    """The batch of the specs: (u0, +0, -2), (u1, +1, -0), ids shifted by the padding id."""
    batch = {"user_id": [1, 2], "item_id": [1, 2], "neg_item_id": [3, 1], **more}
    return {k: torch.tensor(v) for k, v in batch.items()}


def set_rows(table: torch.Tensor, values) -> None:
    """Write ``values`` below the padding row of an embedding table."""
    with torch.no_grad():
        table[1:] = torch.tensor(values, dtype=table.dtype)


def as_dense(matrix: SparseMatrix | FeatureRows) -> torch.Tensor:
    """A sparse matrix, or the rows of features, written out."""
    if isinstance(matrix, FeatureRows):
        return as_dense(matrix.rows) if matrix.is_sparse else matrix.rows
    values = matrix.forward_values
    return matrix(torch.eye(matrix.shape[1], dtype=values.dtype, device=values.device))


def random_set(*, n_users=30, n_items=40, per_user=6, seed=0, sparse=False, modalities=("visual", "textual")):
    """A random data set with features of widths 12, 7 and 5."""
    rng = np.random.default_rng(seed)
    pairs = [(u, i) for u in range(n_users) for i in rng.choice(n_items, per_user, replace=False)]
    features = {}
    for modality, width in zip(("visual", "textual", "acoustic"), (12, 7, 5), strict=True):
        if modality in modalities:
            rows = rng.normal(size=(n_items, width)) * (rng.random((n_items, width)) < 0.4)
            features[modality] = rows.astype(np.float32)
    if sparse:
        import scipy.sparse as sp

        features = {m: sp.csr_matrix(f) for m, f in features.items()}
    return TrainingSet(np.array(pairs), n_users=n_users, n_items=n_items, features=features)


def random_batch(data: TrainingSet, *, size=16, seed=0, n_negatives=1) -> dict[str, torch.Tensor]:
    """Training triples of ``data``; negatives are (batch,) or, for several, (batch, n_negatives)."""
    from bench.nn.sampling import NegativeSampler

    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(data.user), generator=generator)[:size]
    user, item = torch.from_numpy(data.user)[rows], torch.from_numpy(data.item)[rows]
    many = user if n_negatives == 1 else user.unsqueeze(1).expand(-1, n_negatives)
    negative = NegativeSampler(data.inter_matrix())(many, generator)
    return {"user_id": user, "item_id": item, "neg_item_id": negative}


def make(model: type, data: TrainingSet, *, seed=0, **settings):
    """``model`` on ``data`` with a fixed initialisation."""
    torch.manual_seed(seed)
    return build(model, data, settings)


def write_folder(root: Path) -> Path:
    """A data set of 150 items, 40 users and two modalities, in the generic layout."""
    rng = np.random.default_rng(0)
    root.mkdir()
    rows = [rng.choice(150, 8, replace=False) for _ in range(40)]
    for name, part in (("train", slice(0, 6)), ("validation", slice(6, 7)), ("test", slice(7, 8))):
        text = "".join(f"{u} {' '.join(map(str, row[part]))}\n" for u, row in enumerate(rows))
        (root / f"{name}.txt").write_text(text)
    np.save(root / "image_feat.npy", rng.normal(size=(150, 6)).astype(np.float32))
    np.save(root / "text_feat.npy", rng.normal(size=(150, 4)).astype(np.float32))
    return root
