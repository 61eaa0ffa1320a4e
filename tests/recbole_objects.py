"""RecBole's own config, loaders and files, for tests and measurements that set RecBole beside our code."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from bench.train.bridge import mend, padded


def recbole_config(model: str | type, *, dataset: str, folder: str, settings: Mapping[str, Any]):
    """Return RecBole's ``Config`` without its side effects: ``sys.argv`` is not read, CUDA variables stay as they are.

    Args:
        folder: where RecBole looks for ``<dataset>/<dataset>.*`` and keeps its checkpoints.
    """
    mend()
    from recbole.config import Config

    places = {"data_path": folder, "checkpoint_dir": folder, "show_progress": False}
    with patch.object(sys, "argv", sys.argv[:1]), patch.dict(os.environ):
        return Config(model=model, dataset=dataset, config_dict={**places, **settings})


def recbole_loaders(config, features: Mapping[str, Any]):
    """Return RecBole's own (train, valid, test) loaders of ``config``; their data set also carries ``features``.

    A row of ``features`` is found by the item's token in RecBole's files (its number), since RecBole renumbers items.
    """
    from recbole.data import create_dataset, data_preparation

    dataset = create_dataset(config)
    tokens = dataset.field2id_token[dataset.iid_field][1:].astype(np.int64)
    dataset.item_features = {m: padded(rows[tokens]) for m, rows in features.items()}
    return data_preparation(config, dataset)


def write_recbole(folder: Path, *, name: str, parts: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Write (n, 2) pairs as RecBole's atomic files ``<name>.<part>.inter``; return the settings that read them."""
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
