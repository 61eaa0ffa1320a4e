"""``.inter`` files: MMRec's layout (a column ``x_label`` names the part) and RecBole's atomic files."""

from pathlib import Path

import numpy as np

from bench.data.cache import Recipe, sha256
from bench.data.columns import read_columns, read_header, word_columns
from bench.data.dataset import Dataset
from bench.data.features import Rows, count_empty, dense, read_features, weigh
from bench.data.text_files import as_id, fail
from bench.spec import BenchError, unknown

USER = ("user_id", "userID", "user")
ITEM = ("item_id", "itemID", "item")


def inter_recipe(folder: Path, features: str | None, *, core: int = 0) -> Recipe:
    """The recipe of a folder with an ``.inter`` file, MMRec's layout where it has a column ``x_label``."""
    inter = find_inter(folder)
    header = read_header(inter)
    tables = {m: folder / file for m, file in dense([path.name for path in folder.iterdir()]).items()}
    if "x_label" in header:
        feature_id, files = choose("npy", features, tables)
        paths = [inter, *files.values()]
        return Recipe(
            feature_id=feature_id,
            digests={path.name: sha256(path) for path in paths},
            settings={"layout": "mmrec"},
            modalities=tuple(files),
            build=lambda: read_mmrec(inter, files, feature_id),
        )
    if tables:
        raise BenchError(f"{inter}: feature rows (.npy) need a column x_label and item ids that count rows from 0")
    item_file = inter.with_suffix(".item")
    has_words = item_file.exists() and word_columns(read_header(item_file))
    feature_id, files = choose("words", features, {"textual": item_file} if has_words else {})
    return Recipe(
        feature_id=feature_id,
        digests={path.name: sha256(path) for path in [inter, *files.values()]},
        settings={"layout": "recbole", "core": core},
        modalities=tuple(files),
        build=lambda: read_recbole(inter, files.get("textual"), feature_id, core=core),
    )


def choose(base: str, features: str | None, files: dict[str, Path]) -> tuple[str, dict[str, Path]]:
    offered = [base, "none"] if files else ["none"]
    if features not in {None, *offered}:
        raise unknown("features", features, offered)
    chosen = features or offered[0]
    return chosen, {} if chosen == "none" else files


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
    user, item, label = (
        np.array([as_id(v.encode(), inter, n) for n, v in zip(lines, values, strict=True)], dtype=np.int64)
        for values in columns
    )
    for row in np.flatnonzero(label > 2)[:1]:
        raise fail(inter, lines[row], f"x_label {label[row]} is none of 0, 1, 2")
    rows, n_items, warnings = read_features(files, int(item.max()) + 1)
    pairs = np.stack([user, item], axis=1)
    parts = {part: pairs[label == k] for k, part in enumerate(("train", "valid", "test"))}
    return Dataset(
        name="",
        n_users=int(user.max()) + 1,
        n_items=n_items,
        **parts,
        features=rows,
        feature_id=feature_id,
        hash="",
        warnings=warnings,
    )


def read_recbole(inter: Path, item_file: Path | None, feature_id: str, *, core: int) -> Dataset:
    """RecBole's atomic files, every interaction kept whatever its rating, split by ``leave_one_out``.

    Users and items are left out until each has ``core`` interactions, then renumbered from 0 in the order of
    their tokens (numeric where all are numbers).

    Raises:
        BenchError: for a broken file, with its line.
    """
    lines, (*tokens, stamps) = read_columns(inter, USER, ITEM, ("timestamp",))
    times = np.array([as_time(value, inter, n) for n, value in zip(lines, stamps, strict=True)])
    kept = keep_core(*(np.unique(some, return_inverse=True)[1] for some in tokens), core=core)
    if not kept.any():
        raise BenchError(f"{inter}: no user and item have {core} interactions")
    (_, user), (names, item) = (renumber(np.array(some)[kept]) for some in tokens)
    train, valid, test = leave_one_out(np.stack([user, item], axis=1), times[kept])
    rows = {"textual": read_item_words(item_file, names)} if item_file else {}
    return Dataset(
        name="",
        n_users=int(user.max()) + 1,
        n_items=len(names),
        train=train,
        valid=valid,
        test=test,
        features=rows,
        feature_id=feature_id,
        hash="",
        warnings=count_empty(rows),
    )


def as_time(word: str, path: Path, line: int) -> float:
    try:
        time = float(word)
    except ValueError:
        time = np.nan
    if not np.isfinite(time):
        raise fail(path, line, f"timestamp {word!r} is not a number")
    return time


def keep_core(user: np.ndarray, item: np.ndarray, *, core: int) -> np.ndarray:
    """(n,) bool: what is left when users and items with fewer than ``core`` are left out until none is."""
    kept = np.ones(len(user), dtype=bool)
    while True:
        counts = (np.bincount(ids[kept], minlength=ids.max() + 1)[ids] for ids in (user, item))
        is_fit = kept & np.logical_and.reduce([count >= core for count in counts])
        if (is_fit == kept).all():
            return kept
        kept = is_fit


def renumber(tokens: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The distinct tokens in their order, and each token's place among them, int64."""
    distinct, places = np.unique(tokens, return_inverse=True)
    is_numeric = all(token.isdecimal() for token in distinct)
    order = sorted(range(len(distinct)), key=lambda k: (int(distinct[k]) if is_numeric else 0, distinct[k]))
    place_of = np.argsort(order)
    return [str(distinct[k]) for k in order], place_of[places].astype(np.int64)


def leave_one_out(pairs: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Train, valid, test: a user's last pair is test, the one before it validation; ties keep file order.

    The validation pair stands inside train too, as in the paper's files; the split ``clean`` takes it out.
    A user of two pairs has no validation pair, a user of one only trains.
    """
    ordered = pairs[np.lexsort((np.arange(len(times)), times, pairs[:, 0]))]
    user = ordered[:, 0]
    counts = np.bincount(user)
    from_end = np.cumsum(counts)[user] - 1 - np.arange(len(user))
    is_test = (from_end == 0) & (counts[user] > 1)
    is_valid = (from_end == 1) & (counts[user] > 2)
    return ordered[~is_test], ordered[is_valid], ordered[is_test]


def read_item_words(path: Path, tokens: list[str]) -> Rows:
    """(n_items, word) unit TF-IDF rows of all ``token_seq`` columns of an ``.item`` file.

    A word counts once a column it stands in: the genre Comedy is not the title word Comedy.
    """
    columns = word_columns(read_header(path))
    _, (owners, *texts) = read_columns(path, ITEM, *([name] for name in columns))
    place_of = {token: place for place, token in enumerate(tokens)}
    items, words = [], []
    for token, *own in zip(owners, *texts, strict=True):
        if token in place_of:
            found = [f"{c}:{word.lower()}" for c, text in zip(columns, own, strict=True) for word in text.split()]
            items += [place_of[token]] * len(found)
            words += found
    if not words:
        raise BenchError(f"{path}: no item of the interactions has a word")
    return weigh(np.array(items), np.array(words), n_items=len(tokens))
