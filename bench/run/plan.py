"""Turns a request into the jobs that it means."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bench import registry
from bench.data import sources
from bench.data.cache import Source
from bench.data.dataset import Dataset
from bench.registry import Card
from bench.run import studies
from bench.spec import BUDGETS, PROTOCOLS, BenchError, Job, is_knocked_out, read, resolve_budget, unknown
from bench.study import Study, can_be_kept, differing


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for; ``None`` leaves the choice to the data set."""

    datasets: Sequence[str | Path]
    models: Sequence[str] | None = None
    protocols: Sequence[str] | None = None
    budget: str = "standard"
    seeds: Sequence[int] = (0,)
    features: Sequence[str] | None = None
    hyper: dict[str, Any] = field(default_factory=dict)
    data_dir: Path | None = None
    studies: Sequence[str] = ("table2",)
    keep_weights: bool = False
    prefer: str = "default"  # the preset of models that are named without a preset, where they have it


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """A job and what its process needs to find its data; only the job enters the key."""

    job: Job
    location: str  # the data set as the user named it: a name or a folder
    data_dir: Path | None
    facts: dict[str, Any] = field(default_factory=dict)  # of the record, known beforehand, as the cost of a search
    is_trial: bool = False  # of a search, which never sees the test set: its record has no metrics
    limits: dict[int, float] = field(default_factory=dict)  # epoch to the value below which a trial ends there
    keep_weights: bool = False  # those of the chosen epochs are written beside the record
    model_file: str = ""  # of a model from outside, which the job's process has to read

    @property
    def title(self) -> str:
        """The job in words."""
        job = self.job
        return f"{job.dataset} {job.run} {job.features} {job.protocol.name} {job.budget.name} seed {job.seed}"

    @property
    def card(self) -> Card:
        """The declarations of the job's model."""
        return registry.cards()[self.job.model]

    @property
    def settings(self) -> dict[str, Any]:
        """All settings of the job: the defaults, changed by its preset, by the data set, and by the job's own."""
        return registry.settings(self.card, self.job.preset, dataset=self.job.dataset, hyper=self.job.hyper)

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> "PlannedJob":
        """Return the planned job whose fields ``asdict`` put into the ``payload``; further entries are ignored."""
        values = {f.name: payload[f.name] for f in fields(cls)} | {"job": read(Job, payload["job"])}
        if values["model_file"]:
            registry.from_outside(f"{values['model_file']}:{values['job'].model}")
        return cls(**values)


def jobs(request: Request) -> list[PlannedJob]:
    """Return every job of the request once: all data sets, features, protocols, studies, models, variants and seeds."""
    registry.require_recbole()
    check_names(request)
    rows = rows_of(request)
    for _, card, preset in rows if request.hyper else ():
        registry.check(card, registry.settings(card, preset, dataset="", hyper=request.hyper))
    check_numbers(request)
    planned, seen = {}, {}
    for location in dict.fromkeys(map(str, request.datasets)):
        source = sources.find(location, data_dir=request.data_dir)
        versions = [source.fingerprint(features) for features in request.features or (None,)]
        if seen.setdefault(source.name, versions) != versions:
            raise sources.named_twice(location, source.name)
        for features, data_hash in versions:
            common = {"location": location, "data_dir": request.data_dir, "keep_weights": request.keep_weights}
            if is_knocked_out(features):
                common["facts"] = {"base_hash": source.fingerprint(features.partition(",")[0])[1]}
            for job in jobs_on(source, features, data_hash, rows, request):
                planned[job.key] = PlannedJob(job=job, **common, model_file=registry.cards()[job.model].file)
    return list(planned.values())


def check_names(request: Request) -> None:
    """Refuse empty lists, an unknown budget or protocol, and a preset that cannot be preferred."""
    for name in ("datasets", "models", "protocols", "features", "seeds", "studies"):
        if (names := getattr(request, name)) is not None and not len(names):
            raise BenchError(f"{name} is empty; name at least one, or leave it out")
    if request.prefer not in ("default", "released"):
        raise unknown("preset to prefer", request.prefer, ("default", "released"))
    if request.budget not in BUDGETS:
        raise unknown("budget", request.budget, BUDGETS)
    for name in request.protocols or ():
        if name not in PROTOCOLS:
            raise unknown("protocol", name, PROTOCOLS)


