"""Compare the loss, gradients and scores that a model computes on one device with those that it computes on the CPU.

Both sides have the same weights, the same batch, and the same random numbers, which are drawn on the CPU for both.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from bench.train import seed
from tests.conformance.rows import batch_for, build_row

TOLERANCE = 1e-4
SMALL = 1e-3  # deviations are relative to at least this share of the largest entry of all tensors


class HostDraws(TorchDispatchMode):
    """Make random operators draw on the CPU and move the result, so that equal seeds give equal draws on any device."""

    def __init__(self):
        super().__init__()
        self.stand_ins: dict[torch.Generator, torch.Generator] = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        tensors = [a for a in args if isinstance(a, Tensor)]
        device = torch.device(kwargs.get("device") or (tensors[0].device if tensors else "cpu"))
        if torch.Tag.nondeterministic_seeded not in function.tags or device.type == "cpu":
            return function(*args, **kwargs)
        kwargs = tree_map(self.to_host, kwargs)
        if function._schema.is_mutable:  # such as ``normal_``, which overwrites its first argument
            target = torch.empty_like(args[0], device="cpu")
            return args[0].copy_(function(target, *tree_map(self.to_host, args[1:]), **kwargs))
        drawn = function(*tree_map(self.to_host, args), **kwargs)
        return tree_map(lambda part: part.to(device), drawn)

    def to_host(self, value: Any) -> Any:
        """Return the argument in a form that an operator on the CPU accepts."""
        if isinstance(value, torch.device):
            return torch.device("cpu")
        if isinstance(value, torch.Generator):
            fresh = torch.Generator().manual_seed(value.initial_seed())
            return self.stand_ins.setdefault(value, fresh)
        return value.cpu() if isinstance(value, Tensor) else value


def compare(row: str, data, *, device: str, batch_size: int) -> dict[str, Any]:
    """Return how far the model of ``row`` ("Model:preset") on ``device`` deviates from the CPU's, and the verdict.

    If the model fails, its error is the verdict, so that the other rows are still compared.
    """
    about = {"model": row, "loss": None, "gradients": None, "scores": None}
    try:
        on_cpu, on_device = build_row(row, data), build_row(row, data)
        on_device.load_state_dict(on_cpu.state_dict())
        on_device.to(device).device = torch.device(device)
        return about | judged(outputs(on_cpu, data, batch_size), outputs(on_device, data, batch_size))
    except Exception as error:  # noqa: BLE001 - a device may fail in any way
        return about | {"verdict": in_a_line(error)}


def in_a_line(error: Exception) -> str:
    """Return the type of the error and the first line of its message."""
    return f"{type(error).__name__}: " + str(error).partition("\n")[0]


def outputs(model, data, batch_size: int) -> dict[str, Sequence[Tensor]]:
    """Return loss, gradients by parameter, and scores of three users, all moved to the CPU."""
    device = next(model.parameters()).device
    batch = {name: part.to(device) for name, part in batch_for(model, data, size=batch_size).items()}
    seed.seed_all(5, "agreement")
    with HostDraws():
        model.train().before_epoch(1)
        loss = model.calculate_loss(batch)
        loss.backward()
        with torch.no_grad():
            user, items = torch.tensor([1, 2, 3]), torch.arange(1, 30).expand(3, -1)
            scores = model.eval().score(model.represent(), user.to(device), items.to(device))
    gradients = [p.grad.cpu() for p in model.parameters() if p.grad is not None]
    return {"loss": [loss.detach().cpu()], "gradients": gradients, "scores": [scores.cpu()]}


def judged(ours: dict[str, Sequence[Tensor]], other: dict[str, Sequence[Tensor]]) -> dict[str, Any]:
    """Return the largest deviation of each part and the verdict: "agrees" if none is above the tolerance."""
    deviations = {name: deviation(ours[name], other[name]) for name in ours}
    agrees = all(value <= TOLERANCE for value in deviations.values())  # false for NaN
    return {**deviations, "verdict": "agrees" if agrees else "differs"}


def deviation(ours: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Return the largest difference, relative to the largest entry of its tensor or SMALL times that of all tensors."""
    floor = SMALL * max(float(a.abs().max()) for a in ours)
    pairs = zip(ours, other, strict=True)
    return max(float((a - b).abs().max()) / max(float(a.abs().max()), floor, 1e-30) for a, b in pairs)
