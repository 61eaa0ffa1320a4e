"""Helpers of the benchmark scripts: make a job ready, time a call, run code in another process, save a table."""

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from tabulate import tabulate

from bench import registry
from bench.protocol.candidates import Cases
from bench.protocol.evaluate import Evaluator
from bench.protocol.metrics import means
from bench.run import job, plan
from bench.run.local import KEEP_PAGES
from bench.run.plan import Request
from bench.run.prepared import Prepared, prepare
from bench.spec import BenchError, Training, read
from bench.train import seed
from bench.train.batches import Batches, batches_of
from bench.train.fit import train_epoch

SPAWN = multiprocessing.get_context("spawn")
PERFORMANCE = Path(__file__).parent.parent / "reports" / "performance"


class Ready(NamedTuple):
    """A job just before its first epoch."""

    model: Any
    batches: Batches
    evaluator: Evaluator
    optimizer: torch.optim.Optimizer
    prepared: Prepared | None  # None for a job that was built from parts

    def epoch(self, number: int = 1) -> float:
        return train_epoch(self.model, self.batches, self.optimizer, epoch=number)

    def evaluate(self, ranking: str) -> float:
        """Rank all cases and return NDCG@10."""
        return means(self.evaluator.ranks(self.model, rankings=(ranking,)))[f"{ranking}.ndcg@10"]

    def data(self) -> Prepared | None:
        return self.prepared


def make_ready(dataset: str, model: str, *, protocol: str = "paper", device: str = "cpu", **hyper) -> Ready:
    """Return the job of these names, loaded and built as the runner would."""
    [work] = plan.jobs(Request(datasets=[dataset], models=[model], protocols=[protocol], budget="smoke", hyper=hyper))
    card, preset = registry.find(model)
    settings = registry.settings(card, preset, dataset=work.job.dataset, hyper=hyper)
    prepared = prepare(work)
    built = job.build_model(work.job, prepared, settings, device=torch.device(device))
    training = read(Training, registry.split_settings(settings)[0])
    return job_parts(built, prepared.split.train, prepared.test, training, device=device, prepared=prepared)


def job_parts(
    model, train: np.ndarray, cases: Cases, training: Training, *, device: str, prepared: Prepared | None = None
) -> Ready:
    """Return ``model`` with batches of the pairs ``train`` (n, 2), its optimiser, and the evaluator of ``cases``."""
    device = torch.device(device)
    batches = batches_of(model, train + 1, training, seed.generator(0, "sampling", device))
    seed.seed_all(0, "train")
    optimizer = torch.optim.Adam(model.parameters(), lr=training.learning_rate, fused=True)
    return Ready(model, batches, Evaluator(cases, device=device), optimizer, prepared)


def clock(call: Callable[[], Any], *, device: str = "cpu") -> float:
    """Return the seconds of one call, including the device's work."""
    if device != "cpu":
        torch.cuda.synchronize()
    start = time.perf_counter()
    call()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def alone(call: Callable, *args, threads: int = 1) -> Any:
    """Return ``call(*args)``, run in a fresh process like the runner's, so that its peak memory is its own."""
    with as_runner(), ProcessPoolExecutor(1, SPAWN, torch.set_num_threads, (threads,)) as pool:
        return pool.submit(call, *args).result()


def as_runner() -> AbstractContextManager:
    """Return a context in which processes start as the runner starts jobs: they keep their freed memory pages."""
    return patch.dict(os.environ, {**KEEP_PAGES, **os.environ})


class Side:
    """The object that ``make(*args)`` returns, kept in a process of its own, so that sides do not slow each other.

    Args:
        threads: those of torch in that process.
        is_job: whether the process is started as the runner starts a job; if not, as any other.
    """

    def __init__(self, make: Callable, *args, threads: int = 1, is_job: bool = True, context=SPAWN):
        with as_runner() if is_job else nullcontext():
            self.pool = ProcessPoolExecutor(1, context, _live, (threads, make, args))
            self.born = self.pool.submit(int)

    def seconds(self, method: str, *args) -> float:
        return self.value(method, *args)[0]

    def value(self, method: str, *args) -> tuple[float, Any]:
        """Call a method of the object; return (seconds, its result)."""
        return self.start(method, *args).result()

    def start(self, method: str, *args) -> Future:
        """Start a call of a method of the object; return the future of (seconds, its result)."""
        return self.pool.submit(_timed, method, args)

    def __enter__(self):
        self.born.result()  # no measurement runs while another process is still being made ready
        return self

    def __exit__(self, *_):
        self.pool.shutdown()


def _live(threads: int, make: Callable, args: tuple) -> None:
    global _alive
    torch.set_num_threads(threads)
    _alive = make(*args)


def _timed(method: str, args: tuple) -> tuple[float, Any]:
    start = time.perf_counter()
    value = getattr(_alive, method)(*args)
    return time.perf_counter() - start, value


def compare(model: str, item: str, ours: Side, theirs: Side, calls: dict[str, tuple], *, runs: int) -> list[dict]:
    """Return a row for each of their ``calls`` with the medians over ``runs`` turns, after one more turn to warm up."""
    our_call = next(iter(calls.values()))[:2]  # without the batch size, which our side does not take
    seconds = {side: [] for side in ("ours", *calls)}
    for turn in range(runs + 1):
        spent = {"ours": ours.seconds(*our_call)} | {size: theirs.seconds(*call) for size, call in calls.items()}
        for side, value in spent.items() if turn else ():
            seconds[side].append(value)
    median = {side: statistics.median(values) for side, values in seconds.items()}
    return [row_of(model, item, size, median["ours"], median[size]) for size in calls]


def row_of(model: str, item: str, side: str, ours: float, theirs: float) -> dict:
    """Print and return the row of one measured item; the arguments ``ours`` and ``theirs`` are seconds."""
    ratio = theirs / ours
    print(f"{model} {item} ({side}) {ratio:.2f}  [{ours:.3f} s, {theirs:.3f} s]", flush=True)
    row = {"model": model, "item": item, "against": side, "ratio": round(ratio, 2)}
    return row | {"ours s": round(ours, 4), "theirs s": round(theirs, 4)}


def fill_adjacency_through_scipy() -> None:
    """Give SciPy back the private method through which RecBole 1.2.1 and MMRec fill an adjacency."""
    sp.dok_matrix._update = lambda self, entries: self._dict.update(entries)


def run(main: Callable[[], None]) -> None:
    """Run ``main``; an error of the user ends the program with one line."""
    try:
        main()
    except BenchError as error:
        sys.exit(f"error: {error}")


def save(rows: Sequence[dict], name: str, *, note: str) -> Path:
    """Write ``rows`` as CSV and, below ``note``, as Markdown; return the path of the Markdown."""
    PERFORMANCE.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(rows)
    frame.to_csv(PERFORMANCE / f"{name}.csv", index=False)
    path = PERFORMANCE / f"{name}.md"
    path.write_text(f"{note}\n\n{tabulate(frame, headers='keys', tablefmt='github', showindex=False)}\n")
    return path
