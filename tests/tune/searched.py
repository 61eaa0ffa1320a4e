"""Searches whose trials are made up: no model is trained."""

import math

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


def search(model="BPRMF", records=(), damaged=(), **more) -> Trials:
    return Trials(work(model, **more), records, damaged=damaged)


def trial(proposed: PlannedJob, value: float | None, *, second=0) -> Record:
    """The record of a trial whose best validation value is ``value``; None for one that failed."""
    started = {"provenance": {"start": f"2026-01-01T00:00:{second:02}.000+00:00"}}
    fields = {name: getattr(proposed.job, name) for name in ("model", "source", "preset", "hyper", *KIND)}
    if value is None:
        return unfinished(**fields, reason="Diverged").model_copy(update=started)
    curve = [{"epoch": n, "seconds": n, "full.ndcg@10": value * (n / 10)} for n in (5, 10)]
    facts = {"selected_by": "valid full.ndcg@10"}
    return record(value=1 - value, facts=facts, **fields).model_copy(update={"curve": curve, **started})


def objective(hyper: dict) -> float:
    """Best, 1, at a learning rate of 0.03; about a half at the untuned 0.001."""
    return 1 - abs(math.log10(hyper["learning_rate"] / 0.03)) / 3


def drive(found: Trials, n: int) -> list[dict]:
    """Run ``found`` until it has ``n`` trials, a second apart; their settings."""
    while len(found.ended) < n:
        proposed = found.proposal()
        found.enter(trial(proposed, objective(proposed.job.hyper), second=len(found.ended)))
    return [record.job.hyper for record in found.ended]
