"""Records in words: all of them, one per line, or one of them in full."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from tabulate import tabulate

from bench import registry
from bench.data import knockout
from bench.spec import BUDGETS, DATA_SETS, PROTOCOLS, Job, unknown
from bench.store.record import Record
from bench.store.store import Store

LOG_LINES = 10
COLUMNS = ("key", "status", "data set", "model", "features", "protocol", "budget", "seed", "sampled N@10")


def listing(store: Store, wanted: Mapping[str, Collection | None]) -> str:
    """One line per record: its key, status and job, and its NDCG@10 or why it has none.

    Args:
        wanted: what of a job may be, where not anything; a model is meant with all its presets unless one is named.
    """
    rows, records = [], store.records()
    for name, some in wanted.items():
        check_names(name, some or (), records)
    found = [r for r in records if all(some is None or is_among(r.job, name, some) for name, some in wanted.items())]
    for r in found:
        value, job = r.metrics.get("sampled.ndcg@10"), r.job
        what = (job.dataset, job.run, job.features, job.protocol.name, job.budget.name, job.seed)
        rows.append((r.key, r.status, *what, r.reason if value is None else f"{value:.4f}"))
    count = f"{len(found)} of {len(records)}" if len(found) < len(records) else str(len(records))
    return f"{tabulate(rows, COLUMNS, disable_numparse=True)}\n{count} records in {store.root}"


def check_names(name: str, some: Collection, records: Collection[Record]) -> None:
    """Refuse a data set, protocol or budget that neither has a record nor could have one."""
    known = {"dataset": DATA_SETS, "protocol": PROTOCOLS, "budget": BUDGETS}
    for one in some if name in known else ():
        if not (any(is_among(r.job, name, [one]) for r in records) or one in known[name] or os.path.isdir(one)):
            there = {Path(r.job.dataset).name for r in records} if name == "dataset" else ()
            raise unknown({"dataset": "data set"}.get(name, name), one, {*known[name], *there})


def asked_of(args) -> dict:
    """What --list is to list, by what of a job it is about; None: anything."""
    models = set()
    for text in args.models or ():
        own = registry.select([text])
        models |= {f"{card.name}:{preset}" if registry.is_preset_named(text) else card.name for card, preset in own}
    budget = [args.budget] if args.budget else None
    asked = {"dataset": args.datasets, "model": models or None, "protocol": args.protocols, "budget": budget}
    return {**asked, "features": args.features, "seed": args.seeds}


def is_among(job: Job, name: str, some: Collection) -> bool:
    """Whether what ``name`` says of the job, such as its protocol, is one of ``some``."""
    if name == "model":
        return not {job.model, f"{job.model}:{job.preset}"}.isdisjoint(some)
    if name == "dataset":
        return Path(job.dataset).name in {Path(one).name for one in some}
    if name == "features":
        return any(is_id(job.features, one) for one in some)
    value = getattr(job, name)
    return getattr(value, "name", value) in some


def is_id(features: str, asked: str) -> bool:
    """Whether a feature id is what ``--features`` of a run asks for, on data whose base it need not name."""
    (base, words), (asked_base, asked_words) = knockout.parse(features), knockout.parse(asked)
    knocked_out = {word for word in asked_words if word.rpartition("=")[2] != "real"}
    is_of_base = asked_base == base or asked_base is None and base != "none"
    return is_of_base and set(words) == knocked_out


def show(store: Store, key: str) -> str:
    """The record whose key starts with ``key``: job, settings, metrics, curve, facts, provenance, end of its log.

    Raises:
        BenchError: when no record, or more than one, has such a key.
    """
    record = store.by_key(key)
    job = record.job
    head = f"{record.key}: {job.dataset} ({job.features}) {job.run}, protocol {job.protocol.name}, "
    parts = [
        head
        + f"budget {job.budget.name}, seed {job.seed}: {record.status}"
        + (f", {record.reason}" if record.reason else "")
    ]
    parts += [pairs(title, getattr(record, title)) for title in ("settings", "metrics", "seconds", "facts")]
    if record.curve:
        parts.append("curve\n" + tabulate(record.curve, headers="keys", floatfmt=".5g"))
    parts += [pairs("provenance", record.provenance), record.traceback]
    log = store.log(job)
    if log.is_file():
        lines = log.read_text(errors="replace").splitlines()
        parts.append("\n".join([f"end of {log}", *lines[-LOG_LINES:]]))
    return "\n\n".join(part for part in parts if part)


def pairs(title: str, values: dict) -> str:
    """A title and one line per value; empty if there are no values."""
    if not values:
        return ""
    return f"{title}\n" + tabulate([(k, text(v)) for k, v in values.items()], tablefmt="plain")


def text(value) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
