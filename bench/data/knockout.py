"""Knock-outs: content is taken away from its items, so that a table can show whether a model uses it.

    shuffled   rows move to other items, in one cycle, so that no item keeps its own row
    noise      random rows replace the real ones, of the same width and mean length
    none       the modality is dropped

Users, items and pairs stay, and so do the candidates. The draws are seeded: the same words give the same rows.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse as sp

from bench.data.dataset import Dataset, Rows
from bench.spec import KNOCKOUTS, BenchError, canonical_hash, unknown

VERSION = 1  # raised when the code makes other rows of the same words
SEED = 2023


def parse(features: str | None) -> tuple[str | None, list[str]]:
    """Return the base and the knock-outs of ``[BASE][,KNOCKOUT...]``; without BASE the base is None, the default.

    As the first word, "none" is the base without content.
    """
    first, *rest = (features or "").split(",")
    if first in KNOCKOUTS and first != "none" or "=" in first:
        return None, [first, *rest]
    return first or None, rest


def check_kinds(words: Sequence[str]) -> None:
    """Refuse an unknown kind of knock-out."""
    for word in words:
        if (kind := word.rpartition("=")[2]) not in KNOCKOUTS:
            raise unknown("knock-out in --features", kind, KNOCKOUTS)


def choose(words: Sequence[str], modalities: Sequence[str]) -> dict[str, str]:
    """Return the kind of knock-out by modality, in the order of ``modalities``, without those that stay real."""
    if words and not modalities and set(words) != {"real"}:
        raise BenchError(f"--features {','.join(words)}: there is no content to knock out; give none or another base")
    check_kinds(words)
    asked = {}  # kind by modality; the kind of "" is for the modalities that are not named
    for word in words:
        modality, sign, kind = word.rpartition("=")
        if sign and modality not in modalities:
            raise unknown("modality in --features", modality, modalities)
        if modality in asked:
            twice = modality or "all modalities"
            raise BenchError(f"--features {','.join(words)}: {twice} is named twice; name it once")
        asked[modality] = kind
    kinds = {m: asked.get(m, asked.get("", "real")) for m in modalities}
    return {m: kind for m, kind in kinds.items() if kind != "real"}


def named(feature_id: str, digest: str, kinds: Mapping[str, str], modalities: Sequence[str]) -> tuple[str, str]:
    """Return the feature id and hash of a base with hash ``digest`` after its knock-outs; unchanged without any."""
    if not kinds:
        return feature_id, digest
    words = [f"{m}={kind}" for m, kind in kinds.items()]
    if len(kinds) == len(modalities) and len(set(kinds.values())) == 1:
        words = list(kinds.values())[:1]
    return ",".join([feature_id, *words]), canonical_hash({"base": digest, "knockout": VERSION, "kinds": dict(kinds)})


def apply(dataset: Dataset, kinds: Mapping[str, str]) -> Dataset:
    """Return ``dataset`` with the modalities of ``kinds`` knocked out, and their planted columns forgotten."""
    rows = {m: knock_out(m, table, kinds.get(m)) for m, table in dataset.features.items() if kinds.get(m) != "none"}
    planted = {m: columns for m, columns in dataset.planted.items() if m not in kinds}
    feature_id, digest = named(dataset.feature_id, dataset.hash, kinds, list(dataset.features))
    return dataclasses.replace(dataset, features=rows, planted=planted, feature_id=feature_id, hash=digest)


def knock_out(modality: str, rows: Rows, kind: str | None) -> Rows:
    if kind == "shuffled":
        return rows[cycle(rows.shape[0])]
    if kind == "noise":
        return noise(rows, np.random.default_rng([SEED, *modality.encode()]))
    return rows


def cycle(n: int) -> np.ndarray:
    """Return a permutation (n,) of one cycle, the same for every modality, so that an item's rows stay together."""
    order = np.random.default_rng(SEED).permutation(n)
    successor = np.empty(n, dtype=np.int64)
    successor[order] = np.roll(order, 1)
    return successor


def noise(rows: Rows, rng: np.random.Generator) -> Rows:
    """Return random rows in place of ``rows`` (item, feat); the rows of zeros of items without content stay.

    Dense: Gaussian, scaled to the mean norm of the real rows. Sparse: each row's values in randomly drawn columns.
    """
    if sp.issparse(rows):
        width = rows.shape[1]
        columns = [rng.choice(width, n, replace=False) for n in np.diff(rows.indptr)]
        drawn = sp.csr_matrix((rows.data.copy(), np.concatenate(columns), rows.indptr), shape=rows.shape)
        drawn.sort_indices()  # moves the values, too
        return drawn
    drawn = rng.standard_normal(rows.shape) * rows.any(axis=1, keepdims=True)
    real, random = (np.linalg.norm(table.astype(np.float64), axis=1).sum() for table in (rows, drawn))
    return (drawn * (real / random if random else 1.0)).astype(np.float32)


def occlude(dataset: Dataset, part: str) -> Dataset:
    """Return ``dataset`` with the planted columns of a part, "relevant" or "irrelevant", moved to other items."""
    other, rows = cycle(dataset.n_items), dict(dataset.features)
    for modality, columns in dataset.planted.items():
        chosen = slice(*columns[part])
        rows[modality] = rows[modality].copy()
        rows[modality][:, chosen] = rows[modality][other, chosen]
    return dataclasses.replace(dataset, features=rows)
