"""What a training step cannot take less time than: its launches, its memory traffic, its arithmetic.

Operators are counted from the calls that reach PyTorch's dispatcher, in the forward pass, the backward pass and the
optimiser. Each operator that is no view is at least one kernel; it moves its arguments and its result, of a table it
gathers from only the rows read; products count two operations per multiplication, anything else is left out. The
machine's rates are measured. A bound leaves out what caches spare, so a step on tiny data may be faster than its bound.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from bench.train.fit import train_epoch
from benchmarks.measure import Ready, clock

aten = torch.ops.aten
WITHOUT_KERNEL = {aten.empty, aten.empty_like, aten.empty_strided, aten.new_empty, aten._unsafe_view, aten.lift_fresh}
GATHERS = {aten.index, aten.index_select, aten.gather, aten.embedding, aten._embedding_bag}
GATHERS |= {aten._embedding_bag_forward_only}


class Work(NamedTuple):
    """What a step asks of a machine."""

    launches: float
    bytes: float
    flops: float

    def less(self, other: "Work", times: int) -> "Work":
        """The difference, divided by ``times``."""
        return Work(*((a - b) / times for a, b in zip(self, other, strict=True)))


class Rates(NamedTuple):
    """What a machine does: seconds per launch, bytes moved per second, float32 operations per second."""

    launch: float
    traffic: float
    arithmetic: float


class Counter(TorchDispatchMode):
    """Adds up the work of the operators called meanwhile."""

    def __init__(self):
        super().__init__()
        self.work = Work(0, 0, 0)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = function(*args, **kwargs)
        if not function.is_view and function.overloadpacket not in WITHOUT_KERNEL:
            more = Work(1, moved(function, args, kwargs, out), operations(function, args, kwargs, out))
            self.work = Work(*(a + b for a, b in zip(self.work, more, strict=True)))
        return out


def size(*values: Any) -> int:
    """Bytes of all tensors among the values; of a sparse one, those of its indices and entries."""
    tensors = [part for t in tree_leaves(values) if isinstance(t, Tensor) for part in stored(t)]
    return sum(t.numel() * t.element_size() for t in tensors)


def stored(t: Tensor) -> list[Tensor]:
    """The dense tensors that hold ``t``."""
    if t.layout is torch.sparse_coo:
        return [t._indices(), t._values()]
    return [t.crow_indices(), t.col_indices(), t.values()] if t.layout is torch.sparse_csr else [t]


def moved(function, args: tuple, kwargs: dict, out: Any) -> int:
    """Bytes that one operator reads and writes."""
    if function.overloadpacket in GATHERS:
        table, indices = args[0], [t for t in tree_leaves(args[1]) if isinstance(t, Tensor)]
        is_bag = len(function._schema.returns) > 1
        rows = indices[0].numel() * table[0].numel() * table.element_size() if is_bag else size(out)
        return rows + size(args[1:], kwargs) + size(out[0] if is_bag else out)
    if not function._schema.is_mutable:
        return size(args, kwargs) + size(out)
    pairs = zip(function._schema.arguments, args, strict=False)
    return size(args, kwargs) + size([value for declared, value in pairs if is_written(declared)])


def is_written(argument) -> bool:
    """Whether an operator changes this argument; Adam changes the gradients only where it unscales them."""
    return argument.alias_info is not None and argument.alias_info.is_write and argument.name != "grads"


def operations(function, args: tuple, kwargs: dict, out: Any) -> int:
    """Multiplications and additions of one operator that is a product, else 0."""
    if function.overloadpacket in (aten._embedding_bag, aten._embedding_bag_forward_only):
        return 2 * args[1].numel() * args[0].shape[1]
    if function.overloadpacket is aten.addmm_:  # what the counters of PyTorch leave out
        return 2 * args[1].shape[0] * args[1].shape[1] * args[2].shape[1]
    if function.overloadpacket is aten.sparse_sampled_addmm:
        return 2 * args[0]._nnz() * args[1].shape[1]
    count = flop_registry.get(function.overloadpacket)
    return count(*args, **kwargs, out_val=out) if count else 0


def work_of_step(ready: Ready, *, steps: int = 2) -> Work:
    """What one training step asks for: the difference of two epochs of unlike length, so that what an epoch does once
    does not count."""
    batch, totals = next(iter(ready.batches)), []
    train_epoch(ready.model, [batch], ready.optimizer, epoch=1)  # the optimiser makes its moments
    for n in (1, 1 + steps):
        with Counter() as counter:
            train_epoch(ready.model, [batch] * n, ready.optimizer, epoch=1)
        totals.append(counter.work)
    return totals[1].less(totals[0], steps)


def rates(device: str, *, n: int = 4096, mib: int = 256, launches: int = 2000) -> Rates:
    """The machine's rates: an operation on one number, a copy of ``mib`` MiB, a product of two (n, n) matrices."""
    one, many = torch.zeros(1, device=device), torch.zeros(mib * 2**18, device=device)
    target, matrix = torch.empty_like(many), torch.ones(n, n, device=device)

    def launch() -> None:
        for _ in range(launches):
            one.add_(1)

    return Rates(
        launch=fastest(launch, device) / launches,
        traffic=2 * size(many) / fastest(lambda: target.copy_(many), device),
        arithmetic=2 * n**3 / fastest(lambda: matrix @ matrix, device),
    )


def fastest(call: Callable[[], Any], device: str, *, times: int = 5) -> float:
    """Seconds of the fastest of several calls."""
    return min(clock(call, device=device) for _ in range(times))


def bound(work: Work, machine: Rates, *, seconds: float) -> dict[str, Any]:
    """The three bounds of a step that took ``seconds``, which of them binds, and how far above it the step is."""
    parts = {
        "launches": work.launches * machine.launch,
        "memory traffic": work.bytes / machine.traffic,
        "arithmetic": work.flops / machine.arithmetic,
    }
    binding = max(parts, key=parts.get)
    return {
        "launches": round(work.launches),
        "MiB moved": round(work.bytes / 2**20, 2),
        "GFLOP": round(work.flops / 1e9, 4),
        **{f"{name} ms": round(1e3 * value, 4) for name, value in parts.items()},
        "step ms": round(1e3 * seconds, 4),
        "bound by": binding,
        "step over bound": round(seconds / parts[binding], 1),
    }


def said(machine: Rates) -> str:
    """The rates in words."""
    return (
        f"{1e6 * machine.launch:.1f} microseconds per launch, {machine.traffic / 1e9:.0f} GB/s copied, "
        f"{machine.arithmetic / 1e12:.2f} TFLOP/s in float32"
    )
