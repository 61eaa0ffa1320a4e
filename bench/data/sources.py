"""Finds a data set by its name: the paper's three, ml-100k, the simulated sets, or any folder."""

import importlib.util
import os
from functools import partial
from pathlib import Path

import pooch

from bench.data.cache import Recipe, Source
from bench.data.readers.folders import PARTS, folder_recipe, list_files, recipe
from bench.data.readers.recbole import inter_recipe
from bench.data.synthetic import SIMULATED, simulated_recipe
from bench.files import cache_folder, expanded
from bench.spec import DATA_SETS, INSTALL_RECBOLE, BenchError, unknown

MOVIELENS = "ml-100k"
SHIPPED = "reference"  # folder of the shipped records and reports, below results and reports
FOLDERS = {"beauty": "amazon-beauty", "art": "Art", "taobao": "taobao"}  # the paper's sets, in their public release
MODALITIES = {"taobao": ("visual",)}  # the paper's setting; its other sets have visual and textual features
COMMIT = "3022b330a2089664bd45b3d498e88129b3415b62"
URL = f"https://raw.githubusercontent.com/hfutmars/MEGCF/{COMMIT}/Data"
SILENCE = 15  # a download fails after these seconds without a byte
RELEASED = Path(__file__).with_name("released.sha256")
PINS = {path: digest for digest, path in map(str.split, RELEASED.read_text().splitlines())}


def find(name_or_folder: str, *, data_dir: Path | None = None) -> Source:
    """Return the source of a built-in name or of a folder, without reading or downloading files.

    ``data_dir`` holds local copies of the released sets: amazon-beauty/, Art/, taobao/.
    """
    if name_or_folder in FOLDERS:
        if data_dir is not None and not os.path.isdir(data_dir):
            raise BenchError(f"--data-dir {data_dir} is not a folder")
        return Source(name_or_folder, partial(released_recipe, name_or_folder, data_dir=data_dir))
    if name_or_folder in SIMULATED:
        return Source(name_or_folder, partial(simulated_recipe, name_or_folder))
    if name_or_folder == MOVIELENS:
        # 5-core, leave-one-out by time, words of title and genres
        return Source(MOVIELENS, lambda features: inter_recipe(movielens_folder(), features, core=5))
    folder = folder_of(name_or_folder)
    if os.path.isdir(folder):  # for a path that is too long this is False, and not an error
        return folder_source(folder)
    if os.path.isfile(folder):
        raise BenchError(f"{name_or_folder} is a file; python -m bench import makes a data set of one")
    if os.sep in name_or_folder:
        raise BenchError(f"data set folder {name_or_folder} is not there")
    raise unknown("data set", name_or_folder, DATA_SETS)


def folder_of(text: str) -> Path:
    """Return the full path of a data set's folder, whose last part names the set: a link keeps its own name."""
    return Path(os.path.abspath(expanded(text)))


def folder_source(folder: Path) -> Source:
    """Return the source of a folder, by the layout of its files."""
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
    """Return the error for two requested data sets that have the same name."""
    return BenchError(f"{given}: another data set asked for is named {name}, too; rename one")


def check_name(folder: Path) -> None:
    """Refuse a folder whose name is that of a built-in set or of the shipped records, or cannot be shown in a table."""
    if folder.name in ("", ".."):
        raise BenchError(f"{folder}: a data set goes by the name of its folder, and this path has none; write it out")
    if not folder.name.isprintable():
        raise BenchError(f"folder {str(folder)!r}: its name has a character that cannot be printed; rename it")
    if folder.name in DATA_SETS:
        raise BenchError(f"{folder} has the name of a built-in data set; rename it, so that the two are not confused")
    if folder.name == SHIPPED:
        raise BenchError(f"{folder}: results/{SHIPPED} holds the records that are shipped; rename the folder")


def movielens_folder() -> Path:
    """Return the folder of ml-100k within the installed recbole, which is not imported."""
    spec = importlib.util.find_spec("recbole")
    if spec is None or not spec.submodule_search_locations:
        raise BenchError(f"data set ml-100k lies inside RecBole, which is not installed; run: {INSTALL_RECBOLE}")
    return Path(spec.submodule_search_locations[0]) / "dataset_example" / "ml-100k"


def released_recipe(name: str, features: str | None, *, data_dir: Path | None) -> Recipe:
    """Return the recipe of ``beauty``, ``art`` or ``taobao``, from a local copy or else from the public release."""
    modalities = MODALITIES.get(name, ("visual", "textual"))
    pins = {pin.split("/")[1]: digest for pin, digest in PINS.items() if pin.startswith(FOLDERS[name] + "/")}
    local, tried = find_local(name, data_dir)
    if local is None:
        present, locate = pins, lambda file: download(name, file, tried)
    else:
        present, locate = list_files(local), lambda file: local / file
    folder = local or f"a folder {FOLDERS[name]} below --data-dir"
    released = recipe(present, locate, name=name, features=features, modalities=modalities, folder=folder)
    if local and (differing := [file for file, digest in released.digests.items() if pins.get(file, digest) != digest]):
        raise BenchError(
            f"{local}: {', '.join(differing)} of data set {name} are not those of the public release; to run other "
            "data, give --datasets the path of their folder; the results then carry the folder's name"
        )
    return released


def find_local(name: str, data_dir: Path | None) -> tuple[Path | None, list[str]]:
    """Return the folder of set ``name`` below ``data_dir`` or ``$MCLN_BENCH_DATA``, and the places without it."""
    parents = {"--data-dir": data_dir, "MCLN_BENCH_DATA": os.environ.get("MCLN_BENCH_DATA")}
    tried = []
    for what, parent in parents.items():
        folder = expanded(parent) / FOLDERS[name] if parent else None
        if folder is not None and os.path.isdir(folder):
            return folder, tried
        tried.append(f"{what}: no folder {folder}" if folder else f"{what} is not set")
    return None, tried


def download(name: str, file: str, tried: list[str]) -> Path:
    """Return a file of the public release, downloaded unless a copy of the pinned hash is in the cache."""
    pin = f"{FOLDERS[name]}/{file}"
    target = cache_folder() / "raw" / FOLDERS[name]
    loader = pooch.HTTPDownloader(timeout=SILENCE)
    try:
        return Path(pooch.retrieve(f"{URL}/{pin}", PINS[pin], fname=file, path=target, downloader=loader))
    except Exception as error:  # whatever stops a download, the remedies are the same
        message = str(error).partition("\n")[0][:200]
        reason = f"download of {URL}/{pin} failed ({type(error).__name__}: {message})"
    raise BenchError(
        f"data set {name} is not available. Tried: {'; '.join([*tried, reason])}. Remedies: a network "
        f"connection; --data-dir or MCLN_BENCH_DATA naming a folder that has {pin}; "
        f"or a set that needs neither: ml-100k, {name}-sim"
    )
