"""How a trial of a search ended, by its record."""

from bench.store.record import Record


def curve(record: Record) -> dict[int, float]:
    """Return by epoch the validation metric that judges a trial: on full ranking, where the model defines it."""
    names = [f"{ranking}.{record.job.protocol.select_metric}" for ranking in ("full", "sampled")]
    return {int(e["epoch"]): next(e[name] for name in names if name in e) for e in record.curve}


def value(record: Record) -> float:
    """Return the best validation value of a finished trial."""
    return max(curve(record).values())


def outcome(record: Record) -> str:
    """Return how a trial ended: its status, but "pruned" where it was ended at a limit, which leaves a curve."""
    return "pruned" if record.status == "skipped" and record.curve else record.status
