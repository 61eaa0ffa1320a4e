"""Eight equal jobs on a CPU: what the program's own number of jobs at a time costs beside the best of 1, 2 and 4.

    python -m benchmarks.throughput

The widths take turns, each run with a results folder of its own; a ratio is the seconds of the program's choice over
those of the fastest width.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from joblib import cpu_count

from bench.run import grid
from bench.run.grid import Request, Work
from bench.run.pool import THREADS, Pool
from bench.run.slots import Slots, default_jobs
from bench.store.store import Store
from benchmarks.measure import run, save

WIDTHS = (1, 2, 4)
JOBS = 8


def seconds(works: list[Work], jobs: int) -> float:
    """All of ``works``, ``jobs`` at a time."""
    with tempfile.TemporaryDirectory() as folder:
        pool, start = Pool(store=Store(Path(folder)), slots=Slots(cpus=jobs)), time.perf_counter()
        states = pool.run(works)
        spent = time.perf_counter() - start
    if set(states) != {"done"}:
        raise SystemExit(f"the jobs ended as {states}")
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="taobao-sim")
    parser.add_argument("--model", default="LightGCN")
    parser.add_argument("--budget", default="quick")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    request = Request(datasets=[args.dataset], models=[args.model], budget=args.budget, seeds=range(JOBS))
    works = grid.plan(request)
    chosen = default_jobs(THREADS)
    widths = sorted({*WIDTHS, chosen})
    seconds(works[:1], 1)  # the data set is cached then, and the server warm
    turns = [{width: seconds(works, width) for width in widths} for _ in range(args.runs)]
    spent = {width: median(turn[width] for turn in turns) for width in widths}
    rows = [
        {"jobs at a time": width, "seconds": round(value, 1), "over the best": round(value / min(spent.values()), 2)}
        for width, value in spent.items()
    ]
    for row in rows:
        print(f"{row['jobs at a time']} at a time {row['over the best']}  [{row['seconds']} s]", flush=True)
    print(f"throughput {spent[chosen] / min(spent[width] for width in WIDTHS):.2f}")
    note = f"{JOBS} jobs of {args.model} on {args.dataset}, budget {args.budget}, {THREADS} threads a job, medians of "
    note += f"{args.runs} turns; {cpu_count()} CPU cores, torch {torch.__version__}. The program chooses {chosen}."
    print(save(rows, "throughput-cpu", note=note))


if __name__ == "__main__":
    run(main)
