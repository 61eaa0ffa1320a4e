"""Sanity floors: RecBole's own models, computed rather than trained, behind our way to score."""

from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bench.nn.recommender import Recommender, recbole_model, recbole_models

THEIRS = recbole_models()  # here, so that their import is no part of a job's time


class Floor(Recommender):
    """A model of ``recbole.model.general_recommender`` that a trained model has to beat.

    A subclass names RecBole's class in ``theirs`` and its settings in ``Hyper``.
    """

    theirs: ClassVar[str]
    max_epochs: ClassVar[int | None] = 0

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        settings = {**{k: config[k] for k in ("USER_ID_FIELD", "ITEM_ID_FIELD", "NEG_PREFIX", "device")}}
        model = getattr(THEIRS, self.theirs)
        self.inner = [recbole_model(model, {**settings, **vars(self.hyper)}, dataset)]  # no submodule of ours
        self.learn(np.bincount(dataset.item, minlength=self.n_items))

    def learn(self, count: Int[np.ndarray, " item"]) -> None:
        """What RecBole's class learns in its one epoch; ``count`` is the training entries of each item."""

    def score(
        self, shared, user: Int[Tensor, " batch"], item: Int[Tensor, "batch candidate"]
    ) -> Float[Tensor, "batch candidate"]:
        return self.score_all(shared, user).gather(1, item)

    def represent(self):
        return None

    def score_all(self, shared, user: Int[Tensor, " batch"]) -> Float[Tensor, "batch item"]:
        scores = self.inner[0].full_sort_predict({self.USER_ID: user})
        return scores.view(len(user), self.n_items).to(self.device)

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        return torch.zeros((), device=self.device)
