"""Folders of lists that are nearly right: ids of any kind, other names of files, no validation or test."""

from pathlib import Path

import pandas as pd

from bench.data.readers.features import ROWS
from bench.data.readers.folders import ALSO, PARTS, list_files
from bench.data.readers.lists import read_lines, words_of
from bench.spec import BenchError


def read_loose(folder: Path) -> tuple[pd.DataFrame, dict[str, Path]]:
    """The pairs as ``user_id``, ``item_id``, and ``x_label`` where there are parts; modality to its ``.npy`` file.

    Raises:
        BenchError: where there is no train.txt, a part or a modality has two files, or a list cannot be read.
    """
    present, rows = list_files(folder), []
    if PARTS["train"] not in present:
        raise BenchError(f"{folder} has no train.txt; give the file that holds the interactions")
    for label, (part, name) in enumerate(PARTS.items()):
        for file in the_one(folder, Path(name).stem, [one for one in (name, *ALSO.get(part, ())) if one in present]):
            for number, line in read_lines(folder / file):
                user, *items = words_of(line, folder / file, number)
                rows += [(user, item, label) for item in items]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "x_label"])
    found = {}
    for file in present:
        if match := ROWS.fullmatch(file):
            found.setdefault(match[1], []).append(file)
    files = {
        modality: folder / file for modality, several in found.items() for file in the_one(folder, modality, several)
    }
    return (frame if frame["x_label"].any() else frame.drop(columns="x_label")), files


def the_one(folder: Path, what: str, files: list[str]) -> list[str]:
    """The ``files``, of which there is one at most.

    Raises:
        BenchError: where there are two.
    """
    if len(files) > 1:
        raise BenchError(f"{folder} has two files of {what}, {files[0]} and {files[1]}; keep one")
    return files
