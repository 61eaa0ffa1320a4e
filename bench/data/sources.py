"""Every data set by name: the paper's three, ml-100k, their simulated look-alikes, and any folder."""

import importlib.util
import os
from functools import partial
from pathlib import Path

from bench.data.cache import Recipe, Source
from bench.data.folders import FOLDERS, PARTS, folder_recipe, released_recipe
from bench.data.recbole_files import inter_recipe
from bench.data.synthetic import SIMULATED, simulated_recipe
from bench.spec import BenchError, unknown

MOVIELENS = "ml-100k"
SHIPPED = "reference"  # results/reference and reports/reference


def names() -> list[str]:
    """The built-in names."""
    return [*FOLDERS, MOVIELENS, *SIMULATED]


def find(name_or_folder: str, *, data_dir: Path | None = None) -> Source:
    """The source of a built-in name, or of a folder; no file is read and nothing fetched.

    ``data_dir`` holds local copies of the released sets: amazon-beauty/, Art/, taobao/.

    Raises:
        BenchError: for a name that is not known, or a folder that is not there or has no known layout.
    """
    if name_or_folder in FOLDERS:
        if data_dir is not None and not Path(data_dir).is_dir():
            raise BenchError(f"--data-dir {data_dir} is not a folder")
        return Source(name_or_folder, partial(released_recipe, name_or_folder, data_dir=data_dir))
    if name_or_folder in SIMULATED:
        return Source(name_or_folder, partial(simulated_recipe, name_or_folder))
    if name_or_folder == MOVIELENS:
        return Source(MOVIELENS, movielens_recipe)
    folder = Path(name_or_folder).expanduser().resolve()
    if folder.is_dir():
        if folder.name in names():
            raise BenchError(f"{folder} has the name of a built-in data set, for which it would pass; rename it")
        if folder.name == SHIPPED:
            raise BenchError(f"{folder}: results/{SHIPPED} holds the records that are shipped; rename the folder")
        return Source(folder.name, folder_layout(folder))
    if os.sep in name_or_folder:
        raise BenchError(f"data set folder {name_or_folder} is not there")
    raise unknown("data set", name_or_folder, names())


def movielens_folder() -> Path:
    """Where the recbole wheel keeps ml-100k; recbole itself is not imported.

    Raises:
        BenchError: when recbole is not installed.
    """
    spec = importlib.util.find_spec("recbole")
    if spec is None or not spec.submodule_search_locations:
        raise BenchError("data set ml-100k lies inside recbole, which is not installed: pip install recbole==1.2.1")
    return Path(spec.submodule_search_locations[0]) / "dataset_example" / "ml-100k"


def movielens_recipe(features: str | None) -> Recipe:
    """MovieLens 100k out of the recbole wheel: 5-core, leave-one-out by time, words of title and genres."""
    return inter_recipe(movielens_folder(), features, core=5)


def folder_layout(folder: Path) -> partial[Recipe]:
    if any((folder / part).exists() for part in PARTS):
        return partial(folder_recipe, folder)
    if any(folder.glob("*.inter")):
        return partial(inter_recipe, folder)
    raise BenchError(f"{folder}: no known layout; it needs {', '.join(PARTS)} with *_feat.npy, or an .inter file")
