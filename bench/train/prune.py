"""Pruning: a trial of a search ends early where it lags behind the trials before it."""

from collections.abc import Mapping
from typing import Any

from bench.spec import BenchError
from bench.train.fit import Fit


class Pruned(BenchError):
    """Ends a trial; ``curve`` has its evaluations up to the one that ended it, ``seconds`` is the time that it took."""

    status = "skipped"

    def __init__(self, fit: Fit, *, value: float, limit: float):
        self.curve, self.seconds = fit.curve, fit.seconds_train + fit.seconds_evaluate
        super().__init__(
            f"pruned at epoch {fit.epochs}: {value:.4f} is below {limit:.4f}, the median of the trials before"
        )


def prune(entry: dict[str, Any], fit: Fit, *, select: str, limits: Mapping[int, float]) -> None:
    """End the trial if its best value so far is below the limit of the epoch that ``entry`` is about. The best value
    decides, so that a trial that was good before it began to overfit is not ended for that. ``fit``, which includes
    this evaluation, is part of a checkpoint, so a resumed run decides alike."""
    limit = limits.get(entry["epoch"])
    if limit is not None and select in entry and fit.choices[select].best < limit:
        raise Pruned(fit, value=fit.choices[select].best, limit=limit)
