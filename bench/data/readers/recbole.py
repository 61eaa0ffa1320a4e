"""Reads ``.inter`` files: MMRec's layout (a column ``x_label`` names the part) and RecBole's atomic files."""

import os
import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bench.data.cache import Recipe, sha256
from bench.data.columns import ITEM, LABEL, TIME, USER, column, numbers, tokens
from bench.data.dataset import Dataset, Rows
from bench.data.preparing import keep_core, leave_one_out, number
from bench.data.readers.features import count_empty, count_unread, dense, weigh
from bench.data.readers.folders import PARTS, list_files, with_rows
from bench.data.readers.lists import LARGEST_ID
from bench.data.tables import header, read_table
from bench.spec import BenchError, unknown


def inter_recipe(folder: Path, features: str | None, *, core: int = 0) -> Recipe:
    """Return the recipe of a folder with an ``.inter`` file, in MMRec's layout if it has a column ``x_label``."""
    inter = find_inter(folder)
    present = list_files(folder)
    tables = {modality: folder / file for modality, file in dense(present).items()}
    if LABEL in header(inter)[0]:
        # ``ids`` gives another key than that of older records, in which ids without interactions counted as items
        base, offered, read = "npy", tables, read_mmrec
        settings = {"layout": "mmrec", "ids": "catalogue"}
    elif tables:
        raise BenchError(
            f"{inter}: feature rows (.npy) need a column x_label and item ids that count rows from 0; python -m bench "
            f"import {shlex.quote(str(inter))} --features MODALITY=FILE --out NEW brings rows of any order along"
        )
    else:
        item_file = inter.with_suffix(".item")
        offered = {"textual": item_file} if os.path.lexists(item_file) and word_columns(item_file) else {}
        base, read, settings = "words", partial(read_recbole, core=core), {"layout": "recbole", "core": core}
    choices = [base, "none"] if offered else ["none"]
    feature_id = features or choices[0]
    if feature_id not in choices:
        raise unknown(f"features of {folder.name}", feature_id, choices)
    files = offered if feature_id == base else {}
    return Recipe(
        feature_id=feature_id,
        digests={path.name: sha256(path) for path in [inter, *files.values()]},
        settings=settings,
        modalities=tuple(files),
        warnings=tuple(count_unread(present)),
        build=lambda: read(inter, files, feature_id),
    )


def find_inter(folder: Path) -> Path:
    """Return the ``.inter`` file that has the name of its folder, or the only one."""
    paths = sorted(folder.glob("*.inter"))
    named = [path for path in paths if path.stem == folder.name]
    if len(named or paths) != 1:
        raise BenchError(f"{folder}: one .inter file is expected, found {', '.join(p.name for p in paths) or 'none'}")
    return (named or paths)[0]


def read_mmrec(inter: Path, files: dict[str, Path], feature_id: str) -> Dataset:
    """Read MMRec's layout: integer ids, ``x_label`` 0, 1, 2 = train, validation, test, feature row = item id."""
    label, *pairs = columns_of(inter, (LABEL,), USER, ITEM)
    label = whole_numbers(label, inter, below=len(PARTS))
    pairs = np.stack([whole_numbers(ids, inter, below=LARGEST_ID) for ids in pairs], axis=1)
    parts = {part: pairs[label == k] for k, part in enumerate(PARTS)}
    if not len(parts["train"]):
        raise BenchError(f"{inter}: no row has an x_label of 0, so that there is nothing to train on; mark some")
    return with_rows(parts, files, feature_id)


def read_recbole(inter: Path, files: dict[str, Path], feature_id: str, *, core: int) -> Dataset:
    """Read RecBole's atomic files: interactions of every rating, split by ``leave_one_out``.

    Users and items are left out until each has ``core`` interactions, then numbered from 0 in the order of
    their tokens (numerical where all are numbers).
    """
    times, *named = columns_of(inter, TIME, USER, ITEM)
    times, named = numbers(times, str(inter)), [tokens(ids, str(inter)) for ids in named]
    is_kept = keep_core(*(np.unique(ids, return_inverse=True)[1] for ids in named), core=core)
    if not is_kept.any():
        raise BenchError(f"{inter}: no user and item have {core} interactions")
    (users, user), (items, item) = (number(ids[is_kept]) for ids in named)
    pairs = dict(zip(PARTS, leave_one_out(np.stack([user, item], axis=1), times[is_kept]), strict=True))
    rows = {modality: read_item_words(path, items) for modality, path in files.items()}
    ids = {"user": np.array(users), "item": np.array(items)}
    return Dataset.of(pairs, ids, rows, feature_id=feature_id, warnings=count_empty(rows))


def read_item_words(path: Path, items: list[str]) -> Rows:
    """Return (n_items, word) unit TF-IDF rows of all ``token_seq`` columns of an ``.item`` file.

    The same word in two columns counts as two words: the genre Comedy is not the title word Comedy.
    """
    names = word_columns(path)
    owners, *texts = columns_of(path, ITEM, *([name] for name in names))
    owners = tokens(owners, str(path))
    for row in np.flatnonzero(pd.Index(owners).duplicated())[:1]:
        raise BenchError(f"{path}: row {row + 1}: item {owners[row]} has two rows; keep one")
    place_of = {item: place for place, item in enumerate(items)}
    places, words = [], []
    for owner, *cells in zip(owners, *texts, strict=True):
        if owner in place_of:
            named = [f"{name}:{word.lower()}" for name, cell in zip(names, cells, strict=True) for word in cell.split()]
            places += [place_of[owner]] * len(named)
            words += named
    if not words:
        raise BenchError(f"{path}: no item of the interactions has a word")
    return weigh(np.array(places), np.array(words), n_items=len(items))


def word_columns(path: Path) -> list[str]:
    """Return the names of the columns of words, which RecBole gives the type ``token_seq``."""
    names, kinds, _ = header(path)
    return [name for name, kind in zip(names, kinds, strict=True) if kind == "token_seq"]


def columns_of(path: Path, *choices: Sequence[str]) -> list[pd.Series]:
    """Return columns as text, one for each of ``choices``, which are the names that this column may have."""
    frame = read_table(path, as_text=header(path)[0])
    if frame.empty:
        raise BenchError(f"{path} has a header only; add the rows")
    remedy = "the first line must name the columns, which tabs separate; python -m bench import reads other tables"
    return [column(frame, names, str(path), remedy).fillna("") for names in choices]


def whole_numbers(values: pd.Series, path: Path, *, below: int) -> np.ndarray:
    """Return a column as whole numbers (n,) from 0 to ``below`` - 1."""
    floats = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    for row in np.flatnonzero(~((floats >= 0) & (floats < below) & (floats % 1 == 0)))[:1]:
        why = f"{values.name} {values.iloc[row][:40]!r} is no whole number from 0 to {below - 1:,}"
        raise BenchError(f"{path}: row {row + 1}: {why}; correct it, or give the file to python -m bench import")
    return floats.astype(np.int64)
