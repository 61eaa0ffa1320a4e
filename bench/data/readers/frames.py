"""Tab-separated files whose header names the columns, ``name`` or ``name:type``."""

from collections.abc import Sequence
from pathlib import Path

from bench.data.readers.lists import fail, read_lines


def read_header(path: Path) -> dict[str, str]:
    """Column name to type ("" where the header gives none), in file order.

    Raises:
        BenchError: for a file that cannot be read, and a header of one column or with a column twice.
    """
    number, line = read_lines(path)[0]
    columns = [column.strip().partition(":") for column in line.split("\t")]
    names = [name for name, _, _ in columns]
    if len(columns) == 1:
        raise fail(path, number, f"columns are separated by tabs, and the header has none: {line[:60]!r}")
    for name in names:
        if not name or '"' in name:
            raise fail(path, number, f"{name!r} cannot be the name of a column")
        if names.count(name) > 1:
            raise fail(path, number, f"column {name} stands twice")
    return {name: kind for name, _, kind in columns}


def word_columns(header: dict[str, str]) -> list[str]:
    return [name for name, kind in header.items() if kind == "token_seq"]


def read_columns(path: Path, *choices: Sequence[str]) -> tuple[list[int], list[list[str]]]:
    """Line numbers, and for each of ``choices``, the names that a column may have, its values without outer blanks.

    Raises:
        BenchError: as ``read_header``; for a column that is not there, a line with another number of fields, and a
            file without lines.
    """
    header, places = list(read_header(path)), []
    for names in choices:
        found = [header.index(name) for name in names if name in header]
        if not found:
            raise fail(path, 1, f"no column {' or '.join(names)}; there are {', '.join(header)}")
        places.append(found[0])
    lines, rows = [], []
    for number, line in read_lines(path)[1:]:
        fields = line.split("\t")
        if len(fields) != len(header):
            raise fail(path, number, f"{len(fields)} fields, where the header has {len(header)}")
        lines.append(number)
        rows.append([fields[place].strip() for place in places])
    if not rows:
        raise fail(path, 2, "the file has a header only")
    return lines, [list(column) for column in zip(*rows, strict=True)]
