"""Records in words: all that stand, one a line, or one of them in full."""

from tabulate import tabulate

from bench.store.store import Store

LOG_LINES = 10
COLUMNS = ("key", "status", "data set", "model", "features", "protocol", "budget", "seed", "sampled N@10")


def listing(store: Store) -> str:
    """One line a record: its key, status and job, and its NDCG@10 or why it has none."""
    rows = []
    for r in (records := store.records()):
        value, job = r.metrics.get("sampled.ndcg@10"), r.job
        what = (job.dataset, job.run, job.features, job.protocol.name, job.budget.name, job.seed)
        rows.append((r.key, r.status, *what, r.reason if value is None else f"{value:.4f}"))
    return f"{tabulate(rows, COLUMNS, disable_numparse=True)}\n{len(records)} records in {store.root}"


def show(store: Store, key: str) -> str:
    """The record whose key starts with ``key``: job, settings, metrics, curve, facts, provenance, end of its log.

    Raises:
        BenchError: when no record, or more than one, has such a key.
    """
    record = store.by_key(key)
    job = record.job
    head = f"{record.key}: {job.dataset} ({job.features}) {job.row}, {job.protocol.name}, {job.budget.name}, "
    parts = [head + f"seed {job.seed}: {record.status}" + (f", {record.reason}" if record.reason else "")]
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
    """A title and one line a value; nothing for no values."""
    if not values:
        return ""
    return f"{title}\n" + tabulate([(k, text(v)) for k, v in values.items()], tablefmt="plain")


def text(value) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
