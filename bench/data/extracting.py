"""Makes feature rows for the items of a folder: from texts by a sentence encoder, from images by an image network."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

from bench.data import sources
from bench.data.aligned import COLUMNS
from bench.data.cache import content_hash
from bench.data.columns import check_names, column, tokens
from bench.data.readers.arrays import in_float32, load_npy
from bench.data.readers.features import dense
from bench.data.readers.folders import about, list_files, original_ids
from bench.data.tables import first_line, read_table
from bench.files import write_text, write_whole, writing
from bench.spec import BenchError, counted

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")
BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A model that turns content into rows; its name, version and weights are part of the data's identity."""

    name: str
    library: str  # package and version
    weights: str  # sha256 over all weights
    encode: Callable[[Sequence], np.ndarray]  # of texts, or paths of pictures, into (n, feat) rows


def require(package: str):
    """Import a package that only ``extract`` needs."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # only weights on this machine are used: nothing is downloaded
    try:
        return import_module(package)
    except ImportError as error:
        raise BenchError(f"extract needs {error.name or package}: pip install -e '.[extract]' in a checkout") from None


def missing(name: str, error: Exception) -> BenchError:
    """Return the error for an encoder whose weights are not on this machine."""
    return BenchError(
        f"encoder {name}: its weights are neither in a folder of that path nor in the hub's cache on this machine "
        f"({first_line(error)[:120]}); download them once where there is a network, or name a folder that has them"
    )


def encoder_of(name: str, library: str, model, encode: Callable[[Sequence], np.ndarray]) -> Encoder:
    """Return the encoder of ``model``; of a folder's name only the last part, since its place does not matter."""
    weights = {key: value.detach().cpu().float().numpy() for key, value in model.state_dict().items()}
    name = Path(name).name if os.path.isdir(name) else name
    return Encoder(name=name, library=library, weights=content_hash(weights), encode=encode)


def text_encoder(name: str) -> Encoder:
    """Load a model of sentence-transformers, given by the folder of its files or its name in the hub's cache."""
    library = require("sentence_transformers")
    try:
        model = library.SentenceTransformer(name, device="cpu", local_files_only=True)
    except (OSError, ValueError) as error:
        raise missing(name, error) from None

    def encode(texts: Sequence[str]) -> np.ndarray:
        return model.encode(list(texts), batch_size=BATCH, show_progress_bar=False)

    return encoder_of(name, f"sentence-transformers {library.__version__}", model, encode)


def image_encoder(name: str) -> Encoder:
    """Load a network of timm without its classifier, given by a folder of its files or its name in the hub's cache."""
    timm, torch, pictures = require("timm"), require("torch"), require("PIL.Image")
    source = f"local-dir:{name}" if os.path.isdir(name) else name
    try:
        model = timm.create_model(source, pretrained=True, num_classes=0).eval()
    except (OSError, RuntimeError, ValueError) as error:
        raise missing(name, error) from None
    prepare = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)

    def read(path: Path):
        try:
            with pictures.open(path) as picture:
                return prepare(picture.convert("RGB"))
        except (OSError, ValueError) as error:
            raise BenchError(f"{path} cannot be read as a picture ({error})") from None

    def encode(paths: Sequence[Path]) -> np.ndarray:
        with torch.inference_mode():
            parts = [paths[first : first + BATCH] for first in range(0, len(paths), BATCH)]
            return np.concatenate([model(torch.stack([read(path) for path in part])).numpy() for part in parts])

    return encoder_of(name, f"timm {timm.__version__}", model, encode)


def find_texts(path: Path) -> dict[str, str]:
    """Return the text of each item by its id: all columns of the table but that of the ids, joined by blanks."""
    frame = read_table(path, as_text=COLUMNS)
    check_names(frame, str(path))
    id_column = column(frame, COLUMNS, str(path), "one column must hold the items' ids")
    ids = tokens(id_column, str(path))
    for twice in pd.Index(ids)[pd.Index(ids).duplicated()][:1]:
        raise BenchError(f"{path}: item {twice} has two rows; keep one")
    rest = frame.drop(columns=id_column.name, errors="ignore")
    cells = rest.astype(object)  # a column of categories, for one, cannot take "" for a blank cell
    texts = cells.where(cells.notna(), "").astype(str).agg(" ".join, axis=1).str.strip()
    return {item: text for item, text in zip(ids, texts, strict=True) if text}


def find_images(folder: Path) -> dict[str, Path]:
    """Return the picture of each item by its id, which is the file's name without its ending."""
    if not folder.is_dir():
        raise BenchError(f"--images {folder} is not a folder")
    pictures = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in PICTURES:
            continue
        if (other := pictures.setdefault(path.stem, path)) != path:
            raise BenchError(f"--images {folder}: item {path.stem} has two, {other.name} and {path.name}; keep one")
    return pictures


def item_names(folder: Path) -> dict[str, int]:
    """Return the number of each item in the lists by its original id, from ``items.csv`` where import wrote one."""
    numbers = sources.find(str(folder)).load("none").ids["item"]
    names = original_ids(folder, "item", numbers)
    return {str(name): number for name, number in zip(names, numbers.tolist(), strict=True)}


def count_rows(folder: Path, modality: str) -> int:
    """Return the number of rows of the longest table of another modality in ``folder``, 0 where there is none.

    The tables of a folder must have equal numbers of rows, and may have rows of items that are in no list.
    """
    others = set(dense(list_files(folder)).values()) - {f"{modality}_feat.npy"}
    return max((len(load_npy(folder / file, mode="r")) for file in others), default=0)


def extract(folder: Path, modality: str, content: Mapping[str, object], encoder: Encoder) -> str:
    """Write ``<modality>_feat.npy`` and a file that names its encoder; return in words what was written."""
    path = folder / f"{modality}_feat.npy"
    if path.exists() and not about(path).exists():
        raise BenchError(f"{path} is there already, and extract did not make it; move it to another place first")
    names = item_names(folder)
    items = [name for name in names if name in content]
    if not items:
        raise BenchError(f"{folder}: no item has content for {modality}; ids there are such as {next(iter(names))!r}")
    rows = in_float32(np.asarray(encoder.encode([content[name] for name in items])), items, f"encoder {encoder.name}")
    n_rows = max(max(names.values()) + 1, count_rows(folder, modality))
    table = np.zeros((n_rows, rows.shape[1]), dtype=np.float32)
    table[[names[name] for name in items]] = rows
    with writing(f"folder {folder}", remedy="free it, or copy the data set to another place"):
        write_whole(path, lambda temporary: np.save(temporary, table))
        identity = {"encoder": encoder.name, "library": encoder.library, "weights": encoder.weights}
        write_text(about(path), json.dumps(identity, indent=1) + "\n")
    text = f"{path} has rows of {rows.shape[1]} values for {counted(len(items), 'item')} by {encoder.name}"
    return text + (f", {len(names) - len(items):,} without, whose rows are zero" if len(items) < len(names) else "")
