"""Loads a data set from its recipe, and caches it in a binary file that is named by the hash of the recipe."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import scipy.sparse as sp

from bench.data import knockout
from bench.data.dataset import Dataset
from bench.data.split import count_untrained
from bench.files import cache_folder, regular, write_whole, writing
from bench.spec import BenchError, canonical_hash

LOADER = 1  # raised when the readers make other arrays of the same files


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a data set with one choice of features is made."""

    feature_id: str
    digests: dict[str, str] = field(default_factory=dict)  # name to sha256 of every file that is read
    settings: dict[str, Any] = field(default_factory=dict)  # everything else that decides the outcome
    modalities: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()  # oddities of the files that are known before they are read
    build: Callable[[], Dataset]  # reads the files; ``Source.load`` fills in ``name`` and ``hash`` of the data set

    @property
    def hash(self) -> str:
        parts = {"loader": LOADER, "features": self.feature_id, "files": self.digests, "settings": self.settings}
        return canonical_hash(parts)


class Source:
    """A data set that is fingerprinted cheaply and loaded only when it is needed."""

    def __init__(self, name: str, recipe: Callable[[str | None], Recipe]):
        self.name = name
        self.recipe = recipe

    def fingerprint(self, features: str | None = None) -> tuple[str, str]:
        """Return the feature id, and a sha256 over the files and settings that the data set is made from."""
        recipe, kinds = self.resolve(features)
        return knockout.named(recipe.feature_id, recipe.hash, kinds, recipe.modalities)

    def resolve(self, features: str | None) -> tuple[Recipe, dict[str, str]]:
        """Return the recipe of the base and the knock-outs by modality; the recipe of "none" if they leave none."""
        base, words = knockout.parse(features)
        recipe = self.recipe(base)
        kinds = knockout.choose(words, recipe.modalities)
        if kinds and kinds == dict.fromkeys(recipe.modalities, "none"):
            return self.recipe("none"), {}
        return recipe, kinds

    def load(self, features: str | None = None, *, cache_dir: Path | None = None) -> Dataset:
        """Return the data set; its base comes from the cache if an intact file of it is there."""
        recipe, kinds = self.resolve(features)
        path = (cache_dir or cache_folder()) / "sets" / f"{recipe.hash[:32]}.npz"
        dataset = read_cached(path, recipe.hash)
        if dataset is None:
            dataset = dataclasses.replace(recipe.build(), hash=recipe.hash)
            if self.recipe(recipe.feature_id).hash != recipe.hash:
                raise BenchError(f"{self.name}: the files changed while they were read; start again")
            with writing(f"cache folder {path.parent}", remedy="set MCLN_BENCH_CACHE to another folder"):
                write_whole(path, lambda name: write_cached(name, dataset))
        warnings = [*recipe.warnings, *dataset.warnings, *count_untrained(dataset)]
        dataset = dataclasses.replace(dataset, name=self.name, warnings=warnings)
        return knockout.apply(dataset, kinds)


def sha256(path: Path) -> str:
    """Return the sha256 of a file's content."""
    try:
        return pooch.file_hash(regular(path))
    except FileNotFoundError:
        raise BenchError(f"{path} is missing") from None
    except OSError as error:
        raise BenchError(f"{path} cannot be read ({error.strerror})") from None


def write_cached(path: str, dataset: Dataset) -> None:
    """Write all of ``dataset`` as an uncompressed ``.npz``."""
    meta = {f.name: getattr(dataset, f.name) for f in dataclasses.fields(dataset)}
    arrays = {part: meta.pop(part) for part in ("train", "valid", "test")}
    rows, ids = meta.pop("features"), meta.pop("ids")
    arrays |= {f"ids/{kind}": ids_of_kind for kind, ids_of_kind in ids.items()}
    for modality, table in rows.items():
        if sp.issparse(table):
            arrays |= {f"{modality}/{part}": getattr(table, part) for part in ("data", "indices", "indptr")}
            arrays[f"{modality}/shape"] = np.array(table.shape)
        else:
            arrays[f"{modality}/dense"] = table
    meta |= {"modalities": list(rows), "ids": list(ids), "content": content_hash(arrays)}
    np.savez(path, meta=np.array(json.dumps(meta)), **arrays)


def content_hash(arrays: Mapping[str, np.ndarray]) -> str:
    """Return a sha256 over the names, types, shapes and values of ``arrays``."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape} ".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def read_cached(path: Path, expected: str) -> Dataset | None:
    """Return what ``write_cached`` wrote; None for a file that is absent, damaged, outdated or of another hash."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
            meta = json.loads(str(arrays.pop("meta")))
            if (meta.pop("content"), meta["hash"]) != (content_hash(arrays), expected):
                return None
            meta["planted"] = {m: {k: tuple(v) for k, v in kinds.items()} for m, kinds in meta["planted"].items()}
            rows = {modality: read_rows(arrays, modality) for modality in meta.pop("modalities")}
            parts = {part: arrays[part] for part in ("train", "valid", "test")}
            parts["ids"] = {kind: arrays[f"ids/{kind}"] for kind in meta.pop("ids")}
        return Dataset(**meta, **parts, features=rows)
    except Exception:  # a damaged archive fails in many ways, and every one means: build it again
        return None


def read_rows(stored: Mapping[str, np.ndarray], modality: str) -> np.ndarray | sp.csr_matrix:
    if f"{modality}/dense" in stored:
        return stored[f"{modality}/dense"]
    data, indices, indptr, shape = (stored[f"{modality}/{p}"] for p in ("data", "indices", "indptr", "shape"))
    return sp.csr_matrix((data, indices, indptr), shape=tuple(shape))
