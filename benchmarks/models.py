"""Seconds an epoch, seconds an evaluation, peak memory and parameters of every model on every data set asked for.

    python -m benchmarks.models --datasets beauty

Every model runs in a process of its own. The stages that some models learn before their epochs are listed apart.
"""

import argparse
import os

import torch

from bench import registry
from bench.run.provenance import peak_memory_mib
from bench.spec import row_name
from benchmarks.measure import Ready, alone, clock, make_ready, run, save


def measure(dataset: str, model: str, device: str, threads: int) -> dict:
    """One row."""
    torch.set_num_threads(threads)
    return {"data set": dataset, "model": model, **costs(make_ready(dataset, model, device=device), device)}


def costs(ready: Ready, device: str) -> dict:
    """What a job costs: the stages before its epochs, a warm epoch, then the ranking of all cases."""
    before = clock(lambda: ready.model.pretrain(ready.batches, epochs=1), device=device)
    steps = ready.batches.steps
    epochs = [clock(lambda e=e: ready.epoch(e), device=device) for e in (1, 2)]
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
    """The models asked for, as ``make_ready`` takes them; default: all."""
    return [row_name(card.name, preset) for card, preset in registry.select(models)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", nargs="+", default=["beauty"])
    parser.add_argument("--models", nargs="+", default=None, help="default: all")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    rows = []
    for dataset in args.datasets:
        for model in names(args.models):
            rows.append(alone(measure, dataset, model, args.device, args.threads))
            print(f"{dataset} {model} " + " ".join(f"{k}={v}" for k, v in list(rows[-1].items())[2:]), flush=True)
    where = torch.cuda.get_device_name() if args.device != "cpu" else f"CPU, {args.threads} threads"
    note = f"Protocol paper, default presets, float32, batch 2048; {where}, torch {torch.__version__}."
    print(save(rows, f"models-{'gpu' if args.device != 'cpu' else 'cpu'}", note=note))


if __name__ == "__main__":
    run(main)
