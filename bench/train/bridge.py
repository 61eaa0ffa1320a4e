"""The bridge to RecBole: what a model is built from, and RecBole's own objects where they are asked for."""

import dataclasses
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from bench.spec import read

FIELDS = {"USER_ID_FIELD": "user_id", "ITEM_ID_FIELD": "item_id", "NEG_PREFIX": "neg_"}


class TrainingSet:
    """The part of RecBole's ``Dataset`` that models use, made straight from arrays.

    Args:
        train: (n, 2) pairs, ids from 0; ids inside are shifted by one, 0 is the padding id.
        n_users, n_items: without padding.
        features: modality to (n_items, feat) rows, dense or SciPy sparse.
        name: the data set's name.
    """

    def __init__(self, train: np.ndarray, *, n_users: int, n_items: int, features: Mapping[str, Any], name: str = ""):
        self.name = name
        self.user = train[:, 0].astype(np.int64) + 1
        self.item = train[:, 1].astype(np.int64) + 1
        self._counts = {"user_id": n_users + 1, "item_id": n_items + 1}
        self.item_features = {m: padded(rows) for m, rows in features.items()}

    def num(self, name: str) -> int:
        return self._counts[name]

    def inter_matrix(self, form: str = "coo") -> sp.spmatrix:
        """(n_users, n_items) training matrix; repeated pairs collapse to 1."""
        shape = self._counts["user_id"], self._counts["item_id"]
        matrix = sp.csr_matrix((np.ones(len(self.user), dtype=np.float32), (self.user, self.item)), shape=shape)
        matrix.data[:] = 1.0
        return matrix.asformat(form)


def padded(rows):
    """Feature rows with a zero row for the padding id in front."""
    if sp.issparse(rows):
        return sp.vstack([sp.csr_matrix((1, rows.shape[1]), dtype=np.float32), rows], format="csr")
    return np.concatenate([np.zeros((1, rows.shape[1]), dtype=np.float32), np.asarray(rows, dtype=np.float32)])


def build(model: type, data: TrainingSet, settings: Mapping[str, Any], *, device: str = "cpu"):
    """An untrained ``model`` on ``data``: the defaults of its ``Hyper``, replaced by ``settings``, strictly."""
    hyper = dataclasses.asdict(read(model.Hyper, settings))
    return model({**FIELDS, **hyper, "device": torch.device(device)}, data).to(device)


def recbole_config(model: str | type, *, dataset: str, folder: str, settings: Mapping[str, Any]):
    """RecBole's ``Config`` without its side effects: no reading of ``sys.argv``, CUDA variables left alone.

    Args:
        folder: where RecBole looks for ``<dataset>/<dataset>.*`` and keeps its checkpoints.
    """
    from recbole.config import Config

    argv, sys.argv = sys.argv, sys.argv[:1]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        places = {"data_path": folder, "checkpoint_dir": folder, "show_progress": False}
        return Config(model=model, dataset=dataset, config_dict={**places, **settings})
    finally:
        sys.argv = argv
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        if visible is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = visible


def recbole_loaders(config, features: Mapping[str, Any]):
    """RecBole's own (train, valid, test) loaders of ``config``; the data set also carries ``features``.

    ``features`` are rows by the token of the item in RecBole's files (its number); RecBole renumbers items.
    """
    from recbole.data import create_dataset, data_preparation

    dataset = create_dataset(config)
    tokens = dataset.field2id_token[dataset.iid_field][1:].astype(np.int64)
    dataset.item_features = {m: padded(rows[tokens]) for m, rows in features.items()}
    return data_preparation(config, dataset)


def write_recbole(folder: Path, *, name: str, parts: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Write (n, 2) pairs as RecBole's atomic files ``<name>.<part>.inter``; returns the settings that read them."""
    target = Path(folder) / name
    target.mkdir(parents=True, exist_ok=True)
    for part, pairs in parts.items():
        lines = "\n".join(f"{user}\t{item}" for user, item in pairs)
        (target / f"{name}.{part}.inter").write_text(f"user_id:token\titem_id:token\n{lines}\n")
    return {
        "benchmark_filename": list(parts),
        "load_col": {"inter": ["user_id", "item_id"]},
        "eval_args": {"group_by": "user", "order": "RO", "mode": "full", "split": None},
    }
