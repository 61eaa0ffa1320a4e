"""Runs one job to its record: load, build, fit, evaluate."""

import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pandas as pd
import torch

from bench import registry
from bench.data import audit
from bench.data.dataset import Dataset
from bench.nn import precision
from bench.nn.recommender import Recommender
from bench.protocol.candidates import Cases
from bench.protocol.evaluate import Evaluator
from bench.protocol.metrics import means
from bench.run import content_use, weights
from bench.run.events import Event
from bench.run.plan import PlannedJob
from bench.run.prepared import Prepared, prepare
from bench.run.provenance import peak_memory_mib, provenance
from bench.spec import RANKINGS, BenchError, Job, Training, read
from bench.store.record import Record
from bench.store.store import Store
from bench.train import bridge, seed
from bench.train.batches import batches_of
from bench.train.checkpoint import Checkpoint, OtherForm
from bench.train.fit import Fit, fit
from bench.train.prune import prune

Tell = Callable[[Event], None]


def run(
    work: PlannedJob,
    store: Store,
    *,
    device: str,
    checkpoint_every: int = 0,
    tell: Tell = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> Record:
    """Execute ``work``, and store and return its record, whatever happens short of the process dying. Where ``stop``,
    called after each epoch, ends the job, Stopped is raised: its state is on disk then, and there is no record."""
    clock, start = time.perf_counter(), datetime.now(UTC).isoformat(timespec="milliseconds")
    origin = {"facts": work.facts, "provenance": provenance(device, start)}
    base = Record(job=work.job, key=work.job.key, status="failed", **origin)
    generator = seed.generator(work.job.seed, "sampling", torch.device(device))
    checkpoint = Checkpoint(store.checkpoint(work.job), every=checkpoint_every, generator=generator, stop=stop)
    ranks = keep = None
    try:
        base = Record(**{**dict(base), "settings": work.settings})  # validated: settings that are tuples become lists
        with precision.matrix_products("highest"):  # except in the epochs, where the settings may say otherwise
            update, ranks, keep = execute(work, store, device=torch.device(device), tell=tell, checkpoint=checkpoint)
    except OtherForm as error:  # a change of the code that the job's key does not tell
        print(f"{checkpoint.path} cannot be used ({error}); starting anew", file=sys.stderr)
        checkpoint.remove()
        return run(work, store, device=device, checkpoint_every=checkpoint_every, tell=tell, stop=stop)
    except Exception as error:  # noqa: BLE001 - a job's fault must end as its record, not as the runner's end
        update = failure(error, log=str(store.log(work.job).relative_to(store.root)))
        spent = time.perf_counter() - clock
        update["seconds"] = {"spent": max(spent, getattr(error, "seconds", 0.0))}  # the error counts earlier starts too
    if keep is not None:
        with store.writing():  # a failure to write ends the run and leaves the state, as for the record
            update["facts"]["weights_sha256"] = keep()
    if checkpoint.earlier:
        update["provenance"] = {**base.provenance, "earlier": "; ".join(checkpoint.earlier)}
    record = base.model_copy(update=update)
    store.write(record, ranks)
    checkpoint.remove()
    return record


def failure(error: Exception, *, log: str) -> dict[str, Any]:
    """Return the fields of the record of a job that ``error`` ended."""
    if isinstance(error, BenchError):
        print(error, file=sys.stderr)  # into the job's log, too: an earlier record may be kept instead of this one
        return {"status": error.status, "reason": str(error), "curve": getattr(error, "curve", [])}
    traceback.print_exc()  # whole, into the job's log
    tail = "".join(traceback.format_exc().splitlines(keepends=True)[-12:])
    reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
    return {"reason": reason, "traceback": tail, "log": log}


def execute(
    work: PlannedJob, store: Store, *, device: torch.device, tell: Tell, checkpoint: Checkpoint
) -> tuple[dict[str, Any], pd.DataFrame | None, Callable[[], str] | None]:
    """Load the data, build the model, fit and evaluate it.

    Returns the fields of the record; the ranks per test case, None for a trial; and a function that writes the weights
    and returns their sha256, None unless they are to be kept.
    """
    job, clock = work.job, time.perf_counter()
    tell(Event(stage="loading"))
    prepared = prepare(work)
    if not work.card.is_code_of(job):
        raise BenchError(f"{job.model}: its code changed since the job was planned; start again")
    model = build_model(job, prepared, work.settings, device=device)
    seconds = {"prepare": time.perf_counter() - clock}

    chooser = Evaluator(prepared.valid if job.protocol.select_on == "valid" else prepared.test, device=device)
    result = train(work, model, prepared, chooser, tell=tell, checkpoint=checkpoint)
    tell(Event(stage="testing"))
    clock = time.perf_counter()
    ranks = None if work.is_trial else rank_test_cases(model, result, prepared.test, chooser)
    seconds |= {"train": result.seconds_train, "evaluate": result.seconds_evaluate + time.perf_counter() - clock}

    facts = facts_of(work, model, prepared, result) | {"peak_memory_mib": peak_memory_mib(device)}
    metrics = {}
    if not work.is_trial:
        metrics = means(ranks)
        ties = {name: int((ranks[name] > 0).sum()) for name in ranks if name.startswith("ties_")}
        facts |= {"n_cases": len(ranks), **ties}
        if prepared.dataset.planted and not work.card.is_floor:  # after the ranks, as it draws random numbers
            facts |= use_of_content(work, model, prepared, result)
    update = {"status": "done", "metrics": metrics, "curve": result.curve, "seconds": seconds, "facts": facts}
    keep = partial(weights.write, store.weights(job), model, result) if work.keep_weights else None
    return update, ranks, keep


def facts_of(work: PlannedJob, model, prepared: Prepared, result: Fit) -> dict[str, Any]:
    """Return the facts that the plan has, followed by those about the data, the model and its training."""
    protocol = work.job.protocol
    return {
        **work.facts,
        **audit.stats(prepared.dataset),
        "modalities": ", ".join(prepared.dataset.features),
        **{f"best_epoch.{metric.partition('.')[0]}": choice.epoch for metric, choice in result.choices.items()},
        "epochs": result.epochs,
        "selected_by": f"{protocol.select_on} {protocol.select_metric}, every {work.job.budget.eval_every} epochs",
        "is_candidate_dependent": model.is_candidate_dependent,
        "candidate_hash": prepared.test.hash,
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def use_of_content(work: PlannedJob, model, prepared: Prepared, result: Fit) -> dict[str, float | str]:
    """Return how far the scores depend on content, with the weights that the sampled ranking chose."""

    def build(other: Dataset):
        return build_model(work.job, replace(prepared, dataset=other), work.settings, device=model.device)

    result.load(model, next(iter(result.choices)))
    return content_use.facts(model, prepared.dataset, prepared.test, build=build)


def rank_test_cases(model, result: Fit, cases: Cases, chooser: Evaluator) -> pd.DataFrame:
    """Return the ranks of the test cases. Raises BenchError where the model, with the weights of the epochs that
    ``chooser`` chose, does not score as it did then."""
    ranks = chosen_ranks(model, result, Evaluator(cases, device=model.device))
    result.check(model, means(ranks if chooser.cases is cases else chosen_ranks(model, result, chooser)))
    return ranks


def chosen_ranks(model, result: Fit, evaluator: Evaluator) -> pd.DataFrame:
    """Return the ranks of the evaluator's cases; each ranking uses the weights of the epoch that this ranking chose."""
    parts = []
    for metric in result.choices:
        result.load(model, metric)
        ranks = evaluator.ranks(model, rankings=(metric.partition(".")[0],))
        parts.append(ranks.drop(columns=["user", "target"]) if parts else ranks)
    return pd.concat(parts, axis=1)


def build_model(job: Job, prepared: Prepared, settings: dict, *, device: torch.device):
    """Return the untrained model of the job, initialised from the job's seed."""
    cls, dataset = registry.load(registry.cards()[job.model]), prepared.dataset
    _, hyper = registry.split_settings(settings)
    sizes = {"n_users": dataset.n_users, "n_items": dataset.n_items}
    data = bridge.TrainingSet(prepared.split.train, features=dataset.features, **sizes)
    seed.seed_all(job.seed, "init")
    return bridge.build(cls, data, hyper, device=str(device))


def train(
    work: PlannedJob, model, prepared: Prepared, chooser: Evaluator, *, tell: Tell, checkpoint: Checkpoint
) -> Fit:
    """Fit ``model``; each ranking that it defines chooses an epoch on the cases of ``chooser``."""
    job, protocol = work.job, work.job.protocol
    # a score that depends on the other candidates has no full ranking
    rankings = ("sampled",) if model.is_candidate_dependent else RANKINGS
    # shown, and used by searches: the sampled ranking on the test set, as in the paper, else the one against all items
    lead = f"{rankings[0] if protocol.select_on == 'test' else rankings[-1]}.{protocol.select_metric}"

    def report(entry: dict, so_far: Fit) -> None:
        tell(Event(epoch=entry["epoch"], of=job.budget.epochs, value=entry.get(lead)))
        prune(entry, so_far, select=lead, limits=work.limits)

    training = read(Training, registry.split_settings(work.settings)[0])
    precision.check(training.precision, model.device)
    if type(model).pretrain is not Recommender.pretrain:
        tell(Event(stage="before the epochs"))
    seed.seed_all(job.seed, "train")
    return fit(
        model,
        batches_of(model, prepared.split.train + 1, training, checkpoint.generator),
        budget=job.budget,
        learning_rate=training.learning_rate,
        precision=training.precision,
        evaluate=lambda: means(chooser.ranks(model, rankings=rankings)),
        select=[f"{ranking}.{protocol.select_metric}" for ranking in rankings],
        report=report,
        checkpoint=checkpoint,
    )
