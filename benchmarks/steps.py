"""What a training step takes on one thread of this machine, over what bounds it (see ``benchmarks.bounds``).

python -m benchmarks.steps --models MCLN MMGCN --datasets taobao
"""

import argparse
import statistics
import time

import torch

from benchmarks.bounds import bound, rates, work_of_step
from benchmarks.measure import alone, make_ready, run, save

STEPS = 5


def measure(dataset: str, model: str) -> dict:
    """Return the row of one model on one data set; a step's seconds are processor time, the median of STEPS steps."""
    ready = make_ready(dataset, model)
    work, seconds = work_of_step(ready), []
    for _, batch in zip(range(STEPS), ready.batches, strict=False):
        start = time.process_time()
        ready.optimizer.zero_grad(set_to_none=True)
        ready.model.calculate_loss(batch).backward()
        ready.optimizer.step()
        seconds.append(time.process_time() - start)
    against = bound(work, rates("cpu", n=1024, mib=128), seconds=statistics.median(seconds))
    return {"data set": dataset, "model": model, **against}


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
    print(save(rows, "steps", note=f"Float32, one thread of a CPU, torch {torch.__version__}."))


if __name__ == "__main__":
    run(main)
