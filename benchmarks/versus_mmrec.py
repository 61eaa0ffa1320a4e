"""How many times faster an epoch is than that of MMRec's own code, for the same model on the same data.

    git clone https://github.com/enoche/MMRec
    python -m benchmarks.versus_mmrec MMRec --dataset beauty-sim

Both sides train on the same pairs with the same batch size, vectors, layers and content. The data set is written in
MMRec's layout, with the first modality in the place of the images and the second in that of the texts. Each side has a
process of its own, ours as the runner starts it; they take turns, and a ratio is MMRec's median over ours. MMRec is
changed only where it would not start: stand-ins replace the packages lmdb and torchvision, which it imports but does
not use here, and SciPy gets back a private method that newer versions lack.
"""

import argparse
import importlib.util
import os
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch

from bench.nn.absent import Absent
from bench.spec import BenchError
from benchmarks.measure import Side, compare, fill_adjacency_through_scipy, make_ready, run, save

EQUAL = {  # (our settings, MMRec's settings) that make both sides do the same work
    "LightGCN": ({"n_layers": 3}, {"n_layers": 3, "reg_weight": 1e-4}),
    "FREEDOM": ({}, {"reg_weight": 1e-3, "dropout": 0.8, "n_ui_layers": 2, "n_mm_layers": 1, "knn_k": 10}),
    "BM3": ({}, {"n_layers": 1, "dropout": 0.5, "reg_weight": 0.1, "cl_weight": 2.0}),
    "LGMRec": (
        {},
        {"n_ui_layers": 2, "n_mm_layers": 2, "n_hyper_layer": 1, "hyper_num": 4}
        | {"keep_rate": 0.5, "alpha": 0.3, "cl_weight": 1e-4, "reg_weight": 1e-6},
    ),
}
FILES = ("image_feat.npy", "text_feat.npy")
UNUSED = ("lmdb", "torchvision", "torchvision.transforms", "torchvision.transforms.functional")


class Theirs:
    """The model ``name`` of MMRec with MMRec's loader and trainer, from a checkout of its repository."""

    def __init__(self, name: str, checkout: str, folder: str):
        fill_adjacency_through_scipy()
        sys.modules.update({u: Absent(u) for u in UNUSED if importlib.util.find_spec(u.partition(".")[0]) is None})
        source = str(Path(checkout) / "src")
        sys.path.insert(0, source)
        sys.modules["models"] = ModuleType("models")  # MMRec's folder has the name of our package
        sys.modules["models"].__path__ = [f"{source}/models"]
        os.chdir(source)  # MMRec looks for its settings in the current folder
        from common.trainer import Trainer
        from utils.configurator import Config
        from utils.dataloader import TrainDataLoader
        from utils.dataset import RecDataset
        from utils.utils import get_model, init_seed

        places = {"data_path": f"{folder}/", "inter_file_name": "same.inter", "field_separator": "\t"}
        fields = {"USER_ID_FIELD": "userID", "ITEM_ID_FIELD": "itemID", "use_gpu": False, "seed": 0}
        content = dict(zip(("vision_feature_file", "text_feature_file"), FILES, strict=True))
        config = Config(name, "same", {**places, **fields, **content, **EQUAL[name][1]})
        init_seed(0)
        pairs = RecDataset(config).split()[0]
        str(pairs)  # as a side effect, this counts the pairs
        self.train = TrainDataLoader(config, pairs, batch_size=config["train_batch_size"], shuffle=True)
        self.model = get_model(name)(config, self.train).to(config["device"])
        self.trainer = Trainer(config, self.model)

    def epoch(self) -> None:
        self.model.pre_epoch_processing()
        self.trainer._train_epoch(self.train, 0)


def write(folder: str, train: np.ndarray, *, n_users: int, n_items: int, content: Mapping[str, Any]) -> None:
    """Write the data set in MMRec's layout; a last line outside the training part gives the numbers of users and items.

    Args:
        train: (n, 2) the training pairs.
        content: the rows of each modality, dense or sparse.

    Raises:
        BenchError: for a data set without content, or with more modalities than MMRec knows.
    """
    if not 1 <= len(content) <= len(FILES):
        raise BenchError(f"MMRec takes one or two modalities, and the data set has {len(content)}; choose another")
    place = Path(folder) / "same"
    place.mkdir()
    pairs = np.concatenate([train, [[n_users - 1, n_items - 1]]])
    labels = np.append(np.zeros(len(train), dtype=np.int64), 2)
    frame = pd.DataFrame({"userID": pairs[:, 0], "itemID": pairs[:, 1], "x_label": labels})
    frame.to_csv(place / "same.inter", sep="\t", index=False)
    for file, rows in zip(FILES, content.values(), strict=False):
        np.save(place / file, np.asarray(rows.toarray() if sp.issparse(rows) else rows, dtype=np.float32))


def measure(name: str, dataset: str, checkout: str, runs: int, threads: int) -> list[dict]:
    """Return the row of the model ``name``."""
    make = partial(make_ready, dataset, name, protocol="clean", sampling="interaction", **EQUAL[name][0])
    with tempfile.TemporaryDirectory() as folder:
        with Side(make, threads=threads) as ours:
            prepared = ours.value("data")[1]
            data = prepared.dataset
            write(folder, prepared.split.train, n_users=data.n_users, n_items=data.n_items, content=data.features)
            with Side(Theirs, name, checkout, folder, threads=threads, is_job=False) as theirs:
                return compare(name, "train epoch", ours, theirs, {"MMRec": ("epoch",)}, runs=runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mmrec", help="a checkout of MMRec's repository")
    parser.add_argument("--dataset", default="beauty-sim", help="a name or folder with one or two modalities")
    parser.add_argument("--models", nargs="+", default=list(EQUAL), choices=list(EQUAL))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    if not (Path(args.mmrec) / "src" / "models").is_dir():
        raise BenchError(f"{args.mmrec} is no checkout of MMRec; clone it from github.com/enoche/MMRec")
    checkout, rows = str(Path(args.mmrec).resolve()), []
    for name in args.models:
        rows += measure(name, args.dataset, checkout, args.runs, args.threads)
    note = f"Times MMRec's own classes on {Path(args.dataset).name}: medians of {args.runs} interleaved runs, "
    note += f"{args.threads} CPU threads, torch {torch.__version__}."
    print(save(rows, "versus-mmrec", note=note))


if __name__ == "__main__":
    run(main)
