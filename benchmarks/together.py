"""Several seeds in one batched model, against as many jobs side by side.

    python -m benchmarks.together

The batched model trains on ``k`` copies of the data set, each with its own ids. Its loss is the mean of the k models'
losses and, as Adam does not depend on the scale of a gradient, each copy trains as a separate model would. The batched
model has all threads, and the jobs share them. A ratio above 1 says that the batched model is faster.
"""

import argparse
import os
from contextlib import ExitStack
from dataclasses import asdict
from statistics import median

import numpy as np
import torch

from bench.spec import Training
from bench.train.bridge import TrainingSet, build
from benchmarks.measure import Ready, Side, job_parts, make_ready, run, save


def warm_copies(dataset: str, model: str, k: int) -> Ready:
    """Return the job of a model on ``k`` copies of a data set, after its first epoch."""
    single = make_ready(dataset, model)
    data, train = single.prepared.dataset, single.prepared.split.train
    pairs = copies(train, k, n_users=data.n_users, n_items=data.n_items)
    sizes = {"n_users": k * data.n_users, "n_items": k * data.n_items}
    batched = build(type(single.model), TrainingSet(pairs, **sizes, features={}), asdict(single.model.hyper))
    rate, batches = single.optimizer.defaults["lr"], single.batches
    training = Training(learning_rate=rate, train_batch_size=k * batches.size, sampling=batches.sampling)
    ready = job_parts(batched, pairs, single.prepared.test, training, device="cpu")
    ready.epoch()
    return ready


def copies(train: np.ndarray, k: int, *, n_users: int, n_items: int) -> np.ndarray:
    """Return the pairs (k n, 2) of ``k`` copies of the pairs ``train`` (n, 2) that share no user and no item."""
    return np.concatenate([train + np.array([n_users, n_items]) * place for place in range(k)])


def measure(dataset: str, model: str, k: int, threads: int, runs: int) -> dict:
    """Return the medians of an epoch of the batched model, and of the slowest of ``k`` jobs that run one each."""
    per_job = max(1, threads // k)
    with ExitStack() as stack:
        batched = stack.enter_context(Side(warm_copies, dataset, model, k, threads=threads))
        jobs = [stack.enter_context(Side(warm_copies, dataset, model, 1, threads=per_job)) for _ in range(k)]
        turns = [(batched.seconds("epoch"), beside(jobs)) for _ in range(runs)]
    together, apart = map(median, zip(*turns, strict=True))
    seconds = {"together s": round(together, 4), "side by side s": round(apart, 4)}
    return {"data set": dataset, "model": model, "seeds": k, **seconds, "ratio": round(apart / together, 2)}


def beside(jobs: list[Side]) -> float:
    """Return the seconds until each of the jobs, started together, has run an epoch."""
    return max(future.result()[0] for future in [job.start("epoch") for job in jobs])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", nargs="+", default=["beauty"])
    parser.add_argument("--models", nargs="+", default=["BPRMF", "SVDPP", "LightGCN", "NGCF"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[2, 3], help="how many at once")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    rows = []
    for dataset in args.datasets:
        for model in args.models:
            for k in args.seeds:
                rows.append(measure(dataset, model, k, args.threads, args.runs))
                print(" ".join(f"{name}={value}" for name, value in rows[-1].items()), flush=True)
    note = f"An epoch of k seeds in one model and in k jobs, medians of {args.runs}; CPU, {args.threads} threads, "
    print(save(rows, "together-cpu", note=f"{note}torch {torch.__version__}."))


if __name__ == "__main__":
    run(main)
