"""Folders of ``train.txt``, ``validation.txt``, ``test.txt``: any folder, and the paper's three sets."""

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import pooch

from bench.data.cache import Recipe, cache_folder, sha256
from bench.data.dataset import Dataset
from bench.data.features import read_features, select
from bench.data.text_files import read_lists
from bench.spec import BenchError

PARTS = ("train.txt", "validation.txt", "test.txt")
COMMIT = "3022b330a2089664bd45b3d498e88129b3415b62"
URL = f"https://raw.githubusercontent.com/hfutmars/MEGCF/{COMMIT}/Data"
FOLDERS = {"beauty": "amazon-beauty", "art": "Art", "taobao": "taobao"}  # the paper's sets
MODALITIES = {"taobao": ("visual",)}  # the paper's setting; every other set has both
PINS = {
    "amazon-beauty/i2e_review.txt": "e3e9b11f64a50bf0abf4ebd42a27c0c4b810b4df685e01c924b50edb2fef83a9",
    "amazon-beauty/i2e_title.txt": "796931323bcc9a1b4a740301f8ca1d73402c3ebd74106660d92e56ea8e5913b0",
    "amazon-beauty/i2e_visual.txt": "d306b6e673fedf653c7f05771f407b0503c01e06e7f197d66328e02047d5ca27",
    "amazon-beauty/test.txt": "232cc27d05ca299ad45324d213adbbddb19b67609ca1212ee7f054a213712517",
    "amazon-beauty/train.txt": "797631b6a4bcd9c6674afc309603fc3b24e8089e96f66767be737407f5ec92de",
    "amazon-beauty/validation.txt": "25d549f1412338d77041e534f1b13dc1deebb995c789d3d18d80852ca57bcf9d",
    "Art/i2e_review.txt": "002b90bdd39db8ec7c69f9ac73b013d2b4dccc47cc683a4708cbee12445d7b7c",
    "Art/i2e_title.txt": "b15793ef4d026ec1563fc7dede03a96c5a2d9626a318d231a99248a2ac8f3287",
    "Art/i2e_visual.txt": "713237ebc143e091a0ddd6577f177654e089ebbba4cc710ac8481f7ff980342e",
    "Art/test.txt": "bc8f158b2cea1784b74c06daf608d7749db08f55d90d94bb51abe4a82b38830e",
    "Art/train.txt": "e5e63b9e231963b6e8ae0af7192f6b1be5c9ecd25b1bbf2b7155e4c3f5fdd60a",
    "Art/validation.txt": "9cded7cd23c92c8b7cccc3f4a0d0d4ed021d932b0aad741289331ad46299f04f",
    "taobao/i2e_title.txt": "c3dd4d3fb4ab014f1700dcc09a2dabdc8883b71e7e2882e1b3b2359bffbdecd9",
    "taobao/i2e_visual.txt": "20bfadeaf78206cbde587fae32960a8d732e11eb28e4772d09af1f72b4d554c9",
    "taobao/test.txt": "3c64c4b2442f5b6e68b319443b1729619dd21bf88d66dc283a5624ccca48d5ae",
    "taobao/train.txt": "7ab7ce541087a8f9497710e43b8c49a6be861a119bca4dd8c6f0a3cf6952e151",
    "taobao/validation.txt": "a7c5f24db74c7c8c5dc9502f1c210cfd584b3865042e3e17e3fabe906d51b65e",
}


def folder_recipe(folder: Path, features: str | None) -> Recipe:
    """The recipe of any folder; its features are those whose files lie there."""
    return recipe(list_files(folder), lambda file: folder / file, features=features)


def released_recipe(name: str, features: str | None, *, data_dir: Path | None) -> Recipe:
    """The recipe of ``beauty``, ``art`` or ``taobao``: a local copy first, then the public release.

    Raises:
        BenchError: when neither can be had, with what was tried and the remedies.
    """
    modalities = MODALITIES.get(name, ("visual", "textual"))
    pins = {pin.split("/")[1]: digest for pin, digest in PINS.items() if pin.startswith(FOLDERS[name] + "/")}
    local, tried = find_local(name, data_dir)
    if local is None:
        present, locate = pins, lambda file: download(name, file, tried)
    else:
        present, locate = list_files(local), lambda file: local / file
    return recipe(present, locate, features=features, modalities=modalities, pins=pins)


