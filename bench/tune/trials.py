"""The trials of one search: one model on one data set under one protocol, judged on validation only.

The trials that ended are known by their records alone, and the next one follows from them and from their number. So a
search that was killed proposes the trial again that it was running, finds its checkpoint, and ends as if it had never
been killed.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import count
from statistics import median
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, distribution_to_json
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from bench import registry
from bench.registry import Card, contract
from bench.run.plan import PlannedJob
from bench.spec import Job, Training, canonical_hash
from bench.store.record import Record
from bench.tune.outcomes import curve, outcome, value
from bench.tune.winners import SAME, Winner

Space = dict[str, BaseDistribution]

STATES = {
    "done": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "skipped": TrialState.FAIL,
}
AT_LEAST = 5  # trials that must have reached an epoch before another is pruned there
WARM_UP = 0.25  # first share of the epochs, in which no trial is pruned: a small learning rate starts slowly


class Trials:
    """The trials that vary ``base``, a job with its preset's settings. Those of other searches among ``records`` are
    ignored; of ``damaged``, the keys of records that cannot be used, those of this search run again."""

    def __init__(self, base: PlannedJob, records: Iterable[Record] = (), *, damaged: Collection[str] = ()):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        job, settings = base.job, base.settings
        self.base, self.space = base, space(base.card)
        # the settings of the preset on this data set; tuples become lists
        self.default = json.loads(json.dumps({name: settings[name] for name in self.space}))
        bounds = {name: distribution_to_json(d) for name, d in self.space.items()}
        words = f"{job.dataset} {job.row} {job.protocol.name} {job.budget.name}"
        self.name = f"{words} {job.key}-{canonical_hash(bounds)[:8]}"  # other bounds mean other draws
        # the default's record first, then by the time at which the trials started
        self.ended, self.damaged = sorted(filter(self.is_own, records), key=self.order), damaged

    def is_own(self, record: Record) -> bool:
        """Return whether the record is of this search: the base with settings of its space, or the default ones."""
        hyper = record.job.hyper
        if dataclasses.replace(record.job, hyper={}) != self.base.job or hyper.keys() != self.space.keys():
            return False
        return hyper == self.default or encode(hyper, self.space).keys() == self.space.keys()

    def order(self, record: Record) -> tuple[bool, str]:
        return record.job.hyper != self.default, record.provenance.get("start", "")

    def enter(self, record: Record) -> None:
        """Add the record of a trial that ended. A trial without a value counts too: it has used up its turn."""
        self.ended = sorted([*self.ended, record], key=self.order)

    @property
    def is_begun(self) -> bool:
        """Whether there is a record of the default; a damaged one does not count, and that trial is the next one."""
        return bool(self.ended) and self.ended[0].job.hyper == self.default

    def missing(self, n: int) -> int:
        """Return how many of ``n`` trials are still to run."""
        return 0 if self.skipped else max(n - len(self.ended), 0 if self.is_begun else 1)

    def proposal(self) -> PlannedJob:
        """Return the next trial: first the default, then one whose record is damaged, then a new one."""
        hyper = (self.lost() or self.draw(self.ended)) if self.is_begun else self.default
        return dataclasses.replace(self.base, job=self.job(hyper), is_trial=True, limits=self.limits())

    def job(self, hyper: dict[str, Any]) -> Job:
        """Return the job of the trial with these settings."""
        return dataclasses.replace(self.base.job, hyper=hyper)

    def lost(self) -> dict[str, Any] | None:
        """Return the settings of the first trial whose record is damaged; None where there is none, or where this
        version of optuna does not draw it again.

        The settings follow from the trials before it, so the search is drawn again from its start, as far as needed.
        """
        before, after = self.ended[:1], self.ended[1:]
        while self.damaged and after:
            hyper = self.draw(before)
            same = [record for record in after if record.job.hyper == hyper]
            if not same and self.job(hyper).key in self.damaged:
                return hyper
            before.append((same or after)[0])
            after.remove(before[-1])
        self.damaged = ()  # none is of this search, so that later proposals need not look again
        return None

    def draw(self, before: Sequence[Record]) -> dict[str, Any]:
        """Return the settings that the sampler proposes after the trials ``before``, with random draws by their number,
        or by a later number where the settings are those of one of them, as they can be where a record was lost."""
        tried = [record.job.hyper for record in before]
        for number in count(len(before)):
            sampler = TPESampler(seed=int(canonical_hash([self.name, number])[:8], 16))
            study = optuna.create_study(direction="maximize", sampler=sampler)  # in memory
            study.add_trials([entry(record, self.space) for record in before])
            hyper = decode(study.ask(self.space).params, self.space)
            if hyper not in tried:
                return hyper

    def limits(self) -> dict[int, float]:
        """Return the median, by epoch, of the finished trials that reached it (the median stopping rule)."""
        curves = [curve(record) for record in self.ended if record.status == "done"]
        n_epochs, limits = self.base.job.budget.epochs, {}
        for epoch in sorted({epoch for values in curves for epoch in values}):
            values = [values[epoch] for values in curves if epoch in values]
            if WARM_UP * n_epochs <= epoch < n_epochs and len(values) >= AT_LEAST:
                limits[epoch] = median(values)
        return limits

    @property
    def skipped(self) -> str:
        """The reason why the model makes no sense on this data set; empty where it does."""
        return next((record.reason for record in self.ended if outcome(record) == "skipped"), "")

    def winner(self, n: int) -> Winner | None:
        """Return the trial of the largest value among the first ``n``, the earliest of equals; None if none has one."""
        trials, job = self.ended[:n], self.base.job
        counts = Counter(map(outcome, trials))
        values = {number: value(record) for number, record in enumerate(trials, start=1) if record.status == "done"}
        if not values:
            return None
        number = max(values, key=values.get)
        best = trials[number - 1]
        copied = {name: getattr(job, name) for name in SAME}
        return Winner(
            dataset=job.set_name,
            **copied,
            protocol=job.protocol.name,
            budget=job.budget.name,
            selected_by=best.facts.get("selected_by", ""),
            trials=len(trials),
            failed=counts["failed"],
            pruned=counts["pruned"],
            seconds=round(sum(sum(record.seconds.values()) for record in trials), 1),
            default_value=values.get(1),
            value=values[number],
            trial=number,
            key=best.key,
            hyper=best.job.hyper,
        )


def entry(record: Record, space: Space) -> FrozenTrial:
    """Return a trial in the form that the sampler takes."""
    params = encode(record.job.hyper, space)
    return create_trial(
        state=STATES[outcome(record)],
        value=value(record) if record.status == "done" else None,
        intermediate_values=curve(record),
        params=params,
        distributions={name: space[name] for name in params},
    )


def space(card: Card) -> Space:
    """Return the fields of ``Training`` and of the model's ``Hyper`` that declare where to search, with distributions.

    A choice is stored as its JSON, since a study holds no tuples.
    """
    hyper, distributions = registry.load(card).Hyper, {}
    contract.check_space(hyper, card)
    for cls in (Training, hyper):
        for field in dataclasses.fields(cls):
            if "among" in field.metadata:
                choices = [json.dumps(value) for value in field.metadata["among"]]
                distributions[field.name] = CategoricalDistribution(choices)
            elif "low" in field.metadata:
                distributions[field.name] = FloatDistribution(**field.metadata)
    return distributions


def encode(hyper: dict[str, Any], space: Space) -> dict[str, Any]:
    """Return ``hyper`` as a study stores it; a default outside its space is left out, as no search can propose it."""
    coded = {k: json.dumps(v) if isinstance(space[k], CategoricalDistribution) else v for k, v in hyper.items()}
    return {k: v for k, v in coded.items() if is_inside(v, space[k])}


def is_inside(coded: Any, distribution: BaseDistribution) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return coded in distribution.choices
    return distribution.low <= coded <= distribution.high


def decode(params: dict[str, Any], space: Space) -> dict[str, Any]:
    """Return a proposal of the sampler as the settings of a job."""
    return {k: json.loads(v) if isinstance(space[k], CategoricalDistribution) else v for k, v in params.items()}
