"""Ending a trial of a search that lags behind the trials before it."""

from collections.abc import Mapping
from typing import Any

from bench.spec import BenchError


class Pruned(BenchError):
    """``entry`` is the evaluation that a trial was ended on."""

    status = "skipped"

    def __init__(self, entry: dict[str, Any], *, value: float, limit: float):
        self.entry = entry
        super().__init__(
            f"pruned at epoch {entry['epoch']}: {value:.4f} is below {limit:.4f}, the median of the trials before"
        )


def prune(entry: dict[str, Any], *, select: str, limits: Mapping[int, float]) -> None:
    """End the trial if this evaluation, and it alone, is below its epoch's limit: so a resumed run decides alike.

    Raises:
        Pruned: if it is.
    """
    limit = limits.get(entry["epoch"])
    if limit is not None and select in entry and entry[select] < limit:
        raise Pruned(entry, value=entry[select], limit=limit)
