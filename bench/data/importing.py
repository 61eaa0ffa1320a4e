"""Makes a folder of lists from interactions of any origin: ids become numbers from 0, and are kept beside the lists."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bench.data import audit, sources
from bench.data.aligned import Aligned, Given, Ids, align_all, type_name
from bench.data.columns import ITEM, USER
from bench.data.dataset import Dataset
from bench.data.interactions import Choices, check_parts, select, split
from bench.data.preparing import Parts, number
from bench.data.readers.features import DEEP
from bench.data.readers.folders import PARTS, list_files, read_loose
from bench.data.tables import read_table
from bench.files import expanded, write_folder
from bench.spec import BenchError, counted, read

SINGULAR = {"repeats of a pair": "repeat of a pair", "users without an item": "user without an item"}


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The result of an import: the folder that was written, and its data set; as text, a summary.

    ``how`` names the split in words; ``unread`` are files of features beside the interactions that import cannot read.
    """

    folder: Path
    dataset: Dataset
    left_out: dict[str, int]
    features: dict[str, Aligned]
    how: str
    unread: Sequence[str] = ()

    def __str__(self) -> str:
        data, n = self.dataset, audit.stats(self.dataset)["interactions"]
        among = " of these" if n == len(data.train) + len(data.test) else ""
        sizes = f"{len(data.train):,} to train on, {len(data.valid):,}{among} for validation, "
        sizes += f"{len(data.test):,} for test"
        totals = f"{counted(data.n_users, 'user')}, {counted(data.n_items, 'item')}, {counted(n, 'interaction')}"
        texts = (f"{n:,} {SINGULAR.get(why, why) if n == 1 else why}" for why, n in self.left_out.items())
        left = ", ".join(texts) or "nothing"
        parts = [f"{self.folder} holds {totals}, split {self.how} ({sizes})", f"left out: {left}"]
        if untrained := data.n_users - len(np.unique(data.train[:, 0])):
            parts.append(f"{counted(untrained, 'user')} with nothing to train on")
        parts += [aligned.summary(modality) for modality, aligned in self.features.items()]
        if self.unread:
            parts.append(f"features not read: {', '.join(self.unread)} (--features takes .npy files and tables)")
        protocol = "" if len(data.valid) else " --protocols paper"  # clean needs validation pairs to choose epochs
        return f"{'; '.join(parts)}.\nTo use it: python run_all.py --datasets {shlex.quote(str(self.folder))}{protocol}"


def import_file(path: Path, out: Path, *, features: Mapping[str, Given] | None = None, **choices) -> Imported:
    """Do as ``dataset_from_frame``, from a file, or from a folder of lists whose ids may be of any kind."""
    id_columns, unread, left_out = filter(None, (choices.get("user"), choices.get("item"))), [], {}
    if path.is_dir():
        frame, in_folder, n_without = read_loose(path)
        left_out = {"users without an item": n_without} if n_without else {}
        features = {**in_folder, **(features or {})}
        used = {Path(given).name for given in features.values() if isinstance(given, (str, Path))}
        of_features = [f for f in list_files(path) if f.endswith(".npy") or f.startswith("i2e_") or f in DEEP.values()]
        unread = [file for file in of_features if file not in used]
    else:
        frame = read_table(path, as_text={*id_columns, *USER, *ITEM})
    imported = dataset_from_frame(frame, out=out, features=features, origin=str(path), **choices)
    return replace(imported, left_out=left_out | imported.left_out, unread=unread)


def dataset_from_frame(
    frame: pd.DataFrame,
    *,
    out: str | Path,
    features: Mapping[str, Given] | None = None,
    row_ids: Mapping[str, Ids] | None = None,
    origin: str = "the frame",
    **choices,
) -> Imported:
    """Write the interactions of ``frame``, one per row, as a data set in the folder ``out``.

    Args:
        features: modality (image, text, audio, any other word) to a frame or file with a column of item ids, or to an
            array or ``.npy`` file of rows; an item without a row gets zeros, which models take for no content.
        row_ids: modality to the item ids of an array's rows, in their order; without them, row k is that of item k.
        origin: the name of the frame in messages.
        choices: the fields of ``Choices``.

    Raises:
        BenchError: for anything but a frame, missing columns, values that cannot be read, with their row, when no
            interaction is left, and for an ``out`` that is not empty or cannot be written.
    """
    if not isinstance(frame, pd.DataFrame):
        raise BenchError(f"{origin}: give a pandas DataFrame, not a {type_name(frame)}")
    out, chosen = expanded(out), read(Choices, choices, what="argument")
    sources.check_name(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BenchError(f"{out} is there already; choose another --out, or remove it first")
    kept = select(frame, chosen, origin)
    (users, user), (items, item) = (number(kept.rows[kind].to_numpy(dtype=object)) for kind in ("user", "item"))
    aligned = align_all(features or {}, row_ids or {}, items, item=kept.item_name, left_out=kept.all_items)
    parts, how = split(np.stack([user, item], axis=1), kept, chosen)
    check_parts(parts, kept, chosen, origin=origin, how=how)
    with write_folder(out, remedy="choose another --out") as folder:
        write(folder, parts, {"user": users, "item": items}, aligned)
        dataset = replace(sources.find(str(folder.absolute())).load(), name=out.name)  # an unreadable folder is removed
    return Imported(folder=out, dataset=dataset, left_out=kept.left_out, features=aligned, how=how)


def write(folder: Path, parts: Parts, ids: Mapping[str, Sequence[str]], features: Mapping[str, Aligned]) -> None:
    """Write the lists, ``users.csv``, ``items.csv`` (number, id, whether an item has each modality), and the rows."""
    for name, pairs in zip(PARTS.values(), parts, strict=True):
        lists = pd.Series(pairs[:, 1].astype(str)).groupby(pairs[:, 0]).agg(" ".join).to_dict()
        lines = (f"{user} {lists.get(user, '')}".rstrip() for user in range(len(ids["user"])))
        (folder / name).write_text("\n".join([*lines, ""]))
    for kind, ids_of_kind in ids.items():
        table = pd.DataFrame({"number": range(len(ids_of_kind)), "id": ids_of_kind})
        if kind == "item":
            table = table.assign(**{f"has_{name}": rows.is_present.astype(int) for name, rows in features.items()})
        table.to_csv(folder / f"{kind}s.csv", index=False)
    for name, aligned in features.items():
        np.save(folder / f"{name}_feat.npy", aligned.rows)
