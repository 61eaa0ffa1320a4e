"""The training loop: dense Adam, an evaluation every k epochs, and the weights of each best epoch kept in memory."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from bench.nn.precision import forward_pass, matrix_products
from bench.spec import BenchError, Budget
from bench.train.checkpoint import Checkpoint, OtherForm
from bench.train.seed import repeatable

# how far a metric may differ that is measured again: in sums of another order, near-ties fall otherwise; by device
TOLERANCE = {"cpu": 1e-3, "cuda": 1e-2}


class Diverged(ArithmeticError):
    """The training loss became NaN or infinite; the message names epoch and step."""


@dataclass(kw_only=True)
class Choice:
    """The best epoch so far by one metric; of equal ones, the earliest."""

    best: float = -math.inf
    epoch: int = 0
    since: int = 0  # evaluations since then, all without a gain

    def sees(self, value: float, epoch: int) -> bool:
        """Take in the value of an evaluation; return whether it is the best so far."""
        if value > self.best:
            self.best, self.epoch, self.since = value, epoch, 0
            return True
        self.since += 1
        return False


@dataclass(kw_only=True)
class Fit:
    """The result of training; the model itself is left with the weights of its last epoch."""

    # one entry per evaluation: epoch, mean loss of the epoch, seconds of training so far, and the metrics
    curve: list[dict[str, float | int]] = field(default_factory=list)
    choices: dict[str, Choice]  # by selecting metric
    # by metric, of the epoch that it chose; one object where two metrics chose the same epoch
    weights: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    epochs: int = 0
    seconds_train: float = 0.0
    seconds_evaluate: float = 0.0

    def judge(self, model, evaluate: Callable[[], dict[str, float]], entry: dict) -> "Fit":
        """Evaluate the model, add the metrics to the epoch's ``entry`` and to the curve, and update the choices.

        The weights are kept for each metric that chooses this epoch. Returns the fit itself.
        """
        metrics, spent = timed(evaluate)
        self.seconds_evaluate += spent
        entry |= metrics
        self.curve.append(entry)
        chosen = [metric for metric, choice in self.choices.items() if choice.sees(metrics[metric], entry["epoch"])]
        if chosen:
            self.weights |= dict.fromkeys(chosen, {k: v.detach().clone() for k, v in model.state_dict().items()})
        return self

    def load(self, model, metric: str) -> None:
        """Load the weights that ``metric`` chose into ``model``."""
        model.load_state_dict(self.weights[metric])

    def check(self, model, metrics: Mapping[str, float]) -> None:
        """Raise BenchError where ``metrics``, each measured with the weights that it chose, are not those of the chosen
        epochs: the values of a record would be of no epoch."""
        tolerance = TOLERANCE.get(device_of(model).type, max(TOLERANCE.values()))
        for metric, choice in self.choices.items():
            if abs(metrics[metric] - choice.best) > tolerance:
                error = BenchError(
                    f"{type(model).__name__} with its weights of epoch {choice.epoch} has the {metric} "
                    f"{metrics[metric]:.4f}, but had {choice.best:.4f} in that epoch: either training changes what is "
                    "not in its state_dict(), or its scores are random"
                )
                error.curve = self.curve
                raise error

    def is_patience_over(self, patience: int | None) -> bool:
        return patience is not None and all(choice.since >= patience for choice in self.choices.values())


def fit(
    model,
    batches: Iterable[dict[str, Tensor]],
    *,
    budget: Budget,
    learning_rate: float,
    precision: str = "highest",
    evaluate: Callable[[], dict[str, float]],
    select: Sequence[str],
    report: Callable[[dict, Fit], None] = lambda entry, out: None,
    checkpoint: Checkpoint | None = None,
) -> Fit:
    """Train ``model`` for ``budget.epochs``, or until ``budget.patience`` evaluations bring no gain in any metric.

    Args:
        precision: that of the matrix products in the epochs (``bench.spec.Training``); all else is in float32.
        evaluate: returns the metrics of the model; called every ``budget.eval_every`` epochs and after the last.
        select: the metrics, each of which chooses an epoch; larger is better.
        report: called after every epoch with its entry, metrics included if it was evaluated, and the fit so far.
        checkpoint: holds the state to go on from, and takes the new ones; ``pretrain`` is run again in any case.
    """
    out = Fit(choices={metric: Choice() for metric in select})
    with repeatable(device_of(model)):
        out.seconds_train += timed(lambda: model.pretrain(batches, epochs=budget.epochs))[1]
    epochs = budget.epochs if model.max_epochs is None else min(budget.epochs, model.max_epochs)
    if not epochs:
        return out.judge(model, evaluate, {"epoch": 0})
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    out = resumed(checkpoint, model, optimizer) or out
    for epoch in range(out.epochs + 1, epochs + 1):
        loss, spent = timed(lambda: train_epoch(model, batches, optimizer, epoch=epoch, precision=precision))  # noqa: B023
        out.epochs, out.seconds_train = epoch, out.seconds_train + spent
        entry = {"epoch": epoch, "loss": loss, "seconds": out.seconds_train}
        if epoch % budget.eval_every == 0 or epoch == epochs:
            out.judge(model, evaluate, entry)
        report(entry, out)  # before the state is written: a trial that this ends must end here again when resumed
        if epoch == epochs or out.is_patience_over(budget.patience):
            break
        if checkpoint is not None:
            checkpoint.save(epoch, state_of(out, model, optimizer))
    return out


def device_of(model) -> torch.device:
    """Return the device of ``model``; the CPU for a model without parameters."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result of ``call`` and the seconds that it took."""
    started = time.perf_counter()
    return call(), time.perf_counter() - started


def resumed(checkpoint: Checkpoint | None, model, optimizer: torch.optim.Optimizer) -> Fit | None:
    """Set model and optimiser to the state in ``checkpoint``, and return its fit; None where there is no state. After
    OtherForm, which says that other code made the state, model and optimiser may be changed."""
    state = checkpoint and checkpoint.load()
    if state is None:
        return None
    try:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        choices = {metric: Choice(**choice) for metric, choice in state["choices"].items()}
        return Fit(**state["fit"], choices=choices, weights=state["weights"])
    except torch.OutOfMemoryError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise OtherForm(f"{type(error).__name__}: {error}".partition("\n")[0]) from None


def state_of(out: Fit, model, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return all that a run needs to go on, as tensors and plain values."""
    progress = {f.name: getattr(out, f.name) for f in fields(out) if f.name not in ("choices", "weights")}
    choices = {metric: asdict(choice) for metric, choice in out.choices.items()}
    states = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "weights": out.weights}
    return {"fit": progress, "choices": choices, **states}


def train_epoch(
    model, batches: Iterable[dict[str, Tensor]], optimizer: torch.optim.Optimizer, *, epoch: int, precision="highest"
) -> float:
    """Train one epoch and return the mean loss. The host waits for the device once, at the end, to read the losses."""
    model.train()
    model.before_epoch(epoch)
    losses, device = [], device_of(model)
    with matrix_products(precision), repeatable(device):
        for batch in batches:
            optimizer.zero_grad(set_to_none=True)
            with forward_pass(precision, device):
                loss = model.calculate_loss(batch)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
    losses = torch.stack(losses).float().cpu()
    finite = torch.isfinite(losses)
    if not bool(finite.all()):
        step = int((~finite).nonzero()[0]) + 1
        raise Diverged(f"loss is {losses[step - 1].item()} at epoch {epoch}, step {step} of {len(losses)}")
    return float(losses.mean())
