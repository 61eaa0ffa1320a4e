"""The winners of searches, one file per model, and how a run asks for them: ``--hyper default|released|tuned``."""

import dataclasses
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.files import plain, read_sealed, try_writing, write_sealed, writing
from bench.run.plan import PlannedJob
from bench.spec import (
    BUDGETS,
    PROTOCOLS,
    BenchError,
    Count,
    Job,
    Name,
    Number,
    Settings,
    Size,
    counted,
    read,
    resolve_budget,
)
from bench.store.places import TRIALS
from bench.store.store import Store
from bench.study import differing
from bench.tune.outcomes import outcome, value

Mode = Literal["default", "released", "tuned"]
# the fields of a job in which a search and a run with its winner agree, and what messages call them
SAME = {"model": "model", "preset": "preset", "features": "features", "data_hash": "data"}
SAME |= {"source": "code of the model", "engine": "shared code"}
HEAD = "# Found by --tune, on validation alone; --hyper tuned reads it. The content's sha256:"


@dataclass(frozen=True, kw_only=True)
class Winner:
    """The best trial of a search, with the conditions and the cost of the search."""

    dataset: Name
    features: Name
    data_hash: Name
    model: Name
    preset: Name
    source: Name
    engine: int
    protocol: Name
    budget: Name
    selected_by: Name
    trials: Size
    failed: Count
    pruned: Count
    seconds: Number  # of all trials together, as their records count them
    default_value: Number | None  # that of the untuned model; None where it failed
    value: Number  # the best on validation
    trial: Size  # its number; 1 is the trial of the default
    key: Name  # of the trial's record
    hyper: Settings  # every setting that was searched

    @property
    def facts(self) -> dict[str, Any]:
        """The facts about the search that the record of a run with these settings holds."""
        names = ("trials", "seconds", "protocol", "budget")
        return {f"tuning.{name}": getattr(self, name) for name in names}

    @property
    def words(self) -> str:
        """The outcome of the search in words."""
        default = "failed" if self.default_value is None else f"{self.default_value:.4f}"
        lost = f" ({self.failed} failed, {self.pruned} pruned)"
        settings = ", ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in self.hyper.items())
        best = f"validation {self.value:.4f} (trial {self.trial}), default {default}"
        return f"{counted(self.trials, 'trial')}{lost} in {self.seconds:.0f} s: {best}; {settings}"


def path(configs: Path, job: Job) -> Path:
    preset = "" if job.preset == "default" else f"-{job.preset}"
    return configs / job.set_name / f"{job.model}{preset}.yaml"


def check_writable(configs: Path) -> None:
    """Raise BenchError if ``configs`` cannot be written, so that a search fails before its trials and not after."""
    with writing(f"folder {configs}", remedy="choose another with --configs"):
        try_writing(next(place for place in (configs, *configs.parents) if place.exists()))


def check_free(configs: Path, job: Job) -> None:
    """Refuse to overwrite the winner of a search with other features, another protocol or another budget.

    A file that no run can use, since it cannot be read or was found with other code, may be overwritten.
    """
    place = path(configs, job)
    try:
        other = parsed(place)
    except BenchError:
        return
    asked = (job.features, job.protocol.name, job.budget.name)
    is_same = (other.features, other.protocol, other.budget) == asked
    if (other.source, other.engine) == (job.source, job.engine) and not is_same:
        flags = f"--features {other.features} --protocols {other.protocol} --budget {other.budget}"
        raise BenchError(f"{place} holds what {flags} found; choose another --configs, or remove the file")


def write(winner: Winner, place: Path) -> None:
    import yaml  # here and below, since without a search nothing needs it

    text = yaml.safe_dump(dataclasses.asdict(winner), sort_keys=False, allow_unicode=True)
    remedy = "free its place or choose another with --configs, then start again: the trials are kept"
    with writing(place, remedy=remedy):
        write_sealed(place, text.encode(), owner=HEAD)


def load(configs: Path, planned: PlannedJob, trials: Store) -> Winner:
    """Return the winner for the job's data set, model and preset; its protocol or budget may be another than the job's.
    The file must agree with the record of its trial, if that is in ``trials``, the records of the searches."""
    try:
        return checked(planned, path(configs, planned.job), trials)
    except BenchError as error:
        raise BenchError(f"{error}; {how_to_search(planned, configs, trials)}") from None


