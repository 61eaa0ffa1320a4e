"""Loads a trained model from its record, to compute its metrics once more and to recommend items."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from bench import registry
from bench.data import sources
from bench.data.cache import Source
from bench.data.readers.folders import original_ids
from bench.files import expanded
from bench.protocol.evaluate import Evaluator
from bench.protocol.metrics import means
from bench.run import weights
from bench.run.job import build_model
from bench.run.plan import PlannedJob
from bench.run.prepared import Prepared, prepare
from bench.spec import DATA_SETS, DEPENDENT, RANKINGS, BenchError
from bench.store.record import Record
from bench.store.store import Store

BLOCK = 256  # users scored at once


@dataclass(frozen=True, eq=False, kw_only=True)
class Trained:
    """A model with the weights that one ranking chose.

    Attributes:
        model: the RecBole model, which counts users and items from 1.
        ranking: the ranking that chose the weights.
        location: the data set's name, or its folder.
    """

    record: Record
    model: torch.nn.Module
    prepared: Prepared
    ranking: str
    location: str

    def metrics(self) -> dict[str, float]:
        """Compute this ranking's test means anew; on the same kind of CPU they equal the record's to the bit."""
        evaluator = Evaluator(self.prepared.test, device=torch.device("cpu"))
        return means(evaluator.ranks(self.model, rankings=(self.ranking,)))

    def recommend(self, users: Sequence | float | np.generic | None = None, *, k: int = 10) -> pd.DataFrame:
        """Return the ``k`` best items of each user: one line per user and place, with the ids of the data set's files.

        For a data set that was imported, these are the ids before import (``users.csv`` and ``items.csv``).

        An item that the user has met, in train, validation or test, is never recommended, so that a user who has met
        nearly every item may get fewer than ``k``.

        Args:
            users: one id or several, where a repeated id counts once; all users where none is given.

        Raises:
            BenchError: for an unknown user, a ``k`` below 1, or a model whose scores depend on the other candidates.
        """
        if self.model.is_candidate_dependent:
            raise BenchError(
                f"{self.record.job.row} {DEPENDENT}; use a preset without that dependence, such as MCLN:itemwise"
            )
        if not isinstance(k, int | np.integer) or k < 1:
            raise BenchError(f"k={k!r}: a list needs a whole number of items, at least one")
        users = [users] if np.isscalar(users) else users
        numbers = np.arange(len(self.ids["user"])) if users is None else self.numbers(users)
        parts = np.split(numbers, range(BLOCK, len(numbers), BLOCK))
        return pd.concat([self.best(part, k) for part in parts], ignore_index=True)

    @cached_property
    def ids(self) -> dict[str, np.ndarray]:
        """The ids of users and items as the files have them, in the order of the program's numbers."""
        dataset = self.prepared.dataset
        ids = {"user": np.arange(dataset.n_users), "item": np.arange(dataset.n_items)} | dataset.ids
        if self.location in DATA_SETS:
            return ids
        folder = expanded(self.location)
        return {kind: original_ids(folder, kind, numbers) for kind, numbers in ids.items()}

    def numbers(self, users: Sequence) -> np.ndarray:
        number_of = {str(user): number for number, user in enumerate(self.ids["user"])}
        unknown = [str(user) for user in users if str(user) not in number_of]
        if unknown:
            raise BenchError(f"{self.record.job.dataset} has no user {', '.join(unknown[:5])}")
        return np.array(list(dict.fromkeys(number_of[str(user)] for user in users)), dtype=np.int64)  # each once

    @torch.no_grad()
    def best(self, users: np.ndarray, k: int) -> pd.DataFrame:
        """Return the ``k`` best items of users that are given by their numbers."""
        self.model.eval()
        scores = self.model.score_all(self.model.represent(), torch.from_numpy(users + 1))[:, 1:]  # 0 is the padding
        cases = self.prepared.test
        for row, user in enumerate(users):
            scores[row, cases.met_items[cases.met_start[user] : cases.met_start[user + 1]]] = -torch.inf
        score, item = (values.numpy() for values in scores.topk(min(k, scores.shape[1]), dim=1))
        frame = pd.DataFrame(
            {
                "user": self.ids["user"][users].repeat(score.shape[1]),
                "rank": np.tile(np.arange(1, score.shape[1] + 1), len(users)),
                "item": self.ids["item"][item.ravel()],
                "score": score.ravel(),
            }
        )
        return frame[np.isfinite(frame["score"])]


def load(
    store: Store, key: str, *, ranking: str = "", location: str = "", data_dir: Path | None = None, model_file: str = ""
) -> Trained:
    """Return the trained model of the record whose key begins with ``key``.

    Args:
        ranking: the ranking that chose the epoch; default: full, or sampled for a model that has no full ranking.
        location: the folder of the data set; default: the built-in data set of the record.
        model_file: the source of a model that is not one of ours, as ``path/to/file.py:MODEL``.

    Raises:
        BenchError: for an unknown key, a record that is not done, other data or code, or weights that were not kept.
    """
    record = store.by_key(key)
    if record.status != "done":
        raise BenchError(f"{record.key} is {record.status}, so that it has no model: {record.reason}")
    job = record.job
    check_code(record, model_file)
    location = location or job.dataset
    if location == job.dataset not in DATA_SETS and not Path(location).is_dir():
        raise BenchError(f"{record.key} is of the folder {job.dataset}, which is not here; name it with --data FOLDER")
    check_data(record, sources.find(location, data_dir=data_dir), location)
    prepared = prepare(PlannedJob(job=job, location=location, data_dir=data_dir))
    model = build_model(job, prepared, record.settings, device=torch.device("cpu"))
    ranking = ranking or (RANKINGS[0] if model.is_candidate_dependent else RANKINGS[-1])
    chosen = weights.read(store.weights(job), ranking, sha256=record.facts.get("weights_sha256", ""))
    model.load_state_dict(chosen)
    return Trained(record=record, model=model, prepared=prepared, ranking=ranking, location=location)


def check_data(record: Record, source: Source, location: str) -> None:
    """Raise BenchError unless the data of ``source`` is the data of the record."""
    try:
        is_same, why = source.fingerprint(record.job.features)[1] == record.job.data_hash, ""
    except BenchError as error:
        if location == record.job.dataset:  # the data set of the record cannot be had
            raise
        is_same, why = False, f" ({error})"  # a folder with other files, such as one without the features
    if not is_same:
        text = f"{location} is not the data that {record.key} was made on{why}"
        raise BenchError(f"{text}; name that with --data or --data-dir")


def check_code(record: Record, model_file: str) -> None:
    """Raise BenchError unless the model exists with the code of the record: other code would give other scores."""
    if model_file:
        registry.from_outside(model_file)
    job = record.job
    card = registry.cards().get(job.model)
    if card is None:
        raise BenchError(
            f"{job.model} is none of the models here; name its file with --model path/to/file.py:{job.model}"
        )
    if not card.is_code_of(job):
        revision = record.provenance.get("code", "")
        raise BenchError(
            f"{record.key} was made with other code of {job.model}"
            + (f", of revision {revision}" if revision else "")
            + "; go back to that code, or run the job again with --keep-weights"
        )