def list_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def find_local(name: str, data_dir: Path | None) -> tuple[Path | None, list[str]]:
    """The folder of set ``name`` below ``data_dir`` or ``$MCLN_BENCH_DATA``, and where it is not."""
    places = {"--data-dir": data_dir, "MCLN_BENCH_DATA": os.environ.get("MCLN_BENCH_DATA")}
    tried = []
    for what, place in places.items():
        folder = Path(place) / FOLDERS[name] if place else None
        if folder is not None and folder.is_dir():
            return folder, tried
        tried.append(f"{what}: no folder {folder}" if folder else f"{what} is not set")
    return None, tried


def download(name: str, file: str, tried: list[str]) -> Path:
    """One file of the public release, kept under its pinned hash.

    Raises:
        BenchError: when it cannot be had whole.
    """
    pin = f"{FOLDERS[name]}/{file}"
    target = cache_folder() / "raw" / FOLDERS[name]
    loader = pooch.HTTPDownloader(timeout=15)
    try:
        return Path(pooch.retrieve(f"{URL}/{pin}", PINS[pin], fname=file, path=target, downloader=loader))
    except Exception as error:  # whatever stops a download, the remedies are the same
        reason = f"download of {URL}/{pin} failed ({type(error).__name__})"
    raise BenchError(
        f"data set {name} cannot be had. Tried: {'; '.join([*tried, reason])}. Remedies: a network "
        f"connection; --data-dir or MCLN_BENCH_DATA naming a folder that has {pin}; "
        f"or a set that needs neither: ml-100k, {name}-sim"
    )


def recipe(
    present: Collection[str],
    locate: Callable[[str], Path],
    *,
    features: str | None,
    modalities: Sequence[str] | None = None,
    pins: dict[str, str] | None = None,
) -> Recipe:
    feature_id, chosen = select(present, features, modalities=modalities)
    paths = {file: locate(file) for file in (*PARTS, *chosen.values())}
    digests = {file: sha256(path) for file, path in paths.items()}
    differing = [file for file, digest in digests.items() if pins and pins.get(file, digest) != digest]

    def build() -> Dataset:
        warnings = [f"{file} differs from the pinned release" for file in differing]
        return read_folder(paths, {m: paths[file] for m, file in chosen.items()}, feature_id, warnings=warnings)

    return Recipe(
        feature_id=feature_id,
        digests=digests,
        settings={"modalities": list(chosen)},
        modalities=tuple(chosen),
        build=build,
    )


def read_folder(paths: dict[str, Path], files: dict[str, Path], feature_id: str, *, warnings: list[str]) -> Dataset:
    """Read the three lists and the features.

    Raises:
        BenchError: for a broken file, with its line.
    """
    train, valid, test = (read_lists(paths[part], "user") for part in PARTS)
    if not len(train.pairs):
        raise BenchError(f"{paths['train.txt']}: no user has an item")
    users = np.concatenate([list(part.lines) for part in (train, valid, test)])
    items = np.concatenate([part.pairs[:, 1] for part in (train, valid, test)])
    rows, n_items, found = read_features(files, int(items.max()) + 1)
    n_users = int(users.max()) + 1
    return Dataset(
        name="",
        n_users=n_users,
        n_items=n_items,
        train=train.pairs,
        valid=valid.pairs,
        test=test.pairs,
        features=rows,
        feature_id=feature_id,
        hash="",
        warnings=warnings + count_gaps({"user": users, "item": items}) + found,
    )


def count_gaps(ids: dict[str, np.ndarray]) -> list[str]:
    """A warning for each kind of id with numbers left out below its largest."""
    gaps = {kind: int(values.max()) + 1 - len(np.unique(values)) for kind, values in ids.items()}
    return [f"{gap:,} {kind} ids below the largest never occur" for kind, gap in gaps.items() if gap]
