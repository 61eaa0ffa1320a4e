"""The job's own process: reads the order, runs it, prints events as JSON lines."""

import json
import sys
from pathlib import Path

import torch

from bench.run import job
from bench.run.grid import Work
from bench.spec import Job, read
from bench.store.store import Store


def run(order: dict) -> None:
    torch.set_num_threads(order["threads"])
    work = Work(job=read(Job, order["job"]), location=order["location"], data_dir=order["data_dir"])
    store, every = Store(Path(order["results"])), order["checkpoint_every"]
    job.run(work, store, device=order["device"], checkpoint_every=every, tell=tell)
    sys.stdout.flush()


def tell(entry: dict) -> None:
    """To the runner, and every evaluation to the log as well."""
    print(json.dumps(entry), flush=True)
    if entry.get("value") is not None:
        print(f"epoch {entry['epoch']} of {entry['of']}: {entry['value']:.4f}", file=sys.stderr, flush=True)
