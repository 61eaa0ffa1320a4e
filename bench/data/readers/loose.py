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
        BenchError: where there is no train.txt, or a list cannot be read.
    """
    present, rows = list_files(folder), []
    if PARTS["train"] not in present:
        raise BenchError(f"{folder} has no train.txt; give the file that holds the interactions")
    for label, (part, name) in enumerate(PARTS.items()):
        for file in [one for one in (name, *ALSO.get(part, ())) if one in present][:1]:
            for number, line in read_lines(folder / file):
                user, *items = words_of(line, folder / file, number)
                rows += [(user, item, label) for item in items]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "x_label"])
    found = {match[1]: folder / file for file in present if (match := ROWS.fullmatch(file))}
    return (frame if frame["x_label"].any() else frame.drop(columns="x_label")), found
