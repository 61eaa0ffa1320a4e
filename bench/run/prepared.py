"""A job before its model: data set loaded, split by the protocol, candidates frozen."""

from dataclasses import dataclass

import numpy as np

from bench.data.dataset import Dataset
from bench.data.split import Split, split
from bench.protocol.candidates import Cases, draw_cases
from bench.run.plan import PlannedJob, load
from bench.spec import Protocol


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """All that a job trains and is judged on."""

    dataset: Dataset
    split: Split
    test: Cases
    valid: Cases | None


def prepare(planned: PlannedJob) -> Prepared:
    """Load the data set, split it by the protocol, draw the frozen candidates.

    Raises:
        BenchError: when the files are no longer those that the job was planned on.
    """
    job, dataset = planned.job, load(planned)
    parts = split(dataset, job.protocol.train)
    return Prepared(
        dataset=dataset,
        split=parts,
        test=frozen_cases(dataset, parts.test, job.protocol, part=0),
        valid=frozen_cases(dataset, parts.valid, job.protocol, part=1) if len(parts.valid) else None,
    )


def frozen_cases(dataset: Dataset, pairs, protocol: Protocol, *, part: int) -> Cases:
    """The cases of ``pairs``; the same for every job on this data set and protocol."""
    met = np.concatenate([dataset.train, dataset.valid, dataset.test])
    return draw_cases(
        pairs,
        met,
        n_users=dataset.n_users,
        n_items=dataset.n_items,
        n_candidates=protocol.n_candidates,
        seed=protocol.candidate_seed + part,
    )
