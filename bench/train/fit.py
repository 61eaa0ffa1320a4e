"""The training loop: dense Adam, evaluation every k epochs, the best epoch's weights kept in memory."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from bench.spec import Budget
from bench.train.checkpoint import Checkpoint


class Diverged(ArithmeticError):
    """The training loss became NaN or infinite; the message names epoch and step."""


@dataclass(kw_only=True)
class Fit:
    """What training leaves: the model holds the weights of ``best_epoch``."""

    curve: list[dict[str, float | int]] = field(default_factory=list)
    best_epoch: int = 0
    epochs: int = 0
    seconds_train: float = 0.0
    seconds_evaluate: float = 0.0
    best: float = -1.0
    since: int = 0  # evaluations without a gain


def fit(
    model,
    batches: Iterable[dict[str, Tensor]],
    *,
    budget: Budget,
    learning_rate: float,
    evaluate: Callable[[], dict[str, float]],
    select: str,
    report: Callable[[dict], None] = lambda entry: None,
    checkpoint: Checkpoint | None = None,
) -> Fit:
    """Train ``model`` for ``budget.epochs`` or until ``budget.patience`` evaluations bring no gain in ``select``.

    Args:
        evaluate: metrics of the model as it stands; called every ``budget.eval_every`` epochs and after the last.
        select: the metric that chooses the epoch; larger is better, the earliest of equals wins.
        report: told every epoch's entry, and every evaluation's metrics.
        checkpoint: where to go on from, and to write to; what comes before the epochs is learnt again.

    Raises:
        Diverged: when a loss is not finite.
    """
    out, best_weights = Fit(), None
    started = time.perf_counter()
    model.pretrain(batches, epochs=budget.epochs)
    out.seconds_train += time.perf_counter() - started
    epochs = budget.epochs if model.max_epochs is None else min(budget.epochs, model.max_epochs)
    if not epochs:  # nothing to train: judged as it stands
        started = time.perf_counter()
        out.curve.append({"epoch": 0, **evaluate()})
        out.seconds_evaluate += time.perf_counter() - started
        return out
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    if checkpoint is not None and (state := checkpoint.load()) is not None:
        out, best_weights = Fit(**state["fit"]), state["best_weights"]
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    for epoch in range(out.epochs + 1, epochs + 1):
        started = time.perf_counter()
        loss = train_epoch(model, batches, optimizer, epoch=epoch)
        out.seconds_train += time.perf_counter() - started
        out.epochs = epoch
        entry = {"epoch": epoch, "loss": loss, "seconds": out.seconds_train}
        if epoch % budget.eval_every == 0 or epoch == epochs:
            started = time.perf_counter()
            metrics = evaluate()
            out.seconds_evaluate += time.perf_counter() - started
            entry |= metrics
            out.curve.append(entry)
            if metrics[select] > out.best:
                out.best, out.best_epoch, out.since = metrics[select], epoch, 0
                best_weights = {k: v.detach().clone() for k, v in model.state_dict().items()}
            else:
                out.since += 1
        report(entry)
        if budget.patience is not None and out.since >= budget.patience:
            break
        if checkpoint is not None:
            weights = {"model": model.state_dict(), "best_weights": best_weights}
            checkpoint.save(epoch, {"fit": asdict(out), "optimizer": optimizer.state_dict(), **weights})
    model.load_state_dict(best_weights)
    return out


def train_epoch(model, batches: Iterable[dict[str, Tensor]], optimizer: torch.optim.Optimizer, *, epoch: int) -> float:
    """One pass; returns the mean loss. The host reads the losses once, at the end."""
    model.train()
    model.before_epoch(epoch)
    losses = []
    for batch in batches:
        optimizer.zero_grad(set_to_none=True)
        loss = model.calculate_loss(batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    losses = torch.stack(losses)
    finite = torch.isfinite(losses)
    if not bool(finite.all()):
        step = int((~finite).nonzero()[0]) + 1
        raise Diverged(f"loss is {losses[step - 1].item()} at epoch {epoch}, step {step} of {len(losses)}")
    return float(losses.mean())
