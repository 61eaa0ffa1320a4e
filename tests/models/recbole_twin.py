"""RecBole's own model and ours of the same name, on one RecBole data set under one config."""

import numpy as np
import scipy.sparse as sp
import torch

from tests.recbole_objects import recbole_config, recbole_loaders, write_recbole
from tests.toy import random_set


def twins(theirs: type, ours: type, folder, monkeypatch, **settings):
    """(RecBole's model, ours, a batch of RecBole's loader); ``settings`` hold what either of them reads."""
    # RecBole 1.2.1 fills its adjacency through a private method that SciPy no longer has
    monkeypatch.setattr(sp.dok_matrix, "_update", lambda self, entries: self._dict.update(entries), raising=False)
    data = random_set()
    pairs = np.stack([data.user, data.item], axis=1) - 1
    parts = {
        "train": np.concatenate([pairs, pairs[::7]]),
        "valid": pairs[:3],
        "test": pairs[:3],
    }  # with repeats
    files = write_recbole(folder, name="random", parts=parts)
    settings = {**files, "device": torch.device("cpu"), "use_gpu": False, **settings}
    config = recbole_config(theirs, dataset="random", folder=str(folder), settings=settings)
    train, _, _ = recbole_loaders(config, {m: rows[1:] for m, rows in data.item_features.items()})
    return theirs(config, train.dataset).eval(), ours(config, train.dataset).eval(), next(iter(train))


def every_score(model):
    """Scores of all items for all users, paddings included."""
    with torch.no_grad():
        return model.full_sort_predict({"user_id": torch.arange(model.n_users)}).view(model.n_users, -1)
