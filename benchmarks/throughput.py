"""Eight equal jobs on a CPU: what the program's own number of jobs at a time costs beside the best of 1, 2 and 4.

    python -m benchmarks.throughput

A width is a number of jobs at a time. The widths take turns, and each run has a results folder of its own. A ratio is
the seconds of a width, or of the program's own choice, over those of the fastest width.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from joblib import cpu_count

from bench.run.pool import THREADS
from bench.run.slots import default_jobs
from benchmarks.measure import run, save

ROOT = Path(__file__).parent.parent
WIDTHS = (1, 2, 4)
JOBS = 8


def seconds(flags: list[str], jobs: int) -> float:
    """Return the seconds of a run of the program with ``flags`` and an empty store, ``jobs`` at a time."""
    with tempfile.TemporaryDirectory() as folder:
        places = ["--results", f"{folder}/results", "--reports", f"{folder}/reports"]
        command = [sys.executable, str(ROOT / "run_all.py"), *flags, *places, "--jobs", str(jobs), "--gpus", "none"]
        start = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--model", default="BPRMF")
    parser.add_argument("--budget", default="quick")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    flags = ["--datasets", args.dataset, "--models", args.model, "--budget", args.budget]
    chosen = default_jobs(THREADS)
    widths = sorted({*WIDTHS, chosen})
    seconds(flags, 1)  # reads the data set into the cache
    flags += ["--seeds", *map(str, range(JOBS))]
    turns = [{width: seconds(flags, width) for width in widths} for _ in range(args.runs)]
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
