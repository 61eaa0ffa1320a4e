"""How many times faster than RecBole's own BPR, LightGCN and NGCF, on the same work in one process.

    python -m benchmarks.versus_recbole --dataset beauty

Both sides train on the same entries with the same batch size and rank the same test pairs; they take turns, and a
ratio is RecBole's median over ours. ``stock`` is RecBole with its defaults, ``large`` with evaluation batches of
1,024 users.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import scipy.sparse as sp
import torch

from bench.protocol.metrics import means
from bench.run.job import peak_memory_mib
from bench.train.bridge import recbole_config, recbole_loaders, write_recbole
from benchmarks.measure import Ready, clock, make_ready, run, save

PAIRS = {"BPRMF": "BPR", "LightGCN": "LightGCN", "NGCF": "NGCF"}
EQUAL = {  # the settings that name the same work on both sides
    "BPRMF": ({}, {}),
    "LightGCN": ({"n_layers": 3}, {"n_layers": 3}),
    "NGCF": ({}, {"hidden_size_list": [64, 64, 64], "node_dropout": 0.0, "message_dropout": 0.1}),
}
BATCH, LARGE_USERS = 2048, 1024
GOAL_EPOCHS = 10  # of ours; 95 % of what they reach is the goal of both sides


class Theirs:
    """RecBole's model of a name with its own loaders and trainer."""

    def __init__(self, name: str, ready: Ready, folder: str, settings: dict[str, Any]):
        from recbole.trainer import Trainer

        parts = {"train": ready.prepared.split.train, "valid": ready.prepared.split.test[:1]}
        files = write_recbole(folder, name="same", parts={**parts, "test": ready.prepared.split.test})
        common = {**files, **settings, "train_batch_size": BATCH, "use_gpu": False, "embedding_size": 64}
        common |= {"metrics": ["Hit", "NDCG"], "topk": [5, 10], "valid_metric": "NDCG@10", "epochs": 1}
        users = {"stock": None, "large": LARGE_USERS}
        widths = {"uni99": 100, "full": ready.model.n_items}
        self.loaders, self.trainer = {}, None
        for mode, width in widths.items():
            for size, count in users.items():
                batch = {} if count is None else {"eval_batch_size": count * width}
                how = {"eval_args": {**files["eval_args"], "mode": mode}}
                config = recbole_config(name, dataset="same", folder=folder, settings={**common, **how, **batch})
                train, _, self.loaders[mode, size] = recbole_loaders(config, {})
                if self.trainer is None:
                    torch.manual_seed(0)
                    self.train, self.model = train, model_class(name)(config, train.dataset)
                    self.trainer = Trainer(config, self.model)
        self.epochs = 0

    def epoch(self) -> None:
        self.trainer._train_epoch(self.train, self.epochs, show_progress=False)
        self.epochs += 1

    def evaluate(self, mode: str, size: str) -> dict[str, float]:
        if getattr(self.model, "restore_user_e", None) is not None:
            self.model.restore_user_e = self.model.restore_item_e = None  # a cache of the last evaluation
        self.trainer.eval_collector.model = None
        loader = self.loaders[mode, size]
        self.trainer.test_batch_size = loader.config["eval_batch_size"]  # else it cuts a large batch to the stock size
        return self.trainer.evaluate(loader, load_best_model=False, show_progress=False)


def model_class(name: str) -> type:
    from recbole.model import general_recommender

    return getattr(general_recommender, name)


def measure(name: str, dataset: str, runs: int, folder: str) -> list[dict]:
    """One row an item of the model ``name``."""
    ours_settings, their_settings = EQUAL[name]

    def start() -> tuple[Ready, Theirs]:
        ready = make_ready(dataset, name, sampling="interaction", **ours_settings)
        return ready, Theirs(PAIRS[name], ready, folder, their_settings)

    ready, theirs = start()

    def rank(ranking: str) -> dict[str, float]:
        return means(ready.evaluator.ranks(ready.model, rankings=(ranking,)))

    items = {"train epoch": (ready.epoch, {"stock": theirs.epoch})}
    for ranking, mode in (("sampled", "uni99"), ("full", "full")):
        against = {size: lambda m=mode, s=size: theirs.evaluate(m, s) for size in ("stock", "large")}
        items[f"{ranking} evaluation"] = (lambda r=ranking: rank(r), against)
    rows = [row for item, sides in items.items() for row in compare(name, item, *sides, runs=runs)]

    ready, theirs = start()
    for _ in range(GOAL_EPOCHS):
        ready.epoch()
    goal = 0.95 * rank("sampled")["sampled.ndcg@10"]
    ready, theirs = start()
    ours = until(goal, ready.epoch, lambda: rank("sampled")["sampled.ndcg@10"])
    stock = until(goal, theirs.epoch, lambda: theirs.evaluate("uni99", "stock")["ndcg@10"])
    return [*rows, row_of(name, f"to N@10 {goal:.3f}", "stock", ours, stock)]


def until(goal: float, epoch: Callable[[], Any], judge: Callable[[], float]) -> float:
    """Seconds of epochs, judged after every fifth, until ``goal`` is met."""
    seconds, value = 0.0, 0.0
    for number in range(1, 10 * GOAL_EPOCHS + 1):
        seconds += clock(epoch)
        if number % 5 == 0:
            start = time.perf_counter()
            value = judge()
            seconds += time.perf_counter() - start
            if value >= goal:
                return seconds
    raise SystemExit(f"N@10 {goal:.3f} was not met in {10 * GOAL_EPOCHS} epochs; the last was {value:.3f}")


def compare(model: str, item: str, ours: Callable, against: dict[str, Callable], *, runs: int) -> list[dict]:
    """Medians over ``runs`` turns; the first turn of each warms up and does not count."""
    seconds = {side: [] for side in ("ours", *against)}
    for turn in range(runs + 1):
        for side, call in {"ours": ours, **against}.items():
            spent = clock(call)
            if turn:
                seconds[side].append(spent)
    median = {side: statistics.median(values) for side, values in seconds.items()}
    return [row_of(model, item, side, median["ours"], median[side]) for side in against]


def row_of(model: str, item: str, side: str, ours: float, theirs: float) -> dict:
    ratio = theirs / ours
    print(f"{model} {item} ({side}) {ratio:.2f}  [{ours:.3f} s, {theirs:.3f} s]", flush=True)
    row = {"model": model, "item": item, "against": side, "ratio": round(ratio, 2)}
    return row | {"ours s": round(ours, 4), "recbole s": round(theirs, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="beauty", help="one of the product's sets, such as beauty or beauty-sim")
    parser.add_argument("--models", nargs="+", default=list(PAIRS), choices=list(PAIRS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    warnings.simplefilter("ignore")  # RecBole's own
    # RecBole 1.2.1 fills its adjacency through a private method that SciPy no longer has
    sp.dok_matrix._update = lambda self, entries: self._dict.update(entries)
    rows = []
    for name in args.models:
        with tempfile.TemporaryDirectory() as folder:
            rows += measure(name, args.dataset, args.runs, folder)
    note = f"Times RecBole's own classes on {args.dataset}: medians of {args.runs} interleaved runs, "
    note += (
        f"{args.threads} CPU threads, torch {torch.__version__}, peak {peak_memory_mib(torch.device('cpu')):.0f} MiB."
    )
    print(save(rows, "versus-recbole", note=note))


if __name__ == "__main__":
    run(main)
