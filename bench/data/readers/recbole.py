"""``.inter`` files: MMRec's layout (a column ``x_label`` names the part) and RecBole's atomic files."""

import shlex
from pathlib import Path

import numpy as np
import pandas as pd

from bench.data.cache import Recipe, sha256
from bench.data.dataset import Dataset, Rows, renumber
from bench.data.preparing import keep_core, leave_one_out, number
from bench.data.readers.features import catalogue, count_empty, count_unread, dense, read_features, weigh
from bench.data.readers.folders import PARTS, list_files
from bench.data.readers.frames import read_columns, read_header, word_columns
from bench.data.readers.lists import as_id, fail
from bench.spec import BenchError, unknown

USER = ("user_id", "userID", "user")
ITEM = ("item_id", "itemID", "item")


def inter_recipe(folder: Path, features: str | None, *, core: int = 0) -> Recipe:
    """The recipe of a folder with an ``.inter`` file, MMRec's layout where it has a column ``x_label``."""
    inter = find_inter(folder)
    present = list_files(folder)
    tables = {modality: folder / file for modality, file in dense(present).items()}
    if "x_label" in read_header(inter):
        # the second setting keeps records apart that were made when ids without interactions counted as items
        base, offered, settings = "npy", tables, {"layout": "mmrec", "ids": "catalogue"}
    elif tables:
        raise BenchError(
            f"{inter}: feature rows (.npy) need a column x_label and item ids that count rows from 0; python -m bench "
            f"import {shlex.quote(str(inter))} --features MODALITY=FILE --out NEW brings rows of any order along"
        )
    else:
        item_file = inter.with_suffix(".item")
        has_words = item_file.exists() and word_columns(read_header(item_file))
        base, offered = "words", {"textual": item_file} if has_words else {}
        settings = {"layout": "recbole", "core": core}
    known = [base, "none"] if offered else ["none"]
    feature_id = features or known[0]
    if feature_id not in known:
        raise unknown("features", feature_id, known)
    files = offered if feature_id == base else {}

    def build() -> Dataset:
        if base == "npy":
            return read_mmrec(inter, files, feature_id)
        return read_recbole(inter, files.get("textual"), feature_id, core=core)

    digests = {path.name: sha256(path) for path in [inter, *files.values()]}
    more = {"settings": settings, "modalities": tuple(files), "warnings": tuple(count_unread(present))}
    return Recipe(feature_id=feature_id, digests=digests, build=build, **more)


def find_inter(folder: Path) -> Path:
    found = sorted(folder.glob("*.inter"))
    named = [path for path in found if path.stem == folder.name]
    if len(named or found) != 1:
        raise BenchError(f"{folder}: one .inter file is expected, found {', '.join(p.name for p in found) or 'none'}")
    return (named or found)[0]


def read_mmrec(inter: Path, files: dict[str, Path], feature_id: str) -> Dataset:
    """MMRec's layout: integer ids, ``x_label`` 0, 1, 2 = train, validation, test, feature row = item id.

    Raises:
        BenchError: for a broken file, with its line.
    """
    lines, columns = read_columns(inter, USER, ITEM, ("x_label",))
    user, item, label = np.array(
        [[as_id(word, inter, line) for line, word in zip(lines, column, strict=True)] for column in columns]
    )
    for row in np.flatnonzero(label > 2)[:1]:
        raise fail(inter, lines[row], f"x_label {label[row]} is none of 0, 1, 2")
    parts = {part: np.stack([user, item], axis=1)[label == k] for k, part in enumerate(PARTS)}
    items, added = catalogue(files, np.stack([user, item], axis=1))
    pairs, ids, gaps = renumber(parts, items=items)
    rows, found = read_features(files, ids["item"])
    return Dataset.of(pairs, ids, rows, feature_id=feature_id, warnings=gaps + added + found)


def read_recbole(inter: Path, item_file: Path | None, feature_id: str, *, core: int) -> Dataset:
    """RecBole's atomic files, every interaction kept whatever its rating, split by ``leave_one_out``.

    Users and items are left out until each has ``core`` interactions, then numbered from 0 in the order of
    their tokens (numeric where all are numbers).

    Raises:
        BenchError: for a broken file, with its line.
    """
    lines, (*tokens, stamps) = read_columns(inter, USER, ITEM, ("timestamp",))
    for kind, column in zip(("user", "item"), tokens, strict=True):
        if "" in column:
            raise fail(inter, lines[column.index("")], f"there is no {kind} id")
    times = np.array([as_time(word, inter, line) for line, word in zip(lines, stamps, strict=True)])
    kept = keep_core(*(np.unique(some, return_inverse=True)[1] for some in tokens), core=core)
    if not kept.any():
        raise BenchError(f"{inter}: no user and item have {core} interactions")
    (users, user), (items, item) = (number(np.array(some)[kept]) for some in tokens)
    pairs = dict(zip(PARTS, leave_one_out(np.stack([user, item], axis=1), times[kept]), strict=True))
    rows = {"textual": read_item_words(item_file, items)} if item_file else {}
    ids = {"user": np.array(users), "item": np.array(items)}
    return Dataset.of(pairs, ids, rows, feature_id=feature_id, warnings=count_empty(rows))


def as_time(word: str, path: Path, line: int) -> float:
    try:
        time = float(word)
    except ValueError:
        time = np.nan
    if not np.isfinite(time):
        raise fail(path, line, f"timestamp {word!r} is not a number")
    return time


def read_item_words(path: Path, tokens: list[str]) -> Rows:
    """(n_items, word) unit TF-IDF rows of all ``token_seq`` columns of an ``.item`` file.

    A word counts once per column that it stands in: the genre Comedy is not the title word Comedy.

    Raises:
        BenchError: for a broken file or an item with two lines, with its line; where no item has a word.
    """
    columns = word_columns(read_header(path))
    lines, (owners, *texts) = read_columns(path, ITEM, *([name] for name in columns))
    place_of = {token: place for place, token in enumerate(tokens)}
    items, words = [], []
    for row in np.flatnonzero(pd.Index(owners).duplicated())[:1]:
        raise fail(path, lines[row], f"item {owners[row]} has two lines; keep one")
    for token, *own in zip(owners, *texts, strict=True):
        if token in place_of:
            found = [f"{c}:{word.lower()}" for c, text in zip(columns, own, strict=True) for word in text.split()]
            items += [place_of[token]] * len(found)
            words += found
    if not words:
        raise BenchError(f"{path}: no item of the interactions has a word")
    return weigh(np.array(items), np.array(words), n_items=len(tokens))
