"""Prepares the data of a job: the data set loaded and split by the protocol, the candidates frozen."""

from dataclasses import dataclass

import numpy as np

from bench.data.dataset import Dataset
from bench.data.split import Split, keys, split
from bench.protocol.candidates import Cases, draw_cases
from bench.run.plan import PlannedJob, load
from bench.spec import BenchError, Protocol


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The data that a job trains and is judged on."""

    dataset: Dataset
    split: Split
    test: Cases
    valid: Cases | None


def prepare(planned: PlannedJob) -> Prepared:
    """Load the data set, split it by the protocol, and draw the frozen candidates."""
    job, dataset = planned.job, load(planned)
    parts = judge(dataset, job.protocol)
    return Prepared(
        dataset=dataset,
        split=parts,
        test=frozen_cases(dataset, parts.test, job.protocol, part=0),
        valid=frozen_cases(dataset, parts.valid, job.protocol, part=1) if len(parts.valid) else None,
    )


def judge(dataset: Dataset, protocol: Protocol) -> Split:
    """Return the split of ``dataset`` by the protocol, if a model can be trained, chosen and tested on it."""
    parts, met = split(dataset, protocol.train), all_pairs(dataset)
    needed = {"train on": parts.train, "test on": parts.test}
    needed |= {"choose the epoch by": parts.valid} if protocol.select_on == "valid" else {}
    where = f"data set {dataset.name} ({dataset.feature_id}), protocol {protocol.name}"
    for use, pairs in needed.items():
        if not len(pairs):
            why = "" if protocol.train == "released" else ", once users without train pairs and repeats are left out"
            if pairs is parts.valid and not len(dataset.valid):
                why = " in the data; --protocols paper needs none"
            raise BenchError(f"{where}: there is no pair to {use}{why}")
    if dataset.n_users == 1:
        raise BenchError(f"{where}: there is one user; a comparison needs several")
    n_met = np.bincount(np.unique(keys(dataset, met)) // dataset.n_items, minlength=dataset.n_users)
    users = np.concatenate([parts.test, parts.valid])[:, 0]
    user = users[n_met[users].argmax()]  # who has the fewest items left
    if (n_free := dataset.n_items - n_met[user]) < protocol.n_candidates:
        name = dataset.ids["user"][user] if "user" in dataset.ids else user
        raise BenchError(
            f"{where}: user {name} has only {n_free} items never met, but {protocol.n_candidates} candidates are asked "
            "for; the data set is too small for this protocol"
        )
    return parts


def all_pairs(dataset: Dataset) -> np.ndarray:
    """Return the (n, 2) pairs of all three parts."""
    return np.concatenate([dataset.train, dataset.valid, dataset.test])


def frozen_cases(dataset: Dataset, pairs, protocol: Protocol, *, part: int) -> Cases:
    """Return the cases of ``pairs``, which are the same for every job on this data set and protocol."""
    return draw_cases(
        pairs,
        all_pairs(dataset),
        n_users=dataset.n_users,
        n_items=dataset.n_items,
        n_candidates=protocol.n_candidates,
        seed=protocol.candidate_seed + part,
    )
