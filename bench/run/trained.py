"""A trained model back from its record: its metrics once more, and lists of what to recommend."""

from collections.abc import Iterator, Sequence
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
from bench.protocol.evaluate import Evaluator
from bench.protocol.metrics import means
from bench.run import weights
from bench.run.job import build_model
from bench.run.plan import PlannedJob
from bench.run.prepared import Prepared, all_pairs, prepare
from bench.spec import DATA_SETS, DEPENDENT, RANKINGS, BenchError
from bench.store.record import Record
from bench.store.store import Store

BLOCK = 256  # users scored at once


@dataclass(frozen=True, eq=False, kw_only=True)
class Trained:
    """A model with the weights that one ranking chose.

    Attributes:
        model: as RecBole has it; it counts users and items from 1.
        ranking: whose weights these are.
        location: where the data set is from.
    """

    record: Record
    model: torch.nn.Module
    prepared: Prepared
    ranking: str
    location: str

    def metrics(self) -> dict[str, float]:
        """The test means of this ranking, computed anew; on the same kind of CPU they equal the record's to the bit."""
        evaluator = Evaluator(self.prepared.test, device=torch.device("cpu"))
        return means(evaluator.ranks(self.model, rankings=(self.ranking,)))

    def recommend(self, users: Sequence | float | np.generic | None = None, *, k: int = 10) -> pd.DataFrame:
        """The ``k`` best items of each user: one line per user and place, with the ids of the data set's own files.

        Of a data set that was imported, these are the ids before import (``users.csv`` and ``items.csv``).

        An item that the user has met, in train, validation or test, is never among them, so that a user who has met
        nearly every item may get fewer than ``k``.

        Args:
            users: one id or several, of which one named twice counts once; all users where none is given.

        Raises:
            BenchError: for an unknown user, a ``k`` below 1, or a model whose scores depend on the other candidates.
        """
        if self.model.is_candidate_dependent:
            raise BenchError(
                f"{self.record.job.row} {DEPENDENT}; use a preset without that dependence, such as MCLN:itemwise"
            )
        if k < 1:
            raise BenchError(f"k={k}: a list has one item at least")
        users = [users] if np.isscalar(users) else users
        numbers = np.arange(len(self.ids["user"])) if users is None else self.numbers(users)
        return pd.concat([self.best(part, k) for part in blocks(numbers)], ignore_index=True)

    @cached_property
    def ids(self) -> dict[str, np.ndarray]:
        """The ids of users and items, by their number here."""
        dataset = self.prepared.dataset
        found = {"user": np.arange(dataset.n_users), "item": np.arange(dataset.n_items)} | dataset.ids
        if self.location in DATA_SETS:
            return found
        folder = Path(self.location).expanduser()
        return {kind: original_ids(folder, kind, numbers) for kind, numbers in found.items()}

    @cached_property
    def met(self) -> np.ndarray:
        """(n, 2) the pairs of all parts, by user."""
        pairs = all_pairs(self.prepared.dataset)
        return pairs[np.argsort(pairs[:, 0], kind="stable")]

    def numbers(self, users: Sequence) -> np.ndarray:
        place = {str(own): number for number, own in enumerate(self.ids["user"])}
        unknown = [str(user) for user in users if str(user) not in place]
        if unknown:
            raise BenchError(f"{self.record.job.dataset} has no user {', '.join(unknown[:5])}")
        return np.array(list(dict.fromkeys(place[str(user)] for user in users)), dtype=np.int64)  # one list each

    @torch.no_grad()
    def best(self, users: np.ndarray, k: int) -> pd.DataFrame:
        """The lists of some users, given by their numbers."""
        self.model.eval()
        scores = self.model.score_all(self.model.represent(), torch.from_numpy(users + 1))[:, 1:]  # 0 is the padding
        for row, user in enumerate(users):
            first, last = np.searchsorted(self.met[:, 0], [user, user + 1])
            scores[row, self.met[first:last, 1]] = -torch.inf
        score, item = (found.numpy() for found in scores.topk(min(k, scores.shape[1]), dim=1))
        frame = pd.DataFrame(
            {
                "user": self.ids["user"][users].repeat(score.shape[1]),
                "rank": np.tile(np.arange(1, score.shape[1] + 1), len(users)),
                "item": self.ids["item"][item.ravel()],
                "score": score.ravel(),
            }
        )
        return frame[np.isfinite(frame["score"])]


def blocks(users: np.ndarray) -> Iterator[np.ndarray]:
    return (users[start : start + BLOCK] for start in range(0, max(len(users), 1), BLOCK))


def load(
    store: Store, key: str, *, ranking: str = "", location: str = "", data_dir: Path | None = None, model_file: str = ""
) -> Trained:
    """The model of the record whose key begins with ``key``.

    Args:
        ranking: whose choice of the epoch; default: full, or sampled for a model that has no full ranking.
        location: the data set, where it is a folder; default: the built-in set of the record's name.
        model_file: where the model is from, as ``path/to/file.py:MODEL``, if it is not one of ours.

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
    where = {"location": location, "data_dir": str(data_dir) if data_dir else None}
    prepared = prepare(PlannedJob(job=job, **where))
    model = build_model(job, prepared, record.settings, device=torch.device("cpu"))
    ranking = ranking or (RANKINGS[0] if model.is_candidate_dependent else RANKINGS[-1])
    chosen = weights.read(store.weights(job), ranking, sha256=record.facts.get("weights_sha256", ""))
    model.load_state_dict(chosen)
    return Trained(record=record, model=model, prepared=prepared, ranking=ranking, location=location)


def check_data(record: Record, source: Source, location: str) -> None:
    """Hold the data of ``source`` against that of the record."""
    try:
        is_same, why = source.fingerprint(record.job.features)[1] == record.job.data_hash, ""
    except BenchError as error:
        if location == record.job.dataset:  # it cannot be had
            raise
        is_same, why = False, f" ({error})"  # a folder with other files, such as one without the features
    if not is_same:
        said = f"{location} is not the data that {record.key} was made on{why}"
        raise BenchError(f"{said}; name that with --data or --data-dir")


def check_code(record: Record, model_file: str) -> None:
    """Have the model found, and hold its code against that of the record: other code would make other scores of it."""
    if model_file:
        registry.from_outside(model_file)
    job = record.job
    card = registry.cards().get(job.model)
    if card is None:
        raise BenchError(
            f"{job.model} is none of the models here; name its file with --model path/to/file.py:{job.model}"
        )
    if not card.is_code_of(job):
        made = record.provenance.get("code", "")
        raise BenchError(
            f"{record.key} was made with other code of {job.model}"
            + (f", of revision {made}" if made else "")
            + "; go back to that code, or run the job again with --keep-weights"
        )
