"""Ending a trial of a search that lags behind the trials before it."""

from collections.abc import Mapping
from typing import Any

from bench.spec import BenchError
from bench.train.fit import Fit


class Pruned(BenchError):
    """``curve`` is that of the trial, up to the evaluation that it was ended on; ``seconds`` are those it took."""

    status = "skipped"

    def __init__(self, fit: Fit, *, value: float, limit: float):
        self.curve, self.seconds = fit.curve, fit.seconds_train + fit.seconds_evaluate
        super().__init__(
            f"pruned at epoch {fit.epochs}: {value:.4f} is below {limit:.4f}, the median of the trials before"
        )


def prune(entry: dict[str, Any], fit: Fit, *, select: str, limits: Mapping[int, float]) -> None:
    """End the trial if its best value so far is below the limit of the epoch that ``entry`` is the evaluation of.

    A trial is judged by its best value, so that one which was good and overfits since is not ended for that.

    Args:
        fit: the trial so far, the evaluation included; it is part of a checkpoint, so that a resumed run decides alike.

    Raises:
        Pruned: if it is.
    """
    limit = limits.get(entry["epoch"])
    if limit is not None and select in entry and fit.choices[select].best < limit:
        raise Pruned(fit, value=fit.choices[select].best, limit=limit)
