"""What a GPU does for every model: agreement with the CPU, seconds, memory, jobs at a time, and the bound that binds.

    python -m benchmarks.gpu

The tables go to ``reports/performance/gpu.md`` and, as one long table, to ``gpu.csv``. Both files are written again
after each row, so an interrupted call leaves the rows so far. The exit code is 1 if a model differs from the CPU's.
Without a GPU every part is rehearsed on the CPU with tiny data, and nothing is written unless ``--out`` is given.
"""

import argparse
import gc
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from bench.protocol.candidates import draw_cases
from bench.run.local import FORKS
from bench.spec import Training
from benchmarks import agreement, bounds
from benchmarks.measure import PERFORMANCE, Ready, Side, job_parts, make_ready, run
from benchmarks.models import bound_of, costs, names
from tests.conformance.conftest import every_row
from tests.conformance.rows import build_row
from tests.toy import random_set

PARTS = ("agreement", "costs", "throughput")
TINY = "tiny"  # the data set of a rehearsal
NO_GPU = "There is no GPU here, so every part is rehearsed on the CPU with tiny data; its numbers mean nothing."
NOTES = {
    "agreement": f"Largest deviation from the CPU's model with the same weights, batch and draws, relative to the "
    f"largest entry of its tensor; up to {agreement.TOLERANCE} agrees.",
    "cost": "Protocol paper, the models' own settings, float32. A warm epoch; memory is the peak of the allocator.",
    "jobs at a time": "Epochs per minute of equal jobs, each in a process of its own, all together.",
    "bound": "One training step. Each of the three is the least that it could take: its operators (each at least one "
    "launch) times the measured latency of a launch, the bytes that they move at the rate of a copy, and the "
    "operations of its products at the rate of a large product. The largest binds.",
}


@dataclass
class Tables:
    """The rows of each part; each row is printed when it is added, and the files are written again."""

    about: str
    out: Path | None
    rows: dict[str, list[dict]] = field(default_factory=lambda: {part: [] for part in NOTES})

    def add(self, part: str, row: dict) -> None:
        self.rows[part].append(row)
        print(f"{part}: " + ", ".join(f"{k} {v}" for k, v in row.items() if v is not None), flush=True)
        if self.out is not None:
            self.write(self.out)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        filled = {part: pd.DataFrame(rows) for part, rows in self.rows.items() if rows}
        text = [f"# On a GPU\n\n{self.about}"]
        text += [f"## {part.capitalize()}\n\n{NOTES[part]}\n\n{markdown(frame)}" for part, frame in filled.items()]
        (folder / "gpu.md").write_text("\n\n".join(text) + "\n")
        keys = ["data set", "model", "jobs at a time"]
        long = [
            frame.melt([key for key in keys if key in frame], var_name="measure").assign(part=part)
            for part, frame in filled.items()
        ]
        columns = ["part", *keys, "measure", "value"]
        pd.concat(long).dropna(subset="value").reindex(columns=columns).to_csv(folder / "gpu.csv", index=False)


def markdown(frame: pd.DataFrame) -> str:
    """Return the frame as a Markdown table whose missing values are empty cells."""
    return frame.astype(object).where(frame.notna(), "").to_markdown(index=False)


def tiny_ready(row: str) -> Ready:
    """Return a job of a few steps on the CPU with tiny random data."""
    data = random_set(sparse=True)
    pairs = np.stack([data.user, data.item], axis=1) - 1
    test, train = pairs[::6], np.delete(pairs, np.s_[::6], axis=0)
    cases = draw_cases(test, pairs, n_users=30, n_items=40, n_candidates=20, seed=0)
    return job_parts(build_row(row, data), train, cases, Training(train_batch_size=50), device="cpu")


def ready_for(dataset: str, model: str, device: str) -> Ready:
    """Return the job of the model on the data set, or on tiny random data in a rehearsal."""
    return tiny_ready(model) if dataset == TINY else make_ready(dataset, model, device=device)


def add_agreement(tables: Tables, device: str, rows: Sequence[str]) -> None:
    """Compare each of the ``rows``, models and presets, with the same on the CPU."""
    larger = {} if device == "cpu" else {"n_users": 300, "n_items": 500, "per_user": 10}
    data = random_set(sparse=True, **larger)  # sparse features, like the paper's entities
    for row in rows:
        tables.add("agreement", agreement.compare(row, data, device=device, batch_size=256 if larger else 16))


