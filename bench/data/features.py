"""Which features a folder offers, and their rows: one float32 row an item, dense or sparse."""

from collections.abc import Collection, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import scipy.sparse as sp

from bench.data.text_files import check_range, read_lists, read_vectors
from bench.spec import BenchError, unknown

Rows = np.ndarray | sp.csr_matrix  # (n_items, feat) float32
DEEP = {"visual": "item2imgfeat.txt", "textual": "itemtitle2vec.txt"}
ENTITIES = {"visual": "i2e_visual.txt", "textual": "i2e_title.txt"}
DENSE = {"image": "visual", "text": "textual", "audio": "acoustic"}  # <word>_feat.npy


def select(
    present: Collection[str], features: str | None, *, modalities: Sequence[str] | None = None
) -> tuple[str, dict[str, str]]:
    """The feature id and modality -> file name, from the file names ``present``.

    ``features`` is a base (deep, npy, entities, none), then any number of ``+name``, each adding the entity
    list ``i2e_<name>.txt``. ``None`` is the first base there is. ``modalities``, where given, are those that
    the bases deep and entities must have; otherwise they have what is present.

    Raises:
        BenchError: for features that are not there; for a base with only some of its files.
    """
    bases = {"deep": among(present, DEEP, modalities), "npy": dense(present)}
    bases |= {"entities": among(present, ENTITIES, modalities), "none": {}}
    offered = [base for base, files in bases.items() if files and any(f in present for f in files.values())]
    offered = offered or ["none"]
    extras = sorted(f[4:-4] for f in present if f.startswith("i2e_") and f.endswith(".txt"))
    base, *added = (features or offered[0]).split("+")
    if base not in {*offered, "none"}:
        raise unknown("features", base, offered)
    files = dict(bases[base])
    names = [base]
    for name in sorted(set(added)):
        if name not in extras:
            raise unknown("features", f"{base}+{name}", [f"{base}+{extra}" for extra in extras] or offered)
        modality = "textual" if name == "title" else name
        if files.get(modality) != f"i2e_{name}.txt":
            if modality in files:
                raise BenchError(f"features {features!r}: {base} has {modality} features already")
            files[modality] = f"i2e_{name}.txt"
            names.append(name)
    for file in files.values():
        if file not in present:
            raise BenchError(f"features {base!r} need {file}, which is missing; there are {', '.join(sorted(present))}")
    return "+".join(names), files


def among(present: Collection[str], files: dict[str, str], modalities: Sequence[str] | None) -> dict[str, str]:
    if modalities is None:
        return {m: f for m, f in files.items() if f in present}
    return {m: files[m] for m in modalities}


def dense(present: Collection[str]) -> dict[str, str]:
    """Modality -> file name for every ``<word>_feat.npy``."""
    words = [f[: -len("_feat.npy")] for f in present if f.endswith("_feat.npy")]
    for word in words:
        if not word.isidentifier():
            raise BenchError(f"{word}_feat.npy: the word before _feat.npy names a modality; letters, digits and _ only")
        if word not in DENSE.values() and DENSE.get(word) in words:
            raise BenchError(f"{word}_feat.npy and {DENSE[word]}_feat.npy are both {DENSE[word]} features; keep one")
    words.sort(key=lambda word: (word not in DENSE, list(DENSE).index(word) if word in DENSE else 0, word))
    return {DENSE.get(word, word): f"{word}_feat.npy" for word in words}


def read_features(files: dict[str, Path], n_items: int) -> tuple[dict[str, Rows], int, list[str]]:
    """Modality to rows, the number of items, and counted warnings.

    Dense ``.npy`` rows may reach beyond the last item with an interaction: those are items too.

    Raises:
        BenchError: for a broken file, with its line or row; for tables of different numbers of rows.
    """
    rows = {}
    for modality, path in files.items():
        if path.suffix == ".npy":
            rows[modality] = read_dense(path, n_items)
        elif path.name.startswith("i2e_"):
            rows[modality] = read_entities(path, n_items)
        else:
            rows[modality] = read_vectors(path, n_items)
    sizes = {files[m].name: table.shape[0] for m, table in rows.items()}
    if len(set(sizes.values())) > 1:
        shown = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise BenchError(f"{next(iter(files.values())).parent}: the numbers of feature rows differ: {shown}")
    n_rows = max([n_items, *sizes.values()])
    warnings = [f"{n_rows - n_items:,} items have features but no interaction"] if n_rows > n_items else []
    warnings += count_empty({f"{m} ({files[m].name})": table for m, table in rows.items()})
    return rows, n_rows, warnings


def is_empty(table: Rows) -> np.ndarray:
    """(n_items,) bool: items whose row is zero."""
    if sp.issparse(table):
        return np.asarray(abs(table).sum(axis=1)).ravel() == 0
    return ~table.any(axis=1)


def count_empty(tables: dict[str, Rows]) -> list[str]:
    """A warning for each table that has rows of zeros."""
    counts = {name: int(is_empty(table).sum()) for name, table in tables.items()}
    return [f"{count:,} items without {name} features" for name, count in counts.items() if count]


def read_dense(path: Path, n_items: int) -> np.ndarray:
    """(row, feat) float32 of a ``.npy`` file, row = item id.

    Raises:
        BenchError: unless it holds a finite table of at least ``n_items`` rows.
    """
    try:
        stored = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise BenchError(f"{path} is missing") from None
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise BenchError(f"{path} is not a readable .npy table ({error})") from None
    if not isinstance(stored, np.ndarray):
        raise BenchError(f"{path} is an archive of arrays (.npz); save the one table with numpy.save")
    if stored.ndim != 2 or stored.dtype.kind not in "fiu" or not stored.shape[1]:
        raise BenchError(f"{path}: a table of numbers is expected, found shape {stored.shape}, {stored.dtype}")
    if len(stored) < n_items:
        raise BenchError(f"{path}, row {len(stored)}: the rows end here, but item ids go up to {n_items - 1}")
    with np.errstate(over="ignore"):
        table = stored.astype(np.float32)
    for row in np.flatnonzero(~np.isfinite(table).all(axis=1))[:1]:
        raise BenchError(f"{path}, row {row}: item {row} has a value that is not finite")
    return table


def read_entities(path: Path, n_items: int) -> sp.csr_matrix:
    """(n_items, entity) unit TF-IDF rows of ``item entity entity ...`` lines.

    Raises:
        BenchError: as ``read_lists``; for an item that no interaction knows.
    """
    lists = read_lists(path, "item")
    check_range(lists.lines, path, n_items)
    if not len(lists.pairs):
        raise BenchError(f"{path}: no item has an entity")
    return weigh(lists.pairs[:, 0], lists.pairs[:, 1], n_items=n_items)


def weigh(items: np.ndarray, terms: np.ndarray, *, n_items: int) -> sp.csr_matrix:
    """Unit TF-IDF rows: ``terms[k]`` occurs once more in item ``items[k]``; a column a term that occurs."""
    from sklearn.feature_extraction.text import TfidfTransformer  # seconds to import; a cached set needs it not

    columns, column = np.unique(terms, return_inverse=True)
    ones = np.ones(len(items), dtype=np.float64)
    counts = sp.csr_matrix((ones, (items, column)), shape=(n_items, len(columns)))  # sums repeats
    return TfidfTransformer(norm="l2").fit_transform(counts).astype(np.float32).tocsr()
