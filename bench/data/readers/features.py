"""Chooses among the features that a folder offers, and reads one float32 row per item, dense or sparse."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from jaxtyping import Int64

from bench.data.columns import check_modality
from bench.data.dataset import Rows
from bench.data.readers.arrays import in_float32, load_npy, table_of_numbers
from bench.data.readers.lists import fail, owned_lines, read_lists
from bench.spec import N_CANDIDATES, BenchError, unknown

DEEP = {"visual": "item2imgfeat.txt", "textual": "itemtitle2vec.txt"}
ENTITIES = {"visual": "i2e_visual.txt", "textual": "i2e_title.txt"}
DENSE = {"image": "visual", "text": "textual", "audio": "acoustic"}  # of <word>_feat.npy; another word is the modality
ROWS = re.compile(r"([^\W_]+)_?feat(?:ure)?s?\.npy")  # image_feat.npy, and similar names: image_features.npy
Ids = Int64[np.ndarray, " item"]  # the id of each item, ascending


def select(
    present: Collection[str],
    features: str | None,
    *,
    name: str,
    modalities: Sequence[str] | None = None,
    folder: Path | str = "",
) -> tuple[str, dict[str, str]]:
    """Return the feature id, and the file name of each modality, from the file names ``present`` of data set ``name``.

    ``features`` is a base (deep, npy, entities, none), then any number of ``+name``, each adding the entity
    list ``i2e_<name>.txt``. ``None`` is the first base that is present. ``modalities``, where given, are those that
    the bases deep and entities must have, in ``folder``; otherwise they have those whose files are present.
    """
    offered = bases(present, modalities)
    base, *added = (features or next(iter(offered))).split("+")
    if base == "deep" and modalities:  # known of the paper's sets, even where none of its files is there
        offered[base] = {modality: DEEP[modality] for modality in modalities}
    if base not in offered:
        raise unknown(f"features of {name}", base, offered)
    files, names = dict(offered[base]), [base]
    if missing := ", ".join(file for file in files.values() if file not in present):
        raise BenchError(f"features {base!r} of {name} need {missing}, which must lie beside train.txt in {folder}")
    lists = sorted(f[4:-4] for f in present if f.startswith("i2e_") and f.endswith(".txt"))
    for word in sorted(set(added)):
        if word not in lists:
            known = [f"{base}+{other}" for other in lists] or offered
            raise unknown(f"features of {name}", f"{base}+{word}", known)
        modality = "textual" if word == "title" else word
        if files.setdefault(modality, f"i2e_{word}.txt") != f"i2e_{word}.txt":
            raise BenchError(f"features {features!r}: {base} has {modality} features already")
        if files[modality] not in offered[base].values():
            names.append(word)
    return "+".join(names), files


def bases(present: Collection[str], modalities: Sequence[str] | None) -> dict[str, dict[str, str]]:
    """Return the file of each modality by base, for the bases with at least one file present, and "none" at the end."""
    wanted = {"deep": DEEP, "npy": dense(present), "entities": ENTITIES}
    if modalities is not None:
        wanted |= {base: {m: wanted[base][m] for m in modalities} for base in ("deep", "entities")}
    present_files = {base: {m: f for m, f in files.items() if f in present} for base, files in wanted.items()}
    offered = {base: wanted[base] if modalities else files for base, files in present_files.items() if files}
    return {**offered, "none": {}}


def dense(present: Collection[str]) -> dict[str, str]:
    """Return the file name of each modality that has a ``<word>_feat.npy``, the words of ``DENSE`` first."""
    words = [f.removesuffix("_feat.npy") for f in sorted(present) if f.endswith("_feat.npy")]
    for word in words:
        check_modality(word, f"{word}_feat.npy")
        if word not in DENSE.values() and DENSE.get(word) in words:
            raise BenchError(f"{word}_feat.npy and {DENSE[word]}_feat.npy are both {DENSE[word]} features; keep one")
    ordered = [word for word in DENSE if word in words] + [word for word in words if word not in DENSE]
    return {DENSE.get(word, word): f"{word}_feat.npy" for word in ordered}


def count_unread(present: Collection[str]) -> list[str]:
    """Return a warning for each ``.npy`` file whose name no reader knows."""
    unread = [file for file in sorted(present) if file.endswith(".npy") and not file.endswith("_feat.npy")]
    names = [f"{match[1]}_feat.npy" if (match := ROWS.fullmatch(file)) else "<modality>_feat.npy" for file in unread]
    return [f"{file} is not read; to use it, rename it {name}" for file, name in zip(unread, names, strict=True)]


def read_features(files: dict[str, Path], ids: Ids) -> tuple[dict[str, Rows], list[str]]:
    """Return the rows of the items ``ids`` by modality, and warnings with counts; rows of other items are left out."""
    rows, warnings, sizes = {}, [], {}
    for modality, path in files.items():
        read = read_dense if path.suffix == ".npy" else read_entities if path.name.startswith("i2e_") else read_vectors
        rows[modality], n_others = read(path, ids)
        if n_others:
            which = " (row 0, as item ids start at 1)" if path.suffix == ".npy" and (ids[0], n_others) == (1, 1) else ""
            warnings.append(f"{path.name} has rows of items that never occur: {n_others:,}{which}; they are left out")
        if path.suffix == ".npy":
            sizes[path.name] = len(ids) + n_others
    if len(set(sizes.values())) > 1:
        counts = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise BenchError(f"{next(iter(files.values())).parent}: the numbers of feature rows differ: {counts}")
    return rows, warnings + count_empty({f"{m} ({files[m].name})": table for m, table in rows.items()})


def catalogue(files: dict[str, Path], pairs: Int64[np.ndarray, "_ 2"]) -> tuple[Ids, list[str]]:
    """Return items to add to those of ``pairs``, and a warning with their number: those with a row in a ``.npy`` table,
    if without them some user has fewer items left than a sampled ranking draws.

    In any other set an item that nobody met is left out, since it would be an easy candidate. A set that is so small
    can only be ranked with the further items of its tables.
    """
    met = np.unique(pairs, axis=0)
    items = np.unique(met[:, 1])
    tables = [path for path in files.values() if path.suffix == ".npy"]
    if not tables or len(items) - np.unique(met[:, 0], return_counts=True)[1].max() >= N_CANDIDATES:
        return items[:0], []
    rows = [np.flatnonzero(~is_empty(table_of_numbers(load_npy(path), path))) for path in tables]
    added = np.setdiff1d(np.concatenate(rows), items)
    if not len(added):
        return added, []
    note = f"items that never occur but have a row in {tables[0].name}: {len(added):,}; they are candidates"
    return added, [f"{note}, since without them some user has fewer than {N_CANDIDATES} left"]


def is_empty(table: Rows) -> np.ndarray:
    """Return (n_items,) bool: whether all entries of a row are zero."""
    if sp.issparse(table):
        return np.asarray(abs(table).sum(axis=1)).ravel() == 0
    with np.errstate(invalid="ignore"):  # NaN counts as not zero
        return ~table.any(axis=1)


def count_empty(tables: dict[str, Rows]) -> list[str]:
    """Return a warning for each table that has rows of zeros."""
    counts = {name: int(is_empty(table).sum()) for name, table in tables.items()}
    return [f"{count:,} items without {name} features" for name, count in counts.items() if count]


def read_dense(path: Path, ids: Ids) -> tuple[np.ndarray, int]:
    """Return the (item, feat) float32 rows of a ``.npy`` file, row k for item id k, and the number of other rows."""
    stored = table_of_numbers(load_npy(path), path)
    if len(stored) <= ids[-1]:
        is_shifted = ids[0] == 1 and len(stored) == ids[-1]
        remedy = "; ids start at 1 and rows at 0: put a row of zeros before the first" if is_shifted else ""
        raise BenchError(f"{path}, row {len(stored)}: the rows end here, but item ids go up to {ids[-1]}{remedy}")
    return in_float32(stored[ids], ids, path), len(stored) - len(ids)


def read_vectors(path: Path, ids: Ids) -> tuple[np.ndarray, int]:
    """Return (item, feat) float32 rows of ``item f1 f2 ...`` lines, zeros without a line; the number of other lines."""
    lines, vectors = {}, []
    for number, item, words in owned_lines(path, "item"):
        lines[item] = number
        try:
            vectors.append(np.array(words, dtype=np.float64))
        except ValueError as error:
            raise fail(path, number, f"not a number ({error})") from None
        if len(words) != len(vectors[0]) or not words:
            raise fail(path, number, f"{len(words)} values, where {len(vectors[0]) or 'some'} are expected")
        if not np.isfinite(vectors[-1]).all():
            raise fail(path, number, f"item {item} has a value that is not finite")
    place, is_known = places(lines, path, ids)
    table = np.zeros((len(ids), len(vectors[0])), dtype=np.float32)
    table[place[is_known]] = in_float32(np.stack(vectors), list(lines), path)[is_known]
    return table, int((~is_known).sum())


def read_entities(path: Path, ids: Ids) -> tuple[sp.csr_matrix, int]:
    """Return (item, entity) unit TF-IDF rows of ``item entity ...`` lines, and the number of lines of other items."""
    lines, pairs = read_lists(path, "item")
    _, is_known = places(lines, path, ids)
    item, entity = pairs[np.isin(pairs[:, 0], ids)].T
    if not len(item):
        raise BenchError(f"{path}: no item has an entity")
    return weigh(np.searchsorted(ids, item), entity, n_items=len(ids)), int((~is_known).sum())


def places(lines: dict[int, int], path: Path, ids: Ids) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of the item of each line among ``ids``, and whether it is one of them. An item beyond the last
    of ``ids`` is refused: the file was most likely made for other interactions."""
    for item, number in lines.items():
        if item > ids[-1]:
            raise fail(path, number, f"item {item} is in no interaction ({len(ids)} items)")
    items = np.array(list(lines))
    return np.searchsorted(ids, items), np.isin(items, ids)


def weigh(items: np.ndarray, terms: np.ndarray, *, n_items: int) -> sp.csr_matrix:
    """Return unit TF-IDF rows, with a column for each distinct term: ``terms[k]`` occurs once in item ``items[k]``."""
    from sklearn.feature_extraction.text import TfidfTransformer  # here, since its import takes a second or more

    columns, column = np.unique(terms, return_inverse=True)
    ones = np.ones(len(items), dtype=np.float64)
    counts = sp.csr_matrix((ones, (items, column)), shape=(n_items, len(columns)))  # sums repeats
    return TfidfTransformer(norm="l2").fit_transform(counts).astype(np.float32).tocsr()
