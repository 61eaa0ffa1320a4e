"""Records as text: a list of them, one per line, or a single one in full."""

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict

from tabulate import tabulate

from bench import registry
from bench.data import knockout, sources
from bench.report.evidence import Evidence
from bench.run.studies import KNOWN
from bench.spec import BUDGETS, DATA_SETS, PROTOCOLS, BenchError, Job, counted, unknown
from bench.store.record import Record
from bench.store.store import Store

LOG_LINES = 10
COLUMNS = ("key", "status", "data set", "model", "features", "protocol", "budget", "seed", "sampled N@10")


def listing(store: Store, wanted: Mapping[str, Collection]) -> str:
    """Return one line per record: its key, status and job, and its NDCG@10 or the reason why it has none.

    A record is superseded, as in the report, where tables show another one of its run. ``wanted`` has the allowed
    values of fields of the job, by field; "MODEL" allows all its presets.
    """
    rows, records = [], store.records()
    for field, allowed in wanted.items():
        check_names(field, allowed, records)
    modalities = {r.job.data_hash: r.facts["modalities"].split(", ") for r in records if r.facts.get("modalities")}
    matching = [
        r
        for r in records
        if all(is_among(r.job, field, allowed, modalities.get(r.job.data_hash)) for field, allowed in wanted.items())
    ]
    evidence = Evidence(records, store.root, **KNOWN)
    for r in matching:
        value, job = r.metrics.get("sampled.ndcg@10"), r.job
        cells = (job.dataset, job.run, job.features, job.protocol.name, job.budget.name, job.seed)
        rows.append((r.key, evidence.status(r.key), *cells, r.reason if value is None else f"{value:.4f}"))
    part = f"{len(matching)} of " if len(matching) < len(records) else ""
    return f"{tabulate(rows, COLUMNS, disable_numparse=True)}\n{part}{counted(len(records), 'record')} in {store.root}"


def check_names(field: str, values: Collection, records: Collection[Record]) -> None:
    """Refuse a data set, protocol or budget that no record has and that does not exist, and an unknown knock-out."""
    for value in values if field == "features" else ():
        knockout.check_kinds(knockout.parse(value)[1])
    known = {"dataset": DATA_SETS, "protocol": PROTOCOLS, "budget": BUDGETS}
    for value in values if field in known else ():
        has_record = any(is_among(r.job, field, [value]) for r in records)
        is_folder = field == "dataset" and os.path.isdir(sources.folder_of(value))
        if not (has_record or value in known[field] or is_folder):
            recorded = {r.job.set_name for r in records} if field == "dataset" else ()
            raise unknown({"dataset": "data set"}.get(field, field), value, {*known[field], *recorded})


def asked_of(args) -> dict:
    """Return the values that --list selects, by field of a job; a field of which any value is wanted is left out."""
    models = set()
    for text in args.models or ():
        cards = registry.select([text])
        models |= {f"{card.name}:{preset}" if registry.is_preset_named(text) else card.name for card, preset in cards}
    budget = [] if args.budget is None else [args.budget]
    asked = {"dataset": args.datasets, "model": models, "protocol": args.protocols, "budget": budget}
    asked |= {"features": args.features, "seed": args.seeds}
    return {field: values for field, values in asked.items() if values}


def is_among(job: Job, field: str, allowed: Collection, modalities: Collection[str] | None = None) -> bool:
    """Whether the value of a job's field, such as the name of its protocol, is among those ``allowed``."""
    if field == "model":
        return not {job.model, f"{job.model}:{job.preset}"}.isdisjoint(allowed)
    if field == "dataset":
        return job.set_name in {sources.folder_of(name).name for name in allowed}
    if field == "features":
        return any(is_asked(job.features, asked, modalities) for asked in allowed)
    value = getattr(job, field)
    return getattr(value, "name", value) in allowed


def is_asked(features: str, asked: str, modalities: Collection[str] | None = None) -> bool:
    """Whether a run with ``--features`` as ``asked`` has this feature id; ``asked`` need not name the base. Without the
    ``modalities`` of the run, a knock-out of one is not known to be one of all."""
    (base, words), (asked_base, asked_words) = knockout.parse(features), knockout.parse(asked)
    if not (asked_base == base or asked_base is None and base != "none"):
        return False
    if modalities is None:
        return set(words) == {word for word in asked_words if word.rpartition("=")[2] != "real"}
    dropped = [word.removesuffix("=none") for word in words if word.endswith("=none")]
    with suppress(BenchError):  # a modality that the data do not have
        return knockout.choose(words, [*modalities, *dropped]) == knockout.choose(asked_words, [*modalities, *dropped])
    return False


def show(store: Store, key: str) -> str:
    """Return a record in full: job, settings, metrics, curve, facts, provenance and the end of its log."""
    record = store.by_key(key)
    job = record.job
    head = f"{record.key}: {job.dataset} ({job.features}) {job.run}, protocol {job.protocol.name}, "
    head += f"budget {job.budget.name}, seed {job.seed}: {record.status}"
    parts = [f"{head}, {record.reason}" if record.reason else head, pairs("parts of the key", identity(job))]
    parts += [pairs(title, getattr(record, title)) for title in ("settings", "metrics", "seconds", "facts")]
    if record.curve:
        parts.append("curve\n" + tabulate(record.curve, headers="keys", floatfmt=".5g"))
    parts += [pairs("provenance", record.provenance), record.traceback]
    log = store.log(job)
    if log.is_file():
        lines = log.read_text(errors="replace").splitlines()
        parts.append("\n".join([f"end of {log}", *lines[-LOG_LINES:]]))
    return "\n\n".join(part for part in parts if part)


def identity(job: Job) -> dict:
    """Return what, beside the names in the head, decides the job's key and so which records compare with its own."""
    versions = {"data_hash": job.data_hash, "source": job.source, "engine": job.engine}
    parts = {"protocol": asdict(job.protocol), "budget": asdict(job.budget)}
    return versions | {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}


def pairs(title: str, values: dict) -> str:
    """Return a title and one line per value; "" if there are no values."""
    if not values:
        return ""
    return f"{title}\n" + tabulate([(k, text(v)) for k, v in values.items()], tablefmt="plain")


def text(value) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
