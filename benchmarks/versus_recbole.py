"""How many times faster than RecBole's own BPR, LightGCN and NGCF, on the same work.

    python -m benchmarks.versus_recbole --dataset beauty

Both sides train on the same entries with the same batch size and rank the same test pairs. Each runs in a process of
its own, ours as the runner starts it; they take turns, and a ratio is RecBole's median over ours. ``stock`` is RecBole
with its default evaluation batches, ``large`` with evaluation batches of 1,024 users.
"""

import argparse
import tempfile
import warnings
from functools import partial

import torch

from bench.data.split import Split
from benchmarks.measure import Side, compare, fill_adjacency_through_scipy, make_ready, row_of, run, save
from tests.recbole_objects import recbole_config, recbole_loaders, write_recbole

PAIRS = {"BPRMF": "BPR", "LightGCN": "LightGCN", "NGCF": "NGCF"}
EQUAL = {  # (our settings, RecBole's settings) that make both sides do the same work
    "BPRMF": ({}, {}),
    "LightGCN": ({"n_layers": 3}, {"n_layers": 3}),
    "NGCF": ({}, {"hidden_size_list": [64, 64, 64], "node_dropout": 0.0, "message_dropout": 0.1}),
}
MODES = {"sampled": "uni99", "full": "full"}  # RecBole's name of each ranking
BATCH, LARGE_USERS = 2048, 1024
GOAL_EPOCHS = 10  # both sides train until 95 % of the N@10 that so many of our epochs reach


class Theirs:
    """RecBole's counterpart of the model ``name``, with RecBole's loaders and trainer, on the pairs of ``split``."""

    def __init__(self, name: str, split: Split, n_items: int, folder: str):
        warnings.simplefilter("ignore")  # RecBole raises many
        fill_adjacency_through_scipy()
        from recbole.model import general_recommender
        from recbole.trainer import Trainer

        parts = {"train": split.train, "valid": split.test[:1], "test": split.test}
        files = write_recbole(folder, name="same", parts=parts)
        common = {**files, **EQUAL[name][1], "train_batch_size": BATCH, "use_gpu": False, "embedding_size": 64}
        common |= {"metrics": ["Hit", "NDCG"], "topk": [5, 10], "valid_metric": "NDCG@10", "epochs": 1}
        users = {"stock": None, "large": LARGE_USERS}
        widths = {"sampled": 100, "full": n_items + 1}  # with the padding item
        self.loaders, self.trainer = {}, None
        for ranking, width in widths.items():
            for size, count in users.items():
                batch = {} if count is None else {"eval_batch_size": count * width}
                how = {"eval_args": {**files["eval_args"], "mode": MODES[ranking]}}
                config = recbole_config(PAIRS[name], dataset="same", folder=folder, settings={**common, **how, **batch})
                train, _, self.loaders[ranking, size] = recbole_loaders(config, {})
                if self.trainer is None:
                    torch.manual_seed(0)
                    model_class = getattr(general_recommender, PAIRS[name])
                    self.train, self.model = train, model_class(config, train.dataset)
                    self.trainer = Trainer(config, self.model)
        self.epochs = 0

    def epoch(self) -> None:
        self.trainer._train_epoch(self.train, self.epochs, show_progress=False)
        self.epochs += 1

    def evaluate(self, ranking: str, size: str = "stock") -> float:
        if getattr(self.model, "restore_user_e", None) is not None:
            self.model.restore_user_e = self.model.restore_item_e = None  # cached by the last evaluation
        self.trainer.eval_collector.model = None
        loader = self.loaders[ranking, size]
        self.trainer.test_batch_size = loader.config["eval_batch_size"]  # else a large batch is cut to the stock size
        return self.trainer.evaluate(loader, load_best_model=False, show_progress=False)["ndcg@10"]


def measure(name: str, dataset: str, runs: int, folder: str, threads: int) -> list[dict]:
    """Return one row per measured item of the model ``name``."""
    make = partial(make_ready, dataset, name, sampling="interaction", **EQUAL[name][0])
    with Side(make, threads=threads) as ours:
        data = ours.value("data")[1]
        make_theirs = partial(Theirs, name, data.split, data.dataset.n_items, folder)
        with Side(make_theirs, threads=threads, is_job=False) as theirs:
            rows = compare(name, "train epoch", ours, theirs, {"stock": ("epoch",)}, runs=runs)
            for ranking in MODES:
                calls = {size: ("evaluate", ranking, size) for size in ("stock", "large")}
                rows += compare(name, f"{ranking} evaluation", ours, theirs, calls, runs=runs)
    with Side(make, threads=threads) as first:
        for _ in range(GOAL_EPOCHS):
            first.seconds("epoch")
        goal = 0.95 * first.value("evaluate", "sampled")[1]
    with Side(make, threads=threads) as ours:
        our_seconds = until(goal, ours)
    with Side(make_theirs, threads=threads, is_job=False) as theirs:
        their_seconds = until(goal, theirs)
    return [*rows, row_of(name, f"to N@10 {goal:.3f}", "stock", our_seconds, their_seconds)]


def until(goal: float, side: Side) -> float:
    """Return the seconds until N@10 reaches ``goal``, with those of an evaluation after every fifth epoch."""
    seconds, value = 0.0, 0.0
    for number in range(1, 10 * GOAL_EPOCHS + 1):
        seconds += side.seconds("epoch")
        if number % 5 == 0:
            spent, value = side.value("evaluate", "sampled")
            seconds += spent
            if value >= goal:
                return seconds
    raise SystemExit(f"N@10 {goal:.3f} was not met in {10 * GOAL_EPOCHS} epochs; the last was {value:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="beauty", help="one of the product's sets, such as beauty or beauty-sim")
    parser.add_argument("--models", nargs="+", default=list(PAIRS), choices=list(PAIRS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    rows = []
    for name in args.models:
        with tempfile.TemporaryDirectory() as folder:
            rows += measure(name, args.dataset, args.runs, folder, args.threads)
    note = f"Times RecBole's own classes on {args.dataset}: medians of {args.runs} interleaved runs, "
    note += f"{args.threads} CPU threads, torch {torch.__version__}."
    print(save(rows, "versus-recbole", note=note))


if __name__ == "__main__":
    run(main)
