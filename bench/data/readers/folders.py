"""Folders of ``train.txt``, ``validation.txt`` and ``test.txt``, each line ``user item item ...``."""

import shlex
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.data.cache import Recipe, sha256
from bench.data.dataset import Dataset, renumber
from bench.data.readers.features import ROWS, catalogue, count_unread, read_features, select
from bench.data.readers.lists import read_lines, read_lists, words_of
from bench.data.tables import read_table
from bench.spec import BenchError

PARTS = {"train": "train.txt", "valid": "validation.txt", "test": "test.txt"}
ALSO = {"valid": ("valid.txt", "val.txt", "dev.txt")}  # what people call the parts beside these names


def folder_recipe(folder: Path, features: str | None) -> Recipe:
    """The recipe of any folder; its features are those whose files lie there.

    Raises:
        BenchError: for a part that is missing, with what to do about it.
    """
    present = list_files(folder)
    for part, name in PARTS.items():
        others = [other for other in ALSO.get(part, ()) if other in present]
        if name not in present and others:
            raise BenchError(f"{folder / name} is missing, but there is {others[0]}; rename it {name}")
        if name not in present and part == "valid":
            how = f"python -m bench import {shlex.quote(str(folder))} --out NEW holds out a pair of each user"
            raise BenchError(f"{folder / name} is missing; {how}")
    # the setting keeps records apart that were made when ids without interactions counted as items
    return recipe(present, lambda file: folder / file, features=features, ids="catalogue")


def list_files(folder: Path) -> list[str]:
    """What lies there and is no folder; a broken link is named as missing when it is read."""
    return sorted(path.name for path in folder.iterdir() if not path.is_dir())


def original_ids(folder: Path, kind: str, numbers: np.ndarray) -> np.ndarray:
    """The ids that users or items had before import numbered them, as ``users.csv`` and ``items.csv`` keep them.

    Args:
        kind: user or item.
        numbers: (n,) as in the lists; they come back where the folder keeps no ids.

    Raises:
        BenchError: where the file does not have one of them.
    """
    path = folder / f"{kind}s.csv"
    table = read_table(path, as_text=("id",)) if path.is_file() else pd.DataFrame()
    if not {"number", "id"} <= set(table.columns):
        return numbers
    known = dict(zip(table["number"], table["id"], strict=True))
    if missing := [number for number in numbers.tolist() if number not in known]:
        raise BenchError(f"{path} has no id for {kind} {missing[0]} of the lists; import the data set again")
    return np.array([known[number] for number in numbers.tolist()])


def about(rows: Path) -> Path:
    """The file that says which encoder made the ``rows``, where ``extract`` did; it enters the data's identity."""
    return rows.with_suffix(".json")


def recipe(
    present: Collection[str],
    locate: Callable[[str], Path],
    *,
    features: str | None,
    modalities: Sequence[str] | None = None,
    **settings: str,
) -> Recipe:
    """How the lists and features among the files ``present`` are read.

    Args:
        locate: where a file of that name lies.
        features, modalities: as ``select``.
        settings: what else enters the hash.
    """
    feature_id, chosen = select(present, features, modalities=modalities)
    made_by = [name for file in chosen.values() if (name := about(Path(file)).name) in present]
    paths = {file: locate(file) for file in (*PARTS.values(), *chosen.values(), *made_by)}
    digests = {file: sha256(path) for file, path in paths.items()}
    parts = {part: paths[file] for part, file in PARTS.items()}
    rows = {modality: paths[file] for modality, file in chosen.items()}
    return Recipe(
        feature_id=feature_id,
        digests=digests,
        settings={"modalities": list(chosen), **settings},
        modalities=tuple(chosen),
        warnings=tuple(count_unread(present)),
        build=lambda: read_folder(parts, rows, feature_id),
    )


def read_folder(parts: dict[str, Path], files: dict[str, Path], feature_id: str) -> Dataset:
    """Read the three lists and the features. A user is who has a line, an item what is in a list (see ``catalogue``).

    Raises:
        BenchError: for a broken file, with its line.
    """
    lists = {part: read_lists(path, "user") for part, path in parts.items()}
    if not len(lists["train"].pairs):
        raise BenchError(f"{parts['train']}: no user has an item")
    users = np.concatenate([list(own.lines) for own in lists.values()])
    given = {part: own.pairs for part, own in lists.items()}
    items, added = catalogue(files, np.concatenate(list(given.values())))
    pairs, ids, gaps = renumber(given, users=users, items=items)
    rows, found = read_features(files, ids["item"])
    return Dataset.of(pairs, ids, rows, feature_id=feature_id, warnings=gaps + added + found)


def read_loose(folder: Path) -> tuple[pd.DataFrame, dict[str, Path]]:
    """A folder that is nearly right, with ids of any kind, other names of files, no validation or test.

    Returns:
        The pairs as ``user_id``, ``item_id``, and ``x_label`` where there are parts; modality to its
        ``.npy`` file.

    Raises:
        BenchError: where there is no train.txt, a part or a modality has two files, or a list cannot be read.
    """
    present, rows = list_files(folder), []
    if PARTS["train"] not in present:
        raise BenchError(f"{folder} has no train.txt; give the file that holds the interactions")
    for label, (part, name) in enumerate(PARTS.items()):
        for file in the_one(folder, Path(name).stem, [one for one in (name, *ALSO.get(part, ())) if one in present]):
            for number, line in read_lines(folder / file):
                user, *items = words_of(line, folder / file, number)
                rows += [(user, item, label) for item in items]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "x_label"])
    found = {}
    for file in present:
        if match := ROWS.fullmatch(file):
            found.setdefault(match[1], []).append(file)
    files = {
        modality: folder / file for modality, several in found.items() for file in the_one(folder, modality, several)
    }
    return (frame if frame["x_label"].any() else frame.drop(columns="x_label")), files


def the_one(folder: Path, what: str, files: list[str]) -> list[str]:
    """The ``files``, of which there is one at most.

    Raises:
        BenchError: where there are two.
    """
    if len(files) > 1:
        raise BenchError(f"{folder} has two files of {what}, {files[0]} and {files[1]}; keep one")
    return files