def checked(planned: PlannedJob, place: Path, trials: Store) -> Winner:
    """Return the winner in the file ``place``, as ``load``."""
    job = planned.job
    if not place.exists():
        raise BenchError(f"{place} does not exist, but --hyper tuned needs it")
    winner = parsed(place)
    changed = [what for name, what in SAME.items() if getattr(winner, name) != getattr(job, name)]
    if changed:
        raise BenchError(f"{place} was found with other {' and '.join(changed)}")
    trial = trial_of(winner, job)
    if trial is None or trial.key != winner.key:
        raise BenchError(f"{place} has settings that are not those of its trial {winner.key}")
    record = trials.find(trial)
    if record is not None and (record.status != "done" or value(record) != winner.value):
        raise BenchError(f"{place} has another value than the record of its trial {winner.key}")
    return winner


def how_to_search(planned: PlannedJob, configs: Path, trials: Store) -> str:
    """Return the flags of a search for the job; those that write the winner of the trials in ``trials``, if any are."""
    job, clean = planned.job, dataclasses.replace(planned.job, protocol=PROTOCOLS["clean"], seed=0, hyper={})
    alike = [one.job for one in trials.records() if dataclasses.replace(one.job, hyper={}, budget=job.budget) == clean]
    kept = Counter(one.budget.name for one in alike).most_common(1)  # of the longest search
    budget, n_trials = kept[0] if kept else (job.budget.name, "N")
    name = f"{planned.model_file}:{job.model}" if planned.model_file else job.model
    name = name if job.preset == "default" else f"{name}:{job.preset}"
    what = ["--datasets", planned.location, "--features", job.features, "--models", name, "--protocols", "clean"]
    what += ["--budget", budget, "--results", str(trials.root.parents[len(TRIALS.parts) - 1])]
    return f"search with --tune {n_trials} {shlex.join([*what, '--configs', str(configs)])}"


def was_skipped(job: Job, trials: Store) -> bool:
    """Whether a search found that the model makes no sense on the data."""
    skipped = (record.job for record in trials.records() if outcome(record) == "skipped")
    return any(all(getattr(other, name) == getattr(job, name) for name in SAME) for other in skipped)


def parsed(place: Path) -> Winner:
    """Return the winner in a file, in which an alias, a tag or a date is a mistake."""
    import yaml

    try:
        text = read_sealed(place, owner=HEAD).decode()
        if any(isinstance(token, yaml.AliasToken | yaml.TagToken) for token in yaml.scan(text)):
            raise ValueError("YAML aliases and tags are not allowed")
        return read(Winner, yaml.safe_load(text), what=f"entry of {place}:")
    except (yaml.YAMLError, TypeError, ValueError, RecursionError, OSError) as error:
        raise BenchError(f"{place} cannot be read ({plain(str(error), is_line=True)[:200]})") from None


def trial_of(winner: Winner, job: Job) -> Job | None:
    """Return the job of the trial that the winner names; None where its protocol or budget does not exist."""
    if winner.protocol not in PROTOCOLS or winner.budget not in BUDGETS:
        return None
    budget = resolve_budget(BUDGETS[winner.budget], job.dataset)
    return dataclasses.replace(job, protocol=PROTOCOLS[winner.protocol], budget=budget, seed=0, hyper=winner.hyper)


def choose(
    planned: Sequence[PlannedJob], mode: Mode, configs: Path, trials: Store
) -> tuple[list[PlannedJob], list[str]]:
    """Return the jobs with the settings that ``mode`` means, each once, and notes for the user.

    A preset that was asked for by name stays. Floors, which train nothing, and models that the search skipped keep
    their defaults. So does a job for which no trial was better than the default; it does not count as tuned.
    """
    chosen, left, unbeaten = [], set(), set()
    for one in planned:
        job, card = one.job, one.card
        if job.hyper and mode == "tuned":
            text = "--hyper tuned takes its settings from files; leave --set and --study out, or --hyper tuned"
            raise BenchError(text)
        if mode == "released" and mode not in card.presets:
            left.add(job.row)  # the plan has seen to presets that are there (``Request.prefer``)
        elif mode == "tuned" and (card.is_floor or not path(configs, job).exists() and was_skipped(job, trials)):
            left.add(job.row)
        elif mode == "tuned":
            winner = load(configs, one, trials)
            if differing(winner.hyper, one.settings):
                tuned = dataclasses.replace(job, hyper=winner.hyper)
                one = dataclasses.replace(one, job=tuned, facts=one.facts | winner.facts)
            else:
                unbeaten.add(job.row)
        chosen.append(one)
    notes = [f"nothing {mode} for {', '.join(sorted(left))}: the defaults are used"] if left else []
    notes += [f"no trial was better than the default of {', '.join(sorted(unbeaten))}"] if unbeaten else []
    return list({one.job.key: one for one in chosen}.values()), notes
