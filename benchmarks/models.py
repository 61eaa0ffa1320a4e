"""Seconds per epoch and per evaluation, peak memory, parameters, and each training step against its lower bound.

They are measured for every model on every data set asked for; ``benchmarks.bounds`` computes the bounds.

    python -m benchmarks.models --datasets taobao beauty art

Every model runs in a process of its own. Stages that some models train before their epochs have a column of their own.
"""

import argparse
import os
from itertools import product

import torch

from bench import registry
from bench.run.provenance import peak_memory_mib
from bench.spec import BenchError, row_name
from benchmarks.bounds import Rates, bound, in_words, rates, work_of_step
from benchmarks.measure import Ready, alone, clock, make_ready, run, save

LONG = 10  # seconds; a shorter epoch is run twice, as the first one warms up


def measure(dataset: str, model: str, device: str, machine: Rates) -> dict:
    """Return the row of one model on one data set."""
    ready = make_ready(dataset, model, device=device)
    cost = costs(ready, device)
    step = bound_of(ready, cost, machine)
    bounds = {name: step[name] for name in ("bound by", "step over bound")}
    return {"data set": dataset, "model": model, **cost, **bounds}


def bound_of(ready: Ready, cost: dict, machine: Rates) -> dict:
    """Return the bound of a step of the job, with the step's seconds taken from ``cost``, the result of ``costs``."""
    return bound(work_of_step(ready), machine, seconds=cost["epoch s"] / cost["steps"])


def costs(ready: Ready, device: str) -> dict:
    """Measure a job: the stages before its epochs, a warm epoch, then the ranking of all cases."""
    before = clock(lambda: ready.model.pretrain(ready.batches, epochs=1), device=device)
    steps = ready.batches.steps
    epochs = [clock(lambda: ready.epoch(1), device=device)]
    if epochs[0] < LONG:
        epochs.append(clock(lambda: ready.epoch(2), device=device))
    rankings = ("sampled",) if ready.model.is_candidate_dependent else ("sampled", "full")
    judged = {r: clock(lambda r=r: ready.evaluator.ranks(ready.model, rankings=(r,)), device=device) for r in rankings}
    return {
        "steps": steps,
        "epoch s": round(min(epochs), 4),
        "stages before s": round(before, 3),
        "sampled ranking s": round(judged["sampled"], 4),
        "full ranking s": round(judged["full"], 4) if "full" in judged else None,
        "peak MiB": round(peak_memory_mib(torch.device(device))),
        "parameters": sum(p.numel() for p in ready.model.parameters()),
    }


def names(models: list[str] | None) -> list[str]:
    """Return the names of the models, or of all models for None, as ``make_ready`` takes them."""
    return [row_name(card.name, preset) for card, preset in registry.select(models)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", nargs="+", default=["beauty"])
    parser.add_argument("--models", nargs="+", default=None, help="default: all")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    where = torch.cuda.get_device_name() if args.device != "cpu" else f"CPU, {args.threads} threads"
    machine = alone(rates, args.device, threads=args.threads)
    note = f"Protocol paper, default presets, float32, batch 2048; {where}, torch {torch.__version__}. "
    note += f"{in_words(machine)}."
    rows = []
    for dataset, model in product(args.datasets, names(args.models)):
        try:
            rows.append(alone(measure, dataset, model, args.device, machine, threads=args.threads))
        except BenchError as error:
            print(f"{dataset} {model}: {error}", flush=True)
            continue
        print(f"{dataset} {model} " + " ".join(f"{k}={v}" for k, v in list(rows[-1].items())[2:]), flush=True)
        path = save(rows, f"models-{'gpu' if args.device != 'cpu' else 'cpu'}", note=note)
    print(path if rows else "nothing was measured")


if __name__ == "__main__":
    run(main)
