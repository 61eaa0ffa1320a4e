"""Writing small data folders, and where the paper's files are."""

import os
from pathlib import Path

import numpy as np

from bench.data.dataset import Dataset

NEAR = Path(__file__).parents[2] / ".." / "shared" / "data" / "megcf"
DATA = Path(os.environ.get("MCLN_BENCH_DATA", NEAR))
GOOD = {
    "train.txt": "0 0 1 2\n1 1 3\n2 2 0\n",
    "validation.txt": "0 1\n1 3\n2 0\n",
    "test.txt": "0 3\n1 0\n2 1\n",
    "i2e_visual.txt": "0 5 5 9\n2 9\n1 5 \n3\n",
    "i2e_title.txt": "0 100\n1 100 7\n2 7\n3 8\n",
    "i2e_review.txt": "0 1\n1 2\n2 3\n3 1\n",
}


def write_folder(folder: Path, files: dict[str, str] | None = None, **tables: np.ndarray) -> Path:
    """Text ``files`` and, for each of ``tables``, ``<name>_feat.npy``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (GOOD if files is None else files).items():
        (folder / name).write_text(text)
    for name, table in tables.items():
        np.save(folder / f"{name}_feat.npy", table)
    return folder


def lists_only() -> dict[str, str]:
    return {name: text for name, text in GOOD.items() if not name.startswith("i2e_")}


def dataset(train, valid, test, *, n_users, n_items, features=None) -> Dataset:
    parts = {"train": train, "valid": valid, "test": test}
    pairs = {part: np.array(rows, dtype=np.int64).reshape(-1, 2) for part, rows in parts.items()}
    more = {"features": features or {}, "feature_id": "none", "hash": "0" * 64}
    return Dataset(name="hand", n_users=n_users, n_items=n_items, **pairs, **more)


def same(a: Dataset, b: Dataset) -> bool:
    """Equal in every field."""
    for part in ("train", "valid", "test"):
        assert np.array_equal(getattr(a, part), getattr(b, part))
    for field in ("name", "n_users", "n_items", "feature_id", "hash", "warnings", "planted"):
        assert getattr(a, field) == getattr(b, field)
    assert list(a.features) == list(b.features)
    for modality, rows in a.features.items():
        other = b.features[modality]
        assert type(rows) is type(other)
        assert rows.dtype == other.dtype == np.float32
        assert not abs(rows - other).sum()
    return True


def spread(files: dict[str, str], *, factor: int, first: int) -> dict[str, str]:
    """``files`` with every item id ``first`` plus ``factor`` times what it was."""

    def moved(name: str, line: str) -> str:
        numbers = [int(word) for word in line.split()]
        items = slice(0, 1) if name.startswith("i2e_") else slice(1, None)
        numbers[items] = [first + factor * item for item in numbers[items]]
        return " ".join(map(str, numbers))

    return {name: "\n".join(moved(name, line) for line in text.splitlines()) + "\n" for name, text in files.items()}
