"""The model contract: RecBole's ``GeneralRecommender`` with strict settings and one way to score."""

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

    Scoring is split in two, so that an evaluation encodes once and then scores users in blocks: ``represent``
    computes whatever all scores share, ``score`` and ``score_all`` use it. RecBole's ``predict`` and
    ``full_sort_predict`` are made of these two.

    Ids follow RecBole: ``n_users`` and ``n_items`` count the padding id 0.
    """

    input_type = InputType.PAIRWISE
    Hyper: ClassVar[type]
    # literal dicts, read without importing the file: the model's own defaults of bench.spec.Training, settings per
    # preset, and settings per data set (or the set that a "-sim" set simulates); these may set fields of Training too
    training: ClassVar[dict[str, Any]] = {}
    preset: ClassVar[str] = "default"  # what a config that is silent means; our own runner spells every setting out
    presets: ClassVar[dict[str, dict[str, Any]]] = {"default": {}}
    per_dataset: ClassVar[dict[str, dict[str, Any]]] = {}
    max_epochs: ClassVar[int | None] = None  # 0 where nothing is trained
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
        """Item rows by modality of a data set of RecBole's own making; ``bench.register`` puts a reader here."""
        return {}

    @classmethod
    def read_hyper(cls, config) -> Any:
        """The settings in ``config``, those of ``preset`` where it is silent, or else the defaults; strict in types.

        RecBole's own ``Config`` also holds RecBole's settings of a model of the same name: only what its caller gave
        counts.

        Raises:
            BenchError: for a value of the wrong type, or out of its bounds.
        """
        given = getattr(config, "external_config_dict", config)
        names = [f.name for f in dataclasses.fields(cls.Hyper)]
        chosen = {**cls.presets.get(cls.preset, {}), **{n: given[n] for n in names if n in given}}
        return read(cls.Hyper, {n: value for n, value in chosen.items() if n in names})

    @staticmethod
    def depends_on_candidates(hyper) -> bool:
        """Whether, under these settings, a score depends on the other candidates; full ranking is then not defined."""
        return False

    @property
    def is_candidate_dependent(self) -> bool:
        return self.depends_on_candidates(self.hyper)

    def pretrain(self, batches, *, epochs: int) -> None:
        """Whatever the method learns before the main loop; ``epochs`` is the budget of that loop.

        ``batches`` is the loop's ``Batches``: iterate it for an epoch of batches. Draws come from torch's global
        generator, which the job has seeded. RecBole's Trainer does not call this.
        """

    def before_epoch(self, epoch: int) -> None:
        """Called at the start of each training epoch (from 1), in training mode; after ``bench.register`` by RecBole's
        Trainer, too."""

    @abstractmethod
    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        """The loss of a batch."""

    @abstractmethod
    def represent(self) -> Any:
        """Whatever scoring shares between users, computed once per evaluation."""

    @abstractmethod
    def score(
        self, shared: Any, user: Int[Tensor, " batch"], item: Int[Tensor, "batch candidate"]
    ) -> Float[Tensor, "batch candidate"]:
        """Scores of each user's own candidates."""

    def score_all(self, shared: Any, user: Int[Tensor, " batch"]) -> Float[Tensor, "batch item"]:
        """Scores of every item, the padding id included."""
        if self.is_candidate_dependent:
            raise BenchError(
                f"{type(self).__name__} {DEPENDENT}; use the sampled ranking or a preset without that dependence"
            )
        every = torch.arange(self.n_items, device=user.device)
        return self.score(shared, user, every.expand(len(user), -1))

    def predict(self, interaction) -> Float[Tensor, " batch"]:
        user, item = interaction[self.USER_ID], interaction[self.ITEM_ID]
        if not self.is_candidate_dependent:
            return self.score(self.represent(), user, item.unsqueeze(1)).squeeze(1)
        shared, scores = self.represent(), torch.empty(len(user), device=user.device)
        for one in user.unique():  # the candidates of a user are the rows that name the user
            rows = (user == one).nonzero().squeeze(1)
            scores[rows] = self.score(shared, one.view(1), item[rows].unsqueeze(0)).squeeze(0)
        return scores

    def full_sort_predict(self, interaction) -> Float[Tensor, " scores"]:
        return self.score_all(self.represent(), interaction[self.USER_ID]).view(-1)

    def triple(self, interaction) -> tuple[Int[Tensor, " batch"], Int[Tensor, " batch"], Int[Tensor, " batch"]]:
        """(user, positive item, negative item) of a batch."""
        return interaction[self.USER_ID], interaction[self.ITEM_ID], interaction[self.NEG_ITEM_ID]

    def negatives(self, interaction) -> Int[Tensor, "batch negative"]:
        """``n_negatives`` items per row; RecBole's loader gives one, and the others are drawn here."""
        given = interaction[self.NEG_ITEM_ID]
        given = given.view(len(given), -1)
        missing = self.n_negatives - given.shape[1]
        if not missing:
            return given
        user = interaction[self.USER_ID].unsqueeze(1).expand(-1, missing)
        return torch.cat([given, self.draw_negatives(user)], dim=1)

    @staticmethod
    def feature_rows(dataset, modality: str) -> FeatureRows:
        """The data set's frozen rows of one modality."""
        return FeatureRows(dataset.item_features[modality])


class EmbeddingRecommender(Recommender):
    """A model whose score is the inner product of a user vector and an item vector, both given by ``embed``."""

    @abstractmethod
    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        """The vectors of every user and of every item, the padding ids included."""

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


def recbole_models() -> ModuleType:
    """RecBole's own models, for files to ask for as they are imported: scikit-learn and others come with them."""
    from recbole.model import general_recommender

    return general_recommender


def recbole_model(model: type, settings: dict[str, Any], dataset) -> GeneralRecommender:
    """RecBole's own ``model``, built on our training set."""
    return model(_Config(settings), dataset)


class _Config(dict):
    """RecBole reads its settings as items, and in places as attributes."""

    __getattr__ = dict.__getitem__