def check_numbers(request: Request) -> None:
    """Refuse a seed or a setting that no record could hold, so that no job runs in vain."""
    for seed in request.seeds:
        if not 0 <= seed < 2**63:
            raise BenchError(f"seed {seed} is not a whole number from 0 to 2**63 - 1; choose another with --seeds")
    for name, value in request.hyper.items():
        if not can_be_kept(value):
            raise BenchError(f"setting {name}={value}: --set takes finite numbers of 64 bits, texts and truth values")


def jobs_on(
    source: Source, features: str, data_hash: str, rows: Sequence[tuple[Study, Card, str]], request: Request
) -> Iterator[Job]:
    """Yield every job on one version of a data set; jobs that studies share come more than once."""
    runs = []
    for study, card, preset in rows:
        runs += [(card, preset, hyper) for hyper in overrides(study, card, preset, source, features, request)]
    for protocol in request.protocols or (["paper"] if source.name in sources.FOLDERS else ["clean"]):
        for card, preset, hyper in runs:
            for seed in request.seeds:
                yield Job(
                    dataset=source.name,
                    data_hash=data_hash,
                    features=features,
                    model=card.name,
                    preset=preset,
                    hyper=hyper,
                    protocol=PROTOCOLS[protocol],
                    budget=resolve_budget(BUDGETS[request.budget], source.name),
                    seed=seed,
                    source=card.source,
                )


def load(planned: PlannedJob) -> Dataset:
    """Return the data set of a job, whose files must be those that the job was planned on."""
    job = planned.job
    source = sources.find(planned.location, data_dir=planned.data_dir)
    dataset = source.load(job.features)
    if dataset.hash != job.data_hash:
        raise BenchError(f"{job.dataset}: the files changed since the job was planned; start again")
    return dataset


def rows_of(request: Request) -> list[tuple[Study, Card, str]]:
    """Return each study of the request with each model and preset that it takes."""
    rows = []
    for study in studies.find(request.studies):
        if study.variants and request.hyper:
            raise BenchError(f"--set does not go with --study {study.name}, which sets what it compares; leave one out")
        rows += [(study, card, preset) for card, preset in models_of(study, request)]
    return rows


def models_of(study: Study, request: Request) -> list[tuple[Card, str]]:
    """Return the study's models that the request names, by groups only for a study for all; where it names none, the
    first, or all of a study for all. "All" studies may leave out one to which no model named belongs."""
    prefer = request.prefer
    if not study.models:
        return registry.select(request.models, prefer=prefer)
    if study.is_for_all:
        named = registry.select(request.models or study.models, prefer=prefer)
    else:
        texts = [text for text in request.models or () if text.lower() not in registry.GROUPS] or study.models[:1]
        named = [registry.find(text, prefer=prefer) for text in texts]
    chosen = [(card, preset) for card, preset in named if card.name in study.models]
    if not chosen and studies.ALL not in request.studies:
        about = ", ".join(study.models)
        raise BenchError(f"--study {study.name} is about {about}: --models must name one, or be left out")
    return chosen


def left_out(request: Request) -> list[str]:
    """Return a sentence for each study that takes some of the models named (not those of a group), but not all."""
    named = [text for text in request.models or () if text.lower() not in registry.GROUPS]
    names = dict.fromkeys(registry.find(text)[0].name for text in named)
    notes = []
    for study in () if studies.ALL in request.studies else studies.find(request.studies):
        others = [name for name in names if name not in study.models] if study.models else []
        if others:
            about = ", ".join(study.models)
            notes.append(f"--study {study.name} is about {about}; it leaves out {', '.join(others)}")
    return notes


def overrides(
    study: Study, card: Card, preset: str, source: Source, features: str, request: Request
) -> list[dict[str, Any]]:
    """Return what each job of a study sets beyond its preset, without variants that the data cannot form."""
    variants = study.variants_of(card.name)
    if not variants and not request.hyper:
        return [{}]
    settings = registry.settings(card, preset, dataset=source.name, hyper={})  # imports torch
    if not variants:
        full = registry.settings(card, preset, dataset=source.name, hyper=request.hyper)
        unused = registry.split_settings(full)[0] if card.is_floor else {}  # a floor trains nothing
        return [differing({name: full[name] for name in request.hyper if name not in unused}, settings)]
    modalities = list(source.load(features).features) if any(v.needs or v.n_least for v in variants) else None
    formed = [v for v in variants if not study.why_not(v, source.name, modalities)]
    return [differing(study.full(variant), settings) for variant in formed]
