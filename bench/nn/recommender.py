"""The base class of models: RecBole's ``GeneralRecommender`` with typed settings and one interface for scores."""

import dataclasses
from abc import abstractmethod
from types import ModuleType
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bench.nn.absent import stand_ins
from bench.nn.dots import dots
from bench.nn.features import FeatureRows
from bench.nn.sampling import NegativeSampler
from bench.spec import DEPENDENT, BenchError, read

with stand_ins():
    from recbole.model.abstract_recommender import GeneralRecommender
    from recbole.utils import InputType


class Recommender(GeneralRecommender):
    """Base of every model. A subclass declares ``Hyper`` and writes ``calculate_loss``, ``represent``, ``score``.

    Scoring has two parts, so that an evaluation encodes once and then scores users in blocks: ``represent``
    computes all that the scores share, and ``score`` and ``score_all`` use it. RecBole's ``predict`` and
    ``full_sort_predict`` call these.

    Ids follow RecBole: ``n_users`` and ``n_items`` count the padding id 0.
    """

    input_type = InputType.PAIRWISE
    Hyper: ClassVar[type]
    # literal dicts, read without importing the file: the model's own defaults of bench.spec.Training, settings per
    # preset, and settings per data set (or the set that a "-sim" set simulates); these may set fields of Training too
    training: ClassVar[dict[str, Any]] = {}
    preset: ClassVar[str] = "default"  # gives the settings that a config lacks; our own runner passes every setting
    presets: ClassVar[dict[str, dict[str, Any]]] = {"default": {}}
    per_dataset: ClassVar[dict[str, dict[str, Any]]] = {}
    max_epochs: ClassVar[int | None] = None  # 0 for a model that is not trained
    # items outside the user's training items drawn with each positive; 0 for a loss without negatives
    n_negatives: ClassVar[int] = 1

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.hyper = self.read_hyper(config)
        if not hasattr(dataset, "item_features"):  # RecBole's own data set
            dataset.item_features = self.content_of(dataset)
        self.draw_negatives = NegativeSampler(dataset.inter_matrix(form="coo"))

    @staticmethod
    def content_of(dataset) -> dict[str, Any]:
        """Return the item rows of RecBole's own data set by modality; ``bench.register`` replaces this by a reader."""
        return {}

    @classmethod
    def read_hyper(cls, config) -> Any:
        """Return the settings in ``config``; those that it lacks come from ``preset``, or else from the defaults.

        RecBole's own ``Config`` also has RecBole's settings of a model of the same name, so that only the settings of
        its caller are used.

        Raises:
            BenchError: for a value of the wrong type, or out of its bounds.
        """
        given = getattr(config, "external_config_dict", config)
        names = [f.name for f in dataclasses.fields(cls.Hyper)]
        chosen = {**cls.presets.get(cls.preset, {}), **{n: given[n] for n in names if n in given}}
        return read(cls.Hyper, {n: value for n, value in chosen.items() if n in names})

    @staticmethod
    def depends_on_candidates(hyper) -> bool:
        """Whether under these settings a score depends on the other candidates, so that there is no full ranking."""
        return False

    @property
    def is_candidate_dependent(self) -> bool:
        return self.depends_on_candidates(self.hyper)

    def pretrain(self, batches, *, epochs: int) -> None:
        """Train whatever the method learns before the main loop; ``epochs`` is the budget of that loop.

        ``batches`` is the loop's ``Batches``: iterate over it for an epoch of batches. Draws come from torch's global
        generator, which the job has seeded. RecBole's Trainer does not call this method.
        """

    def before_epoch(self, epoch: int) -> None:
        """Prepare an epoch: called at its start (from 1) in training mode, after ``bench.register`` also by RecBole's
        Trainer."""

    @abstractmethod
    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        """Return the loss of a batch."""

    @abstractmethod
    def represent(self) -> Any:
        """Return all that the scores of users share; it is computed once per evaluation."""

    @abstractmethod
    def score(
        self, shared: Any, user: Int[Tensor, " batch"], item: Int[Tensor, "batch candidate"]
    ) -> Float[Tensor, "batch candidate"]:
        """Return the scores of each user's candidates."""

    def score_all(self, shared: Any, user: Int[Tensor, " batch"]) -> Float[Tensor, "batch item"]:
        """Return the scores of every item, the padding id included."""
        if self.is_candidate_dependent:
            raise BenchError(
                f"{type(self).__name__} {DEPENDENT}; use the sampled ranking or a preset without that dependence"
            )
        every = torch.arange(self.n_items, device=user.device)
        return self.score(shared, user, every.expand(len(user), -1))

    def part(self, shared: Any, items: Int[Tensor, " part"]) -> Any:
        """Return the part of ``shared`` with which ``score_all`` scores ``items`` alone; None where there is none."""
        return None

    def predict(self, interaction) -> Float[Tensor, " batch"]:
        user, item = interaction[self.USER_ID], interaction[self.ITEM_ID]
        if not self.is_candidate_dependent:
            return self.score(self.represent(), user, item.unsqueeze(1)).squeeze(1)
        shared, scores = self.represent(), torch.empty(len(user), device=user.device)
        for user_id in user.unique():  # the candidates of a user are the items of all rows with this user
            rows = (user == user_id).nonzero().squeeze(1)
            scores[rows] = self.score(shared, user_id.view(1), item[rows].unsqueeze(0)).squeeze(0)
        return scores

    def full_sort_predict(self, interaction) -> Float[Tensor, " scores"]:
        return self.score_all(self.represent(), interaction[self.USER_ID]).view(-1)

    def triple(self, interaction) -> tuple[Int[Tensor, " batch"], Int[Tensor, " batch"], Int[Tensor, " batch"]]:
        """Return (user, positive item, negative item) of a batch."""
        return interaction[self.USER_ID], interaction[self.ITEM_ID], interaction[self.NEG_ITEM_ID]

    def negatives(self, interaction) -> Int[Tensor, "batch negative"]:
        """Return ``n_negatives`` items per row; RecBole's loader gives a single one, and the rest are drawn here."""
        given = interaction[self.NEG_ITEM_ID]
        given = given.view(len(given), -1)
        missing = self.n_negatives - given.shape[1]
        if not missing:
            return given
        user = interaction[self.USER_ID].unsqueeze(1).expand(-1, missing)
        return torch.cat([given, self.draw_negatives(user)], dim=1)

    @staticmethod
    def feature_rows(dataset, modality: str) -> FeatureRows:
        """Return the data set's frozen rows of a modality."""
        return FeatureRows(dataset.item_features[modality])


class EmbeddingRecommender(Recommender):
    """A model whose score is the inner product of a user vector and an item vector, both given by ``embed``."""

    @abstractmethod
    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        """Return the vectors of every user and of every item, the padding ids included."""

    def represent(self):
        return self.embed()

    def score(
        self, shared, user: Int[Tensor, " batch"], item: Int[Tensor, "batch candidate"]
    ) -> Float[Tensor, "batch candidate"]:
        users, items = shared
        return dots(users[user], items, item)

    def score_all(self, shared, user: Int[Tensor, " batch"]) -> Float[Tensor, "batch item"]:
        users, items = shared
        return users[user] @ items.T

    def part(self, shared, items: Int[Tensor, " part"]):
        for method in ("represent", "score_all"):  # a class that writes its own may need all items
            if getattr(type(self), method) is not getattr(EmbeddingRecommender, method):
                return None
        return shared[0], shared[1][items]


def recbole_models() -> ModuleType:
    """Import the module of RecBole's own models; this takes long, since it also imports scikit-learn and others."""
    from recbole.model import general_recommender

    return general_recommender
