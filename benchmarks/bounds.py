"""Floating-point operations and bytes of a training step, against the rates that this machine reaches.

    python -m benchmarks.bounds --models MCLN MMGCN --datasets taobao

The operations are counted from the shapes of every product, dense or sparse, of one step, forward and backward; the
bytes are what each of torch's operations reads and writes. The bound is the longer of the two times; the factor is
the measured step, in seconds of the processor, over it.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measure import alone, make_ready, run, save

STEPS = 5


class Bytes(TorchDispatchMode):
    """Adds up the bytes of the tensors that operations read and write; views move nothing."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if not func.is_view and func is not torch.ops.aten.detach.default:
            tensors = [x for x in tree_leaves((args, kwargs, out)) if isinstance(x, torch.Tensor)]
            self.total += sum(x.numel() * x.element_size() for x in tensors if x.layout == torch.strided)
        return out


def accumulated_flops(out, left, right, *args, **kwargs) -> int:
    """A product and an addition for each term of a matrix product that is added in place; arguments are shapes."""
    return 2 * left[0] * left[1] * right[1]


def bag_flops(table, index, *args, **kwargs) -> int:
    """A product and an addition for each number of each row that an embedding bag sums; arguments are shapes."""
    return 2 * index[0] * table[1]


def edge_flops(pattern, left, *args, out_val=None, **kwargs) -> int:
    """The same for each number of the inner product at each stored entry of ``pattern``; arguments are tensors."""
    return 2 * pattern._nnz() * left.shape[1]


edge_flops._get_raw = True  # the counter's mark of a formula that wants tensors
aten = torch.ops.aten
FORMULAS = {
    aten.addmm_: accumulated_flops,
    aten._embedding_bag: bag_flops,
    aten._embedding_bag_forward_only: bag_flops,
    aten.sparse_sampled_addmm: edge_flops,
}


def seconds(call: Callable[[], object]) -> float:
    """Least processor time of a few calls, the first one left out."""
    times = []
    for _ in range(STEPS + 1):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times[1:])


def rates() -> tuple[float, float]:
    """(operations a second of a matrix product, bytes a second of a copy) in float32, one thread."""
    a, b = torch.randn(2, 1024, 1024)
    x, y = torch.randn(2, 2**25)
    return 2 * 1024**3 / seconds(lambda: a @ b), 2 * x.nbytes / seconds(lambda: y.copy_(x))


def measure(dataset: str, model: str) -> dict:
    """The row of one model on one data set."""
    torch.set_num_threads(1)
    ready = make_ready(dataset, model)
    ready.model.train().before_epoch(1)
    batches = [batch for _, batch in zip(range(STEPS + 2), ready.batches, strict=False)]

    def step(batch):
        ready.optimizer.zero_grad(set_to_none=True)
        ready.model.calculate_loss(batch).backward()
        ready.optimizer.step()

    step(batches[0])
    flops, moved = FlopCounterMode(display=False, custom_mapping=FORMULAS), Bytes()
    with flops:
        step(batches[1])
    with moved:
        step(batches[1])
    times = []
    for batch in batches[2:]:
        start = time.process_time()
        step(batch)
        times.append(time.process_time() - start)
    rate, bandwidth = rates()
    by_products, by_bytes = flops.get_total_flops() / rate, moved.total / bandwidth
    step_seconds = statistics.median(times)
    return {
        "data set": dataset,
        "model": model,
        "Gflop a step": round(flops.get_total_flops() / 1e9, 1),
        "GB a step": round(moved.total / 1e9, 2),
        "products s": round(by_products, 3),
        "memory s": round(by_bytes, 3),
        "step s": round(step_seconds, 3),
        "factor": round(step_seconds / max(by_products, by_bytes), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", nargs="+", default=["taobao", "beauty"])
    parser.add_argument("--models", nargs="+", default=["MCLN", "MGAT", "MMGCN", "DMRL"])
    args = parser.parse_args()
    rows = []
    for dataset in args.datasets:
        for model in args.models:
            rows.append(alone(measure, dataset, model))
            print(" ".join(f"{k}={v}" for k, v in rows[-1].items()), flush=True)
    print(save(rows, "bounds", note=f"Float32, one thread of a CPU, torch {torch.__version__}."))


if __name__ == "__main__":
    run(main)
