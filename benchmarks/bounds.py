"""Lower bounds of the time of a training step, from its kernel launches, its memory traffic and its arithmetic.

Operators are counted from the calls that reach PyTorch's dispatcher in the forward pass, the backward pass and the
optimiser. An operator that is no view is at least one launch. It moves its arguments and its result; of a table that it
gathers from, only the rows that it reads. Products count two operations per multiplication, other arithmetic none. The
machine's rates are measured. Caches are not considered, so a step on tiny data may be faster than its bound.
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
    """The work of a training step."""

    launches: float
    bytes: float
    flops: float


class Rates(NamedTuple):
    """A machine's rates: seconds per launch, bytes moved per second, float32 operations per second."""

    launch: float
    traffic: float
    arithmetic: float


class Counter(TorchDispatchMode):
    """Add up the work of the operators that are called while this mode is active."""

    def __init__(self):
        super().__init__()
        self.work = Work(0, 0, 0)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = function(*args, **kwargs)
        if not function.is_view and function.overloadpacket not in WITHOUT_KERNEL:
            of_call = Work(1, moved(function, args, kwargs, out), operations(function, args, kwargs, out))
            self.work = Work(*(a + b for a, b in zip(self.work, of_call, strict=True)))
        return out


def size(*values: Any) -> int:
    """Return the bytes of all tensors among the values; a sparse tensor counts with its indices and entries."""
    tensors = [part for t in tree_leaves(values) if isinstance(t, Tensor) for part in stored(t)]
    return sum(t.numel() * t.element_size() for t in tensors)


def stored(t: Tensor) -> list[Tensor]:
    """Return the dense tensors that store ``t``."""
    if t.layout is torch.sparse_coo:
        return [t._indices(), t._values()]
    return [t.crow_indices(), t.col_indices(), t.values()] if t.layout is torch.sparse_csr else [t]


def moved(function, args: tuple, kwargs: dict, out: Any) -> int:
    """Return the number of bytes that one operator reads and writes."""
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
    """Return whether an operator writes to this argument; not Adam's "grads", which change only if unscaled."""
    return argument.alias_info is not None and argument.alias_info.is_write and argument.name != "grads"


def operations(function, args: tuple, kwargs: dict, out: Any) -> int:
    """Return the number of multiplications and additions of an operator that is a product, and 0 for any other."""
    if function.overloadpacket in (aten._embedding_bag, aten._embedding_bag_forward_only):
        return 2 * args[1].numel() * args[0].shape[1]
    if function.overloadpacket is aten.addmm_:  # PyTorch's own counters leave it out
        return 2 * args[1].shape[0] * args[1].shape[1] * args[2].shape[1]
    if function.overloadpacket is aten.sparse_sampled_addmm:
        return 2 * args[0]._nnz() * args[1].shape[1]
    count = flop_registry.get(function.overloadpacket)
    return count(*args, **kwargs, out_val=out) if count else 0


def work_of_step(ready: Ready, *, steps: int = 2) -> Work:
    """Return the work of one training step: the difference between a longer and a shorter epoch, which leaves out the
    work that an epoch does only once."""
    batch, totals = next(iter(ready.batches)), []
    train_epoch(ready.model, [batch], ready.optimizer, epoch=1)  # the optimiser creates its moments in this epoch
    for n in (1, 1 + steps):
        with Counter() as counter:
            train_epoch(ready.model, [batch] * n, ready.optimizer, epoch=1)
        totals.append(counter.work)
    return Work(*((longer - shorter) / steps for shorter, longer in zip(*totals, strict=True)))


def rates(device: str, *, n: int = 4096, mib: int = 256, launches: int = 2000) -> Rates:
    """Measure the machine's rates by operations on one number, a copy of ``mib`` MiB, a product of (n, n) matrices."""
    scalar, source = torch.zeros(1, device=device), torch.zeros(mib * 2**18, device=device)
    target, matrix = torch.empty_like(source), torch.ones(n, n, device=device)

    def launch() -> None:
        for _ in range(launches):
            scalar.add_(1)

    return Rates(
        launch=fastest(launch, device) / launches,
        traffic=2 * size(source) / fastest(lambda: target.copy_(source), device),
        arithmetic=2 * n**3 / fastest(lambda: matrix @ matrix, device),
    )


def fastest(call: Callable[[], Any], device: str, *, times: int = 5) -> float:
    """Return the seconds of the fastest of several calls."""
    return min(clock(call, device=device) for _ in range(times))


def bound(work: Work, machine: Rates, *, seconds: float) -> dict[str, Any]:
    """Return the bounds of a step that took ``seconds``, which of them is the largest, and the step's ratio to it."""
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


def in_words(machine: Rates) -> str:
    """Return the rates in words."""
    return (
        f"{1e6 * machine.launch:.1f} microseconds per launch, {machine.traffic / 1e9:.0f} GB/s copied, "
        f"{machine.arithmetic / 1e12:.2f} TFLOP/s in float32"
    )
