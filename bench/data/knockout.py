"""Knock-outs: content is taken away from its items, so that a table can say whether a model makes use of it.

    shuffled   rows change places among the items, in one cycle: no item keeps its own
    noise      random rows in the place of the real ones, of the same width and mean length
    none       the modality is dropped

Users, items and pairs stay, and with them the candidates. The draws are seeded: equal words give equal rows.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse as sp

from bench.data.dataset import Dataset, Rows
from bench.spec import KNOCKOUTS, BenchError, canonical_hash, unknown

VERSION = 1  # raised when the same words give other rows
SEED = 2023


def parse(features: str | None) -> tuple[str | None, list[str]]:
    """Base and knock-outs of ``[BASE][,KNOCKOUT...]``; the base is None where the data set's own is meant.

    As the first word, none is the base without content.
    """
    first, *rest = (features or "").split(",")
    if first in KNOCKOUTS and first != "none" or "=" in first:
        return None, [first, *rest]
    return first or None, rest


def choose(words: Sequence[str], modalities: Sequence[str]) -> dict[str, str]:
    """Modality to kind, in the order of ``modalities``, without what stays real.

    Raises:
        BenchError: for an unknown kind or modality, one that is named twice, or where there is no content.
    """
    if words and not modalities and set(words) != {"real"}:
        raise BenchError(f"--features {','.join(words)}: there is no content to knock out; give none or another base")
    said = {}
    for word in words:
        modality, sign, kind = word.rpartition("=")
        if kind not in KNOCKOUTS:
            raise unknown("knock-out in --features", kind, KNOCKOUTS)
        if sign and modality not in modalities:
            raise unknown("modality in --features", modality, modalities)
        if modality in said:
            raise BenchError(f"--features {','.join(words)}: {modality or 'all modalities'} stands twice; name it once")
        said[modality] = kind
    whole = said.get("", "real")
    kinds = {m: said.get(m, whole) for m in modalities}
    return {m: kind for m, kind in kinds.items() if kind != "real"}


def named(feature_id: str, digest: str, kinds: Mapping[str, str], modalities: Sequence[str]) -> tuple[str, str]:
    """The feature id and hash of the base ``feature_id``, ``digest`` after the knock-outs; the same where none is."""
    if not kinds:
        return feature_id, digest
    words = [f"{m}={kind}" for m, kind in kinds.items()]
    if len(kinds) == len(modalities) and len(set(kinds.values())) == 1:
        words = list(kinds.values())[:1]
    return ",".join([feature_id, *words]), canonical_hash({"base": digest, "knockout": VERSION, "kinds": dict(kinds)})


def apply(dataset: Dataset, kinds: Mapping[str, str], *, feature_id: str, digest: str) -> Dataset:
    """``dataset`` with some modalities knocked out; their planted columns are no longer known."""
    rows = {m: knock_out(m, table, kinds.get(m)) for m, table in dataset.features.items() if kinds.get(m) != "none"}
    planted = {m: columns for m, columns in dataset.planted.items() if m not in kinds}
    return dataclasses.replace(dataset, features=rows, planted=planted, feature_id=feature_id, hash=digest)


def knock_out(modality: str, rows: Rows, kind: str | None) -> Rows:
    if kind == "shuffled":
        return rows[cycle(rows.shape[0])]
    if kind == "noise":
        return noise(rows, np.random.default_rng([SEED, *modality.encode()]))
    return rows


def cycle(n: int) -> np.ndarray:
    """(n,) a permutation that is one cycle; the same for every modality, so that an item's rows stay together."""
    order = np.random.default_rng(SEED).permutation(n)
    other = np.empty(n, dtype=np.int64)
    other[order] = np.roll(order, 1)
    return other


def noise(rows: Rows, rng: np.random.Generator) -> Rows:
    """Random rows in the place of ``rows`` (item, feat); rows of zeros, of items without content, stay.

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
    """``dataset`` with its planted columns of one part, "relevant" or "irrelevant", on other items; the rest stays."""
    other, rows = cycle(dataset.n_items), dict(dataset.features)
    for modality, columns in dataset.planted.items():
        chosen = slice(*columns[part])
        rows[modality] = rows[modality].copy()
        rows[modality][:, chosen] = rows[modality][other, chosen]
    return dataclasses.replace(dataset, features=rows)
