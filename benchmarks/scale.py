"""How epoch time, evaluation time and memory grow with interactions, users and items, on simulated data.

    python -m benchmarks.scale

There are three sweeps: interactions at fixed mean degrees, users alone, items alone. Each point has its own process.
An epoch takes ``STEPS`` steps at every size, so its batch grows with the data. At a fixed batch, each step of dense
Adam still passes over all parameters and each step of LightGCN over all edges, so that an epoch would grow with the
square of the data. The seconds of a step at the usual batch have a column of their own.
An exponent is the slope of log(cost) on log(size) over the larger half of a sweep, where constant costs no longer
dominate; memory counts above the least of the sweep. At most ``CASES`` users are ranked, so the ranking's is per user.
The full ranking is also measured as it is for a model that cannot score a part of the items.
"""

import argparse
import os
import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from bench import registry
from bench.protocol.candidates import draw_cases
from bench.run.provenance import peak_memory_mib
from bench.spec import Training, read
from bench.train import bridge, seed
from benchmarks.measure import PERFORMANCE, alone, clock, job_parts, run, save

STEPS = 50
CASES = 10_000  # the most users that are ranked
COSTS = ("epoch s", "full ranking s", "peak MiB")


class Size(NamedTuple):
    n_users: int
    n_items: int
    n_interactions: int


SWEEPS = {
    "interactions": [Size(n // 10, n // 100, n) for n in (10_000, 100_000, 1_000_000, 3_000_000, 10_000_000)],
    "users": [Size(n, 10_000, 1_000_000) for n in (10_000, 30_000, 100_000, 300_000)],
    "items": [Size(30_000, n, 1_000_000) for n in (3_000, 10_000, 30_000, 100_000, 300_000)],
}


def simulate(size: Size) -> np.ndarray:
    """Return distinct pairs (n, 2): users drawn uniformly, items by a power law of their rank."""
    rng = np.random.default_rng(size)
    share = np.cumsum(1 / (np.arange(size.n_items) + 10) ** 0.7)
    keys = np.arange(0, dtype=np.int64)
    while len(keys) < size.n_interactions:
        missing = int((size.n_interactions - len(keys)) * 1.2) + 100
        item = np.searchsorted(share, rng.random(missing) * share[-1])
        user = rng.integers(0, size.n_users, missing)
        keys = np.unique(np.concatenate([keys, user * size.n_items + item]))
    keys = rng.permutation(keys)[: size.n_interactions]
    return np.stack([keys // size.n_items, keys % size.n_items], axis=1)


def measure(model: str, size: Size) -> dict:
    """Return the row of one point: a warm epoch and the full ranking of one held-out pair per user, the fastest each of
    a few."""
    pairs = simulate(size)
    _, first = np.unique(pairs[:, 0], return_index=True)
    test = pairs[first[:CASES]]
    train = np.delete(pairs, first[:CASES], axis=0)
    shape = {"n_users": size.n_users, "n_items": size.n_items}
    cases = draw_cases(test, pairs, n_candidates=min(99, size.n_items // 2), seed=0, **shape)
    card, preset = registry.find(model)
    cls = registry.load(card)
    training, hyper = registry.split_settings(registry.settings(card, preset, dataset="simulated", hyper={}))
    seed.seed_all(0, "init")
    built = bridge.build(cls, bridge.TrainingSet(train, features={}, **shape), hyper)
    usual = read(Training, {**training, "sampling": "interaction"})
    large = replace(usual, train_batch_size=-(-len(train) // STEPS))
    step = job_parts(built, train[: 5 * usual.train_batch_size], cases, usual, device="cpu")
    step_seconds = min(clock(lambda e=e: step.epoch(e)) / step.batches.steps for e in (1, 2))
    ready = job_parts(built, train, cases, large, device="cpu")
    epoch_seconds = min(clock(lambda e=e: ready.epoch(e)) for e in (1, 2))
    ranking_seconds = ranking(ready.evaluator, built)
    peak = peak_memory_mib(torch.device("cpu"))  # before the ranking that this model does not need
    built.part = lambda shared, items: None  # as if the model could only score all items at once
    return {
        "model": model,
        **size._asdict(),
        "epoch s": round(epoch_seconds, 4),
        f"step of {usual.train_batch_size} s": round(step_seconds, 5),
        "full ranking s": round(ranking_seconds, 4),
        "not in parts s": round(ranking(ready.evaluator, built), 4),
        "cases": len(test),
        "peak MiB": round(peak),
    }


def ranking(evaluator, model) -> float:
    """Return the seconds of the fastest of three full rankings."""
    return min(clock(lambda: evaluator.ranks(model, rankings=("full",))) for _ in range(3))


def exponents(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per sweep and model: the exponent of each cost in the size that the sweep changes."""
    rows = []
    for (sweep, model), part in frame.groupby(["sweep", "model"], sort=False):
        size = part[f"n_{sweep}"]
        large = size >= np.sqrt(size.min() * size.max())
        costs = part[["epoch s"]].copy()
        costs["ranking s a user"] = part["full ranking s"] / part["cases"]
        costs["MiB"] = part["peak MiB"] - part["peak MiB"].min() + 1
        row = {"sweep": sweep, "model": model}
        for cost in costs:
            slope = np.polyfit(np.log(size[large]), np.log(costs[cost][large]), 1)[0]
            row[f"exponent of {cost}"] = round(float(slope), 2)
        rows.append(row)
    return pd.DataFrame(rows)


def plot(frame: pd.DataFrame):
    """Draw the costs on logarithmic axes, one column per sweep and one row per cost; return the figure's path."""
    import matplotlib

    matplotlib.use("Agg")
    import seaborn as sns
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", context="paper")
    figure, axes = plt.subplots(len(COSTS), len(SWEEPS), figsize=(10, 8), sharey="row", squeeze=False)
    for column, sweep in enumerate(SWEEPS):
        for row, cost in enumerate(COSTS):
            axis, part = axes[row][column], frame[frame["sweep"] == sweep]
            sns.lineplot(part, x=f"n_{sweep}", y=cost, hue="model", marker="o", ax=axis, legend=not (row or column))
            axis.set(xscale="log", yscale="log", xlabel=sweep if row == len(COSTS) - 1 else "")
    figure.tight_layout()
    path = PERFORMANCE / "scale.png"  # ``save`` has made the folder
    figure.savefig(path, dpi=120, metadata={"Software": None})
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["BPRMF", "LightGCN"])
    parser.add_argument("--sweeps", nargs="+", default=list(SWEEPS), choices=list(SWEEPS))
    parser.add_argument("--most", type=int, default=10**7, help="interactions of the largest point")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    rows, started = [], time.perf_counter()
    for sweep in args.sweeps:
        for size in (s for s in SWEEPS[sweep] if s.n_interactions <= args.most):
            for model in args.models:
                rows.append({"sweep": sweep, **alone(measure, model, size, threads=args.threads)})
                print(" ".join(f"{k}={v}" for k, v in rows[-1].items()), flush=True)
    frame = pd.DataFrame(rows)
    fitted = exponents(frame)
    print(fitted.to_string(index=False))
    note = f"Simulated data, {args.threads} CPU threads, torch {torch.__version__}, "
    note += f"{time.perf_counter() - started:.0f} s in all. Full ranking of at most {CASES:,} users. "
    note += f"An epoch is {STEPS} steps at any size, so its batch grows. Exponents: over the larger half of a sweep, "
    note += "memory above the least of the sweep.\n\n"
    note += fitted.to_markdown(index=False)
    print(save(rows, "scale-cpu", note=note), plot(frame))


if __name__ == "__main__":
    run(main)