def add_costs(tables: Tables, device: str, datasets: Sequence[str], models: Sequence[str]) -> None:
    """Measure the seconds and memory of every model on every data set, and the bound of its training step."""
    machine = bounds.rates(device, **({"n": 64, "mib": 1, "launches": 100} if datasets == [TINY] else {}))
    tables.about += f" Measured rates: {bounds.in_words(machine)}."
    for about in ({"data set": dataset, "model": model} for dataset in datasets for model in models):
        try:
            cost, step = measured(*about.values(), device, machine)
        except Exception as error:  # noqa: BLE001 - the other models are still measured
            tables.add("cost", about | {"error": agreement.in_a_line(error)})
            continue
        tables.add("cost", about | cost)
        tables.add("bound", about | step)


def measured(dataset: str, model: str, device: str, machine: bounds.Rates) -> tuple[dict, dict]:
    """Return the cost of a model and the bound of its step; in a function of its own, so that its tensors are gone when
    the next model's peak is measured."""
    if device != "cpu":
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    ready = ready_for(dataset, model, device)
    cost = costs(ready, device)
    return cost, bound_of(ready, cost, machine)


class Job:
    """A job that has run its first epoch, which warms up."""

    def __init__(self, dataset: str, model: str, device: str):
        self.ready = ready_for(dataset, model, device)
        self.ready.epoch()

    def epochs_per_minute(self, window: float) -> float:
        """Run whole epochs until ``window`` seconds have passed."""
        started, n = time.perf_counter(), 0
        while time.perf_counter() < started + window:
            self.ready.epoch()  # returns only when the device has finished
            n += 1
        return 60 * n / (time.perf_counter() - started)


def add_throughput(tables: Tables, dataset: str, model: str, device: str, *, widths: Sequence[int], window: float):
    """Measure the epochs per minute of all jobs together for each number of jobs; all are made ready beforehand."""
    with ExitStack() as stack:
        starting = [Side(Job, dataset, model, device, context=FORKS) for _ in range(max(widths))]
        sides, of_one_job = [stack.enter_context(side) for side in starting], None
        for n in sorted({1, *widths}):
            futures = [side.start("epochs_per_minute", window) for side in sides[:n]]
            total = sum(future.result()[1] for future in futures)
            of_one_job = of_one_job or total
            gain = {"epochs per minute": round(total, 1), "over one job": round(total / of_one_job, 2)}
            tables.add("jobs at a time", {"data set": dataset, "model": model, "jobs at a time": n, **gain})


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    result = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    result.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    result.add_argument("--datasets", nargs="+", default=["beauty", "art", "taobao"])
    result.add_argument("--models", nargs="+", help="default: all")
    result.add_argument("--jobs", nargs="+", type=int, default=[1, 2, 4, 8, 16], help="jobs at a time")
    result.add_argument("--jobs-of", nargs="+", default=["LightGCN", "MCLN"], help="the models that they run")
    result.add_argument("--window", type=float, default=5.0, help="seconds that each number of jobs is watched for")
    result.add_argument("--out", type=Path, help="folder of the tables; default: reports/performance")
    return result


def rehearsal(args: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments of a rehearsal: the same parts with tiny data and few jobs."""
    small = {"datasets": [TINY], "jobs": [1, 2], "jobs_of": args.jobs_of[:1], "window": 0.1}
    return argparse.Namespace(**{**vars(args), **small})


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    if torch.cuda.is_available():
        device, out = "cuda", args.out or PERFORMANCE
        about = f"{torch.cuda.get_device_name()}, torch {torch.__version__}."
    else:
        print(NO_GPU)
        args, device, out, about = rehearsal(args), "cpu", args.out, NO_GPU
    tables = Tables(about, out)
    if "agreement" in args.parts:
        add_agreement(tables, device, args.models or every_row())
    if "costs" in args.parts:
        add_costs(tables, device, args.datasets, names(args.models))
    if "throughput" in args.parts:
        for model in args.jobs_of:
            add_throughput(tables, args.datasets[0], model, device, widths=args.jobs, window=args.window)
    differing = [row["model"] for row in tables.rows["agreement"] if row["verdict"] != "agrees"]
    n = len(tables.rows["agreement"]) - len(differing)
    print(f"{n} models and presets agree; these differ: {differing or 'none'}")
    sys.exit(bool(differing))


if __name__ == "__main__":
    run(main)
