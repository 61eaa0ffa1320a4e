"""The trials of one search: one model on one data set under one protocol, judged on validation only.

A trial is entered once it has ended, and the next one follows from those entered and from its number alone. So a search
that was killed proposes the trial again that it was running, finds its record or checkpoint, and ends as if it had
never been killed.
"""

import dataclasses
from pathlib import Path
from statistics import median
from typing import Any

import optuna
from optuna.distributions import distribution_to_json
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from bench import registry
from bench.run.plan import PlannedJob
from bench.spec import canonical_hash
from bench.store.record import Record
from bench.store.store import Store
from bench.tune.space import decode, default, encode, space
from bench.tune.winners import Winner, curve, value

STATES = {
    "done": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "skipped": TrialState.FAIL,
}
COMPARED = ("state", "value", "params", "distributions", "intermediate_values", "user_attrs")
AT_LEAST = 5  # trials that must have reached an epoch before one is ended there
WARM_UP = 0.25  # share of the epochs in which no trial is ended: a small learning rate starts slowly


class Trials:
    """The trials that vary ``base``, a job with its preset's settings; they are kept in ``storage``."""

    def __init__(self, base: PlannedJob, storage: optuna.storages.BaseStorage):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        job = base.job
        card, _ = registry.find(job.model)
        self.base, self.space = base, space(card)
        self.default = default(card, job.preset, dataset=job.dataset, space=self.space)
        bounds = {name: distribution_to_json(d) for name, d in self.space.items()}
        words = f"{job.dataset} {job.row} {job.protocol.name} {job.budget.name}"
        self.name = f"{words} {job.key}-{canonical_hash(bounds)[:8]}"  # other bounds are another search
        self.kept = self.study(storage)

    def study(self, storage: optuna.storages.BaseStorage) -> optuna.Study:
        place = {"storage": storage, "study_name": self.name, "load_if_exists": True}
        return optuna.create_study(direction="maximize", **place)

    @property
    def ended(self) -> list[FrozenTrial]:
        """Those that have ended, in order."""
        return self.kept.get_trials(deepcopy=False)

    def proposal(self) -> PlannedJob:
        """The next trial: the default first, then what the sampler makes of the trials so far."""
        ended, hyper = self.ended, self.default
        if ended:
            sampler = TPESampler(seed=int(canonical_hash([self.name, len(ended)])[:8], 16))
            sketch = optuna.create_study(direction="maximize", sampler=sampler)  # in memory: nothing unfinished is kept
            sketch.add_trials(ended)
            hyper = decode(sketch.ask(self.space).params, self.space)
        job = dataclasses.replace(self.base.job, hyper=hyper)
        return dataclasses.replace(self.base, job=job, is_trial=True, limits=self.limits(ended))

    def limits(self, ended: list[FrozenTrial]) -> dict[int, float]:
        """Epoch to the median of the trials that reached it and were not pruned (the median stopping rule)."""
        curves = [trial.intermediate_values for trial in ended if trial.state == TrialState.COMPLETE]
        n_epochs, found = self.base.job.budget.epochs, {}
        for epoch in sorted({epoch for values in curves for epoch in values}):
            values = [values[epoch] for values in curves if epoch in values]
            if WARM_UP * n_epochs <= epoch < n_epochs and len(values) >= AT_LEAST:
                found[epoch] = median(values)
        return found

    def enter(self, record: Record) -> None:
        """Keep an ended trial, in one transaction. One without a value counts: its turn was taken."""
        self.kept.add_trial(self.entry(record))

    def entry(self, record: Record) -> FrozenTrial:
        """A trial as the storage has it, by its record."""
        params = encode(record.job.hyper, self.space)
        status = "pruned" if record.status == "skipped" and record.curve else record.status
        told: dict[str, Any] = {"key": record.key, "hyper": record.job.hyper, "status": status}
        told |= {"reason": record.reason, "selected_by": record.facts.get("selected_by", "")}
        return create_trial(
            state=STATES[status],
            value=value(record) if record.status == "done" else None,
            intermediate_values=curve(record),
            params=params,
            distributions={name: self.space[name] for name in params},
            user_attrs={**told, "seconds": sum(record.seconds.values())},
        )

    def hold(self, store: Store) -> bool:
        """Whether each trial that ended is what its record in ``store`` says."""
        try:
            return all(self.is_entry(trial, store) for trial in self.ended)
        except (ValueError, TypeError, AttributeError):  # of values that are not what was written
            return False

    def is_entry(self, trial: FrozenTrial, store: Store) -> bool:
        record = store.find(dataclasses.replace(self.base.job, hyper=trial.user_attrs.get("hyper", {})))
        if record is None:
            return False
        expected = self.entry(record)
        return all(getattr(trial, name) == getattr(expected, name) for name in COMPARED)

    def forget(self, storage: optuna.storages.BaseStorage) -> None:
        """Begin the search anew."""
        optuna.delete_study(study_name=self.name, storage=storage)
        self.kept = self.study(storage)

    @property
    def skipped(self) -> str:
        """Why the model makes no sense here; empty where it does."""
        return next((t.user_attrs["reason"] for t in self.ended if t.user_attrs["status"] == "skipped"), "")

    def first(self, n: int) -> list[FrozenTrial]:
        """The ``n`` trials that count, should an earlier search have gone further."""
        return self.ended[:n]

    def winner(self, n: int) -> Winner | None:
        """The trial of the largest value among the first ``n``, the earliest of equals; None where none has one."""
        trials, job = self.first(n), self.base.job
        done, failed, pruned = (
            [t for t in trials if t.user_attrs["status"] == s] for s in ("done", "failed", "pruned")
        )
        if not done:
            return None
        best = max(done, key=lambda trial: (trial.value, -trial.number))
        same = {name: getattr(job, name) for name in ("features", "data_hash", "model", "preset", "source", "engine")}
        return Winner(
            dataset=Path(job.dataset).name,
            **same,
            protocol=job.protocol.name,
            budget=job.budget.name,
            selected_by=best.user_attrs["selected_by"],
            trials=len(trials),
            failed=len(failed),
            pruned=len(pruned),
            seconds=round(sum(trial.user_attrs["seconds"] for trial in trials), 1),
            default_value=trials[0].value,
            value=best.value,
            trial=best.number + 1,
            key=best.user_attrs["key"],
            hyper=best.user_attrs["hyper"],
        )
