"""Searches whose trials are made up: no model is trained."""

import math

from optuna.storages import InMemoryStorage

from bench import registry
from bench.run.plan import PlannedJob
from bench.spec import BUDGETS, PROTOCOLS
from bench.store.record import Record
from bench.tune.trials import Trials
from tests.report.made import record, unfinished

KIND = {"protocol": PROTOCOLS["clean"], "budget": BUDGETS["quick"], "dataset": "toy"}


def work(model="BPRMF", **more) -> PlannedJob:
    made = record(model, **{**KIND, "source": registry.cards()[model].source, **more})
    return PlannedJob(job=made.job, location="toy", data_dir=None)


def search(model="BPRMF", storage=None, **more) -> Trials:
    return Trials(work(model, **more), storage or InMemoryStorage())


def trial(proposed: PlannedJob, value: float | None) -> Record:
    """The record of a trial whose best validation value is ``value``; None for one that failed."""
    fields = {name: getattr(proposed.job, name) for name in ("model", "source", "preset", "hyper", *KIND)}
    if value is None:
        return unfinished(**fields, reason="Diverged")
    curve = [{"epoch": n, "seconds": n, "full.ndcg@10": value * (n / 10)} for n in (5, 10)]
    facts = {"selected_by": "valid full.ndcg@10"}
    return record(value=1 - value, facts=facts, **fields).model_copy(update={"curve": curve})


def objective(hyper: dict) -> float:
    """Best, 1, at a learning rate of 0.03; about a half at the untuned 0.001."""
    return 1 - abs(math.log10(hyper["learning_rate"] / 0.03)) / 3


def drive(found: Trials, n: int) -> list[dict]:
    """Run ``found`` until it has ``n`` trials; their settings."""
    while len(found.ended) < n:
        proposed = found.proposal()
        found.enter(trial(proposed, objective(proposed.job.hyper)))
    return [t.user_attrs["hyper"] for t in found.ended]
