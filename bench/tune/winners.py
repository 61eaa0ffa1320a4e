"""What searches found, one file per model, and how a run asks for it: ``--hyper default|released|tuned``."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench import registry
from bench.files import try_writing, write_whole, writing
from bench.run.plan import PlannedJob
from bench.spec import BenchError, Job, read
from bench.store.store import Store

Mode = Literal["default", "released", "tuned"]
HEAD = "# Found by --tune, on validation alone; --hyper tuned reads it.\n"


@dataclass(frozen=True, kw_only=True)
class Winner:
    """The best trial of a search, and what the search was.

    Attributes:
        value: its best validation value; ``default_value`` is that of the untuned model, None where that failed.
        seconds: of all trials together, as their records count them, ``failed`` and ``pruned`` ones among them.
        hyper: every setting that was searched.
    """

    dataset: str
    features: str
    data_hash: str
    model: str
    preset: str
    source: str
    engine: int
    protocol: str
    budget: str
    selected_by: str
    trials: int
    failed: int
    pruned: int
    seconds: float
    default_value: float | None
    value: float
    trial: int  # counted from 1, which is the default
    key: str  # of its record
    hyper: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """What the record of a run with these settings says of the search."""
        names = ("trials", "seconds", "protocol", "budget")
        return {f"tuning.{name}": getattr(self, name) for name in names}

    @property
    def words(self) -> str:
        """The outcome of the search."""
        default = "failed" if self.default_value is None else f"{self.default_value:.4f}"
        lost = f" ({self.failed} failed, {self.pruned} pruned)"
        settings = ", ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in self.hyper.items())
        best = f"validation {self.value:.4f} (trial {self.trial}), default {default}"
        return f"{self.trials} trials{lost} in {self.seconds:.0f} s: {best}; {settings}"


def path(configs: Path, job: Job) -> Path:
    preset = "" if job.preset == "default" else f"-{job.preset}"
    return configs / Path(job.dataset).name / f"{job.model}{preset}.yaml"


def check_writable(configs: Path) -> None:
    """Fail before any trial, not after."""
    with writing(f"folder {configs}", remedy="choose another with --configs"):
        try_writing(next(place for place in (configs, *configs.parents) if place.exists()))


def write(winner: Winner, place: Path) -> None:
    import yaml  # here and below, since without a search nothing needs it

    text = HEAD + yaml.safe_dump(dataclasses.asdict(winner), sort_keys=False)
    write_whole(place, lambda name: Path(name).write_text(text))


def load(configs: Path, planned: PlannedJob) -> Winner:
    """The winner for the job's data set, model and preset; it may have been found under another protocol or budget.

    Raises:
        BenchError: when there is none, or it was found on other data or other code, or cannot be read.
    """
    job, place = planned.job, path(configs, planned.job)
    name = job.model if job.preset == "default" else f"{job.model}:{job.preset}"
    again = f"search with --tune N --datasets {planned.location} --models {name} --protocols clean"
    if not place.exists():
        raise BenchError(f"{place} is not there, which --hyper tuned needs; {again}")
    import yaml

    try:
        winner = read(Winner, yaml.safe_load(place.read_text()), what=f"entry of {place}:")
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise BenchError(f"{place} cannot be read ({str(error).splitlines()[0]}); {again}") from None
    same = {"data_hash": "data", "source": "code of the model", "engine": "shared code"}
    changed = [what for name, what in same.items() if getattr(winner, name) != getattr(job, name)]
    if changed:
        raise BenchError(f"{place} was found with other {' and '.join(changed)}; {again}")
    return winner


def choose(planned: Sequence[PlannedJob], mode: Mode, configs: Path) -> tuple[list[PlannedJob], list[str]]:
    """The jobs with the settings that ``mode`` means, each once; and what there is to say about it.

    A preset that was asked for by name stays; floors, which train nothing, keep their defaults.
    """
    chosen, left = [], set()
    for one in planned:
        job, card = one.job, registry.find(one.job.model)[0]
        if job.hyper and mode == "tuned":
            raise BenchError(
                "--hyper tuned takes its settings from files; leave --set and --study out, or --hyper tuned"
            )
        if mode == "released" and job.preset == "default" or mode == "tuned" and card.is_floor:
            left.add(job.row)  # "released": the plan would have found such a preset (``Request.prefer``)
        elif mode == "tuned":
            winner = load(configs, one)
            one = dataclasses.replace(one, job=dataclasses.replace(job, hyper=winner.hyper), facts=winner.facts)
        chosen.append(one)
    said = [f"nothing {mode} for {', '.join(sorted(left))}: default settings"] if left else []
    return list({one.job.key: one for one in chosen}.values()), said


def relabel(planned: Sequence[PlannedJob], store: Store) -> None:
    """Where a search went on and found the same settings again, tell the records what it has taken by now."""
    for one in planned:
        record = store.find(one.job) if one.facts else None
        if record is not None and any(record.facts.get(k) != v for k, v in one.facts.items()):
            store.write(record.model_copy(update={"facts": {**record.facts, **one.facts}}))
