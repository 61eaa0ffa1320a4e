"""The bridge to RecBole: builds models from plain arrays, and makes RecBole itself work with our models.

RecBole 1.2.1 was written for NumPy 1, pandas 2 and torch before 2.6. ``mend`` changes RecBole's modules so that it
works with newer ones.
"""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch

from bench.data.readers.recbole import read_item_words
from bench.nn.absent import stand_ins
from bench.nn.recommender import Recommender
from bench.spec import read

FIELDS = {"USER_ID_FIELD": "user_id", "ITEM_ID_FIELD": "item_id", "NEG_PREFIX": "neg_"}


class TrainingSet:
    """The part of RecBole's ``Dataset`` that models use, made straight from arrays.

    Args:
        train: (n, 2) pairs with ids from 0; the attributes count from 1, as 0 is the padding id.
        n_users, n_items: numbers without the padding id.
        features: modality to (n_items, feat) rows, dense or SciPy sparse.
    """

    def __init__(self, train: np.ndarray, *, n_users: int, n_items: int, features: Mapping[str, Any]):
        self.user = train[:, 0].astype(np.int64) + 1
        self.item = train[:, 1].astype(np.int64) + 1
        self._counts = {"user_id": n_users + 1, "item_id": n_items + 1}
        self.item_features = {m: padded(rows) for m, rows in features.items()}

    def num(self, name: str) -> int:
        return self._counts[name]

    def inter_matrix(self, form: str = "coo") -> sp.spmatrix:
        """Return the (n_users + 1, n_items + 1) training matrix, padding included; repeated pairs collapse to 1."""
        shape = self._counts["user_id"], self._counts["item_id"]
        matrix = sp.csr_matrix((np.ones(len(self.user), dtype=np.float32), (self.user, self.item)), shape=shape)
        matrix.data[:] = 1.0
        return matrix.asformat(form)


def padded(rows):
    """Return feature rows with a zero row for the padding id in front."""
    if sp.issparse(rows):
        return sp.vstack([sp.csr_matrix((1, rows.shape[1]), dtype=np.float32), rows], format="csr")
    return np.concatenate([np.zeros((1, rows.shape[1]), dtype=np.float32), np.asarray(rows, dtype=np.float32)])


def build(model: type, data: TrainingSet, settings: Mapping[str, Any], *, device: str = "cpu"):
    """Return an untrained ``model`` on ``data``; ``settings`` replace defaults of its ``Hyper``, others are refused."""
    hyper = dataclasses.asdict(read(model.Hyper, settings))
    return model({**FIELDS, **hyper, "device": torch.device(device)}, data).to(device)


@functools.cache
def mend() -> None:
    """Make RecBole's modules work with newer NumPy, pandas and torch and with our models, once per process.

    - NumPy 2 has no ``np.float_``: RecBole's ``Config`` adds such names to NumPy, here for types that still exist.
    - pandas 3 silently ignores ``frame[column].fillna(value, inplace=True)``, so missing values are filled by
      assignment. Its ``agg(len)`` is the length of the column, where RecBole expects that of each entry.
    - torch 2.6 refuses to unpickle the config inside RecBole's checkpoints: its trainer may load its own.
    - ray is needed only by RecBole's own search, which is not available where ray is missing.
    - RecBole's trainer calls the ``before_epoch`` of our models, and these read content from RecBole's data sets.
    """
    with stand_ins():
        import recbole.model.general_recommender  # noqa: F401 - binds RecBole's own classes first
        import recbole.quick_start  # noqa: F401 - so that a later import finds it without ray
        from recbole import config, trainer
        from recbole.data.dataset import dataset as files
    config.Config.compatibility_settings = lambda self: numpy_names()
    files.pd = SimpleNamespace(**{**vars(pd), "read_csv": read_filled})
    files.Dataset._fill_nan = fill_missing
    # below, ``patch.object`` wraps a method so that another object's attribute is replaced while the method runs
    if int(pd.__version__.partition(".")[0]) >= 3:
        files.Dataset._data_processing = patch.object(pd.Series, "agg", aggregate)(files.Dataset._data_processing)
    trusting = functools.partial(torch.load, weights_only=False)  # a checkpoint that the same trainer wrote
    for name in ("evaluate", "resume_checkpoint"):
        setattr(trainer.Trainer, name, patch.object(torch, "load", trusting)(getattr(trainer.Trainer, name)))
    trainer.Trainer._train_epoch = with_before_epoch(trainer.Trainer._train_epoch)
    Recommender.content_of = staticmethod(recbole_content)


def numpy_names() -> None:
    """Add to NumPy the names of types that RecBole reads from it."""
    types = {"bool": np.bool_, "int": np.int_, "float": np.float64, "complex": np.complex128}
    types |= {"object": np.object_, "str": np.str_, "long": np.int_, "unicode": np.str_}
    for name, value in types.items():
        setattr(np, name, value)


def read_filled(*args, **kwargs) -> pd.DataFrame:
    """Replace ``pandas.read_csv`` in RecBole's file reader: a missing sequence is read as an empty one."""
    frame = pd.read_csv(*args, **kwargs)
    sequences = [column for column in frame if column.endswith("_seq")]  # a heading is "name:type"
    return frame.assign(**{column: frame[column].fillna("") for column in sequences})


def fill_missing(dataset) -> None:
    """Replace ``Dataset._fill_nan``: a missing token becomes 0, the padding id, and a number the mean of the others."""
    for feat_name in dataset.feat_name_list:
        frame = getattr(dataset, feat_name)
        for column in frame:
            kind = dataset.field2type[column].value
            if kind == "token":
                frame[column] = frame[column].fillna(0)
            elif kind == "float":
                frame[column] = frame[column].fillna(frame[column].mean())
            else:
                empty = np.array([], dtype=np.int64 if kind == "token_seq" else np.float64)
                frame[column] = [empty if isinstance(value, float) else value for value in frame[column]]


def with_before_epoch(train_epoch):
    """Return RecBole's ``Trainer._train_epoch`` wrapped so that an epoch of our models begins as in our own loop."""

    def call(trainer, data, epoch: int, *args, **kwargs):
        if isinstance(trainer.model, Recommender):
            trainer.model.train().before_epoch(epoch + 1)
        return train_epoch(trainer, data, epoch, *args, **kwargs)

    return call


def aggregate(column: pd.Series, how):
    """Replace ``Series.agg`` of pandas 3: ``len`` gives the length of each entry."""
    return column.map(len) if how is len else column.apply(how, by_row=False)


def recbole_content(dataset) -> dict[str, Any]:
    """Return the item rows of a RecBole data set: the words of its ``.item`` file, weighed as by our own reader."""
    path = Path(dataset.dataset_path) / f"{dataset.dataset_name}.item"
    if not path.exists():
        return {}
    tokens = [str(token) for token in dataset.field2id_token[dataset.iid_field][1:]]
    return {"textual": padded(read_item_words(path, tokens))}
