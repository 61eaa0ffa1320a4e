"""Which jobs a request means, and which of them are missing."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench import registry
from bench.data import sources
from bench.data.dataset import Dataset
from bench.spec import BUDGETS, PROTOCOLS, BenchError, Job, resolve_budget, unknown
from bench.store.store import Store

PAPER_SETS = ("beauty", "art", "taobao")
When = Literal["missing", "failed", "always"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for; ``None`` leaves the choice to the data set."""

    datasets: Sequence[str]
    models: Sequence[str] | None = None
    protocols: Sequence[str] | None = None
    budget: str = "standard"
    seeds: Sequence[int] = (0,)
    features: Sequence[str] | None = None
    hyper: dict[str, Any] = field(default_factory=dict)
    data_dir: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Work:
    """A job and what its process needs to find its data; only the job enters the key.

    Attributes:
        facts: what the record is told beforehand, such as what was spent on finding the settings.
        is_trial: one point of a search: it never sees the test set, so its record has no metrics.
        limits: epoch to the value below which a trial ends there.
    """

    job: Job
    location: str  # the data set as the user named it: a name or a folder
    data_dir: str | None
    facts: dict[str, Any] = field(default_factory=dict)
    is_trial: bool = False
    limits: dict[int, float] = field(default_factory=dict)

    def payload(self) -> dict[str, Any]:
        return asdict(self)


def plan(request: Request) -> list[Work]:
    """Every job of the request: data sets, then features, protocols, models and seeds, in the order given.

    Raises:
        BenchError: for an unknown name, or data that cannot be had; nothing has started then.
    """
    if request.budget not in BUDGETS:
        raise unknown("budget", request.budget, BUDGETS)
    for name in request.protocols or ():
        if name not in PROTOCOLS:
            raise unknown("protocol", name, PROTOCOLS)
    models = registry.select(request.models)
    for card, preset in models if request.hyper else ():
        registry.settings(card, preset, dataset="", hyper=request.hyper)
    works = []
    for location in dict.fromkeys(request.datasets):
        source = sources.find(location, data_dir=request.data_dir)
        contents = [source.fingerprint(features) for features in request.features or (None,)]
        protocols = request.protocols or (["paper"] if source.name in PAPER_SETS else ["clean"])
        axes = itertools.product(contents, protocols, models, request.seeds)
        for (features, data_hash), protocol, (card, preset), seed in axes:
            job = Job(
                dataset=source.name,
                data_hash=data_hash,
                features=features,
                model=card.name,
                preset=preset,
                hyper=request.hyper,
                protocol=PROTOCOLS[protocol],
                budget=resolve_budget(BUDGETS[request.budget], source.name),
                seed=seed,
                source=card.source,
            )
            data_dir = str(request.data_dir) if request.data_dir else None
            works.append(Work(job=job, location=location, data_dir=data_dir))
    return list({work.job.key: work for work in works}.values())


def load(work: Work) -> Dataset:
    """The data set of ``work``.

    Raises:
        BenchError: when the files are no longer those that the job was planned on.
    """
    job = work.job
    source = sources.find(work.location, data_dir=Path(work.data_dir) if work.data_dir else None)
    dataset = source.load(job.features)
    if dataset.hash != job.data_hash:
        raise BenchError(f"{job.dataset}: the files changed since the job was planned; start again")
    return dataset


def is_due(store: Store, job: Job, *, when: When) -> bool:
    """Whether the job is to run: "missing" also reruns what failed, "failed" reruns nothing else."""
    record = store.find(job)
    if when == "always":
        return True
    if when == "failed":
        return record is not None and record.status == "failed"
    if when == "missing":
        return record is None or record.status == "failed"
    raise BenchError(f"--when is missing, failed or always, not {when!r}")
