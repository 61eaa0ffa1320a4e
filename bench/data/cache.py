"""From a recipe to a loaded data set, which a binary file named by its content keeps for the next start."""

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
from bench.files import cache_folder, regular, write_whole, writing
from bench.spec import BenchError, canonical_hash

LOADER = 1  # raised when the same files are read into other arrays


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one data set with one choice of features is made.

    Attributes:
        digests: name to sha256 of every file that is read.
        settings: what else decides the outcome.
        modalities: those that the features have.
        warnings: what is odd about the files, beside what reading them finds.
        build: reads the files; ``name`` and ``hash`` of what it returns are filled in later.
    """

    feature_id: str
    digests: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    modalities: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    build: Callable[[], Dataset]

    @property
    def hash(self) -> str:
        parts = {"loader": LOADER, "features": self.feature_id, "files": self.digests, "settings": self.settings}
        return canonical_hash(parts)


class Source:
    """One data set that can be had: fingerprinted cheaply, loaded when needed."""

    def __init__(self, name: str, recipe: Callable[[str | None], Recipe]):
        self.name = name
        self.recipe = recipe

    def fingerprint(self, features: str | None = None) -> tuple[str, str]:
        """Feature id, and sha256 over the content of all that enters.

        Raises:
            BenchError: when the files cannot be had, or ``features`` are not among them.
        """
        recipe, kinds = self.resolve(features)
        return knockout.named(recipe.feature_id, recipe.hash, kinds, recipe.modalities)

    def resolve(self, features: str | None) -> tuple[Recipe, dict[str, str]]:
        """The recipe of the base, and what is knocked out of it; a base without any modality left is "none"."""
        base, words = knockout.parse(features)
        recipe = self.recipe(base)
        kinds = knockout.choose(words, recipe.modalities)
        if kinds and kinds == dict.fromkeys(recipe.modalities, "none"):
            return self.recipe("none"), {}
        return recipe, kinds

    def load(self, features: str | None = None, *, cache_dir: Path | None = None) -> Dataset:
        """The data set; its base comes from the cache if a whole file of it is there.

        Raises:
            BenchError: as ``fingerprint``; for a broken file; when the cache folder cannot be written.
        """
        recipe, kinds = self.resolve(features)
        dataset = self.load_base(recipe, cache_dir=cache_dir, again=lambda: self.resolve(features)[0])
        feature_id, digest = knockout.named(recipe.feature_id, recipe.hash, kinds, recipe.modalities)
        return knockout.apply(dataset, kinds, feature_id=feature_id, digest=digest) if kinds else dataset

    def load_base(self, recipe: Recipe, *, cache_dir: Path | None, again: Callable[[], Recipe]) -> Dataset:
        """What ``recipe`` makes; it is taken from the cache, or made and put there.

        Args:
            again: the recipe as the files are by now.

        Raises:
            BenchError: where they changed while they were read, so that nothing vouches for what was.
        """
        path = (cache_dir or cache_folder()) / "sets" / f"{recipe.hash[:32]}.npz"
        found = read_cached(path, recipe.hash)
        if found is None:
            found = dataclasses.replace(recipe.build(), hash=recipe.hash)
            if again().hash != recipe.hash:
                raise BenchError(f"{self.name}: the files changed while they were read; start again")
            with writing(f"cache folder {path.parent}", remedy="set MCLN_BENCH_CACHE to another folder"):
                write_whole(path, lambda name: write_cached(name, found))
        return dataclasses.replace(found, name=self.name, warnings=[*recipe.warnings, *found.warnings])


def sha256(path: Path) -> str:
    """Hash of the file's content.

    Raises:
        BenchError: when it cannot be read.
    """
    try:
        return pooch.file_hash(regular(path))
    except FileNotFoundError:
        raise BenchError(f"{path} is missing") from None
    except OSError as error:
        raise BenchError(f"{path} cannot be read ({error.strerror})") from None


def write_cached(path: str, dataset: Dataset) -> None:
    """All of ``dataset`` as one uncompressed ``.npz``."""
    meta = {f.name: getattr(dataset, f.name) for f in dataclasses.fields(dataset)}
    arrays = {part: meta.pop(part) for part in ("train", "valid", "test")}
    rows, ids = meta.pop("features"), meta.pop("ids")
    arrays |= {f"ids/{kind}": own for kind, own in ids.items()}
    for modality, table in rows.items():
        if sp.issparse(table):
            arrays |= {f"{modality}/{part}": getattr(table, part) for part in ("data", "indices", "indptr")}
            arrays[f"{modality}/shape"] = np.array(table.shape)
        else:
            arrays[f"{modality}/dense"] = table
    meta |= {"modalities": list(rows), "ids": list(ids), "content": content_hash(arrays)}
    np.savez(path, meta=np.array(json.dumps(meta)), **arrays)


def content_hash(arrays: Mapping[str, np.ndarray]) -> str:
    """sha256 over names, types, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape} ".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def read_cached(path: Path, expected: str) -> Dataset | None:
    """What ``write_cached`` wrote; None where that is absent, damaged, of another hash or of an older release."""
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
