"""Sanity floors: RecBole's own models, computed rather than trained, with our interface for scores."""

from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bench.nn.recommender import Recommender, recbole_models

RECBOLE_MODELS = recbole_models()  # here, so that a job's time does not include their import
AT_ONCE = 4_000_000  # scores held at once: RecBole's floors only score all items of a user


class Settings(dict):
    """Settings that RecBole can read as items and, as it does in places, as attributes."""

    __getattr__ = dict.__getitem__


class Floor(Recommender):
    """A model of ``recbole.model.general_recommender`` that a trained model has to beat.

    A subclass names RecBole's class in ``theirs`` and its settings in ``Hyper``.
    """

    theirs: ClassVar[str]
    max_epochs: ClassVar[int | None] = 0

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        common = {k: config[k] for k in ("USER_ID_FIELD", "ITEM_ID_FIELD", "NEG_PREFIX", "device")}
        theirs = getattr(RECBOLE_MODELS, self.theirs)
        self.inner = [theirs(Settings({**common, **vars(self.hyper)}), dataset)]  # a list hides it from nn.Module
        self.learn(np.bincount(dataset.item, minlength=self.n_items))

    def learn(self, count: Int[np.ndarray, " item"]) -> None:
        """Learn what RecBole's class learns in its one epoch; ``count`` has the training entries of each item."""

    def score(
        self, shared, user: Int[Tensor, " batch"], item: Int[Tensor, "batch candidate"]
    ) -> Float[Tensor, "batch candidate"]:
        block = max(1, AT_ONCE // self.n_items)
        blocks = zip(user.split(block), item.split(block), strict=True)
        return torch.cat([self.score_all(shared, some).gather(1, items) for some, items in blocks])

    def represent(self):
        return None

    def score_all(self, shared, user: Int[Tensor, " batch"]) -> Float[Tensor, "batch item"]:
        scores = self.inner[0].full_sort_predict({self.USER_ID: user})
        return scores.view(len(user), self.n_items).to(self.device)

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        return torch.zeros((), device=self.device)
