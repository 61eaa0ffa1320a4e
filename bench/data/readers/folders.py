"""Reads folders of ``train.txt``, ``validation.txt`` and ``test.txt``, whose lines are ``user item item ...``."""

import os
import shlex
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.data.cache import Recipe, sha256
from bench.data.columns import ITEM, LABEL, USER
from bench.data.dataset import Dataset, Pairs, renumber
from bench.data.readers.features import ROWS, catalogue, count_unread, read_features, select
from bench.data.readers.lists import read_lines, read_lists, refuse_marks, words_of
from bench.data.tables import read_table
from bench.spec import BenchError

PARTS = {"train": "train.txt", "valid": "validation.txt", "test": "test.txt"}
FILES = (".npy", ".txt", ".json")  # the endings of the files that are looked for by their names
ALSO = {"valid": ("valid.txt", "val.txt", "dev.txt")}  # other usual names of the files of a part


def folder_recipe(folder: Path, features: str | None) -> Recipe:
    """Return the recipe of any folder; its features are those whose files are there."""
    present = list_files(folder)
    for part, name in PARTS.items():
        other_names = [other for other in ALSO.get(part, ()) if other in present]
        if name not in present and other_names:
            raise BenchError(f"{folder / name} is missing, but there is {other_names[0]}; rename it {name}")
        if name not in present and part == "valid":
            how = f"python -m bench import {shlex.quote(str(folder))} --out NEW holds out a pair of each user"
            raise BenchError(f"{folder / name} is missing; {how}")
    # ``ids`` gives another key than that of older records, in which ids without interactions counted as items
    return recipe(present, lambda file: folder / file, name=folder.name, features=features, ids="catalogue")


def list_files(folder: Path) -> list[str]:
    """Return the names of the files in ``folder``; a broken link is an error when it is read.

    So is a folder that ends in .npy, .txt or .json, as a copy that went wrong may leave in the place of a file.
    """
    return sorted(path.name for path in folder.iterdir() if path.suffix in FILES or not path.is_dir())


def original_ids(folder: Path, kind: str, numbers: np.ndarray) -> np.ndarray:
    """Return the ids of "user" or "item" before import numbered them, from ``users.csv`` or ``items.csv``; where the
    folder has none, the ``numbers`` (n,) that they have in the lists."""
    path = folder / f"{kind}s.csv"
    table = read_table(path, as_text=("id",)) if os.path.lexists(path) else pd.DataFrame()
    if not {"number", "id"} <= set(table.columns):
        return numbers
    id_of = dict(zip(table["number"], table["id"], strict=True))
    if missing := [number for number in numbers.tolist() if number not in id_of]:
        raise BenchError(f"{path} has no id for {kind} {missing[0]} of the lists; import the data set again")
    return np.array([id_of[number] for number in numbers.tolist()])


def about(rows: Path) -> Path:
    """Return the path of the file in which ``extract`` names the encoder of ``rows``; it is part of the data's hash."""
    return rows.with_suffix(".json")


def recipe(
    present: Collection[str],
    locate: Callable[[str], Path],
    *,
    name: str,
    features: str | None,
    modalities: Sequence[str] | None = None,
    folder: Path | str = "",
    **settings: str,
) -> Recipe:
    """Return the recipe of the lists and features among the files ``present``, whose paths ``locate`` gives. The
    ``settings`` are part of the hash; the other arguments are those of ``select``."""
    feature_id, chosen = select(present, features, name=name, modalities=modalities, folder=folder)
    encoders = [own for file in chosen.values() if (own := about(Path(file)).name) in present]
    paths = {file: locate(file) for file in (*PARTS.values(), *chosen.values(), *encoders)}
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
    """Read the three lists and the features; users are those with a line, items those in a list (see ``catalogue``)."""
    lines, pairs = {}, {}
    for part, path in parts.items():
        lines[part], pairs[part] = read_lists(path, "user")
    if not len(pairs["train"]):
        raise BenchError(f"{parts['train']}: no user has an item")
    return with_rows(pairs, files, feature_id, users=np.concatenate([list(users) for users in lines.values()]))


def with_rows(
    id_pairs: dict[str, Pairs], files: dict[str, Path], feature_id: str, *, users: Sequence[int] | np.ndarray = ()
) -> Dataset:
    """Return the data set of pairs of ids by part, and ``users`` without pairs, with the feature rows of its items."""
    items, item_warnings = catalogue(files, np.concatenate(list(id_pairs.values())))
    pairs, ids, gap_warnings = renumber(id_pairs, users=users, items=items)
    rows, row_warnings = read_features(files, ids["item"])
    return Dataset.of(pairs, ids, rows, feature_id=feature_id, warnings=gap_warnings + item_warnings + row_warnings)


def read_loose(folder: Path) -> tuple[pd.DataFrame, dict[str, Path], int]:
    """Read a folder of lists that may have ids of any kind, other names of files, and no validation or test.

    Returns the pairs, with a column ``x_label`` where there are other parts than train; the ``.npy`` file of each
    modality; the number of users who have a line but no item.
    """
    present, rows, users = list_files(folder), [], set()
    if PARTS["train"] not in present:
        raise BenchError(f"{folder} has no train.txt; give the file that holds the interactions")
    for label, (part, name) in enumerate(PARTS.items()):
        candidates = [file for file in (name, *ALSO.get(part, ())) if file in present]
        for file in at_most_one(folder, Path(name).stem, candidates):
            for number, line in read_lines(folder / file):
                user, *items = words_of(line, folder / file, number)
                # the first line has one word: a user without items, or ids and commas; "u, i, j" has blanks as well
                if not (rows or items) or user.endswith((",", ";", "|")):
                    refuse_marks(user, folder / file, number)
                rows += [(user, item, label) for item in items]
                users.add(user)
    frame = pd.DataFrame(rows, columns=[USER[0], ITEM[0], LABEL])
    by_modality = {}
    for file in present:
        if match := ROWS.fullmatch(file):
            by_modality.setdefault(match[1], []).append(file)
    rows_files = {m: folder / file for m, files in by_modality.items() for file in at_most_one(folder, m, files)}
    n_without = len(users - set(frame[USER[0]]))
    return (frame if frame[LABEL].any() else frame.drop(columns=LABEL)), rows_files, n_without


def at_most_one(folder: Path, what: str, files: list[str]) -> list[str]:
    """Return ``files``, of which there may be one at most."""
    if len(files) > 1:
        raise BenchError(f"{folder} has two files of {what}, {files[0]} and {files[1]}; keep one")
    return files
