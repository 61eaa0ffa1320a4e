"""Strict reading of tab-separated files whose header names the columns, ``name`` or ``name:type``."""

from collections.abc import Sequence
from pathlib import Path

from bench.data.text_files import fail
from bench.spec import BenchError


def read_header(path: Path) -> dict[str, str]:
    """Column name to type ("" where the header gives none), in file order."""
    try:
        with open(path, encoding="utf8") as file:
            columns = [column.partition(":") for column in file.readline().rstrip("\r\n").split("\t")]
    except (OSError, UnicodeDecodeError) as error:
        raise BenchError(f"{path}, line 1: cannot be read ({error})") from None
    if not columns[0][0]:
        raise fail(path, 1, "the file is empty")
    return {name: kind for name, _, kind in columns}


def word_columns(header: dict[str, str]) -> list[str]:
    return [name for name, kind in header.items() if kind == "token_seq"]


def read_columns(path: Path, *choices: Sequence[str]) -> tuple[list[int], list[list[str]]]:
    """Line numbers, and for each of ``choices``, the names that a column may have, its values.

    Raises:
        BenchError: for a column that is not there, a line of another number of fields, a file without lines.
    """
    header, places = list(read_header(path)), []
    for names in choices:
        found = [header.index(name) for name in names if name in header]
        if not found:
            raise fail(path, 1, f"no column {' or '.join(names)}; there are {', '.join(header)}")
        places.append(found[0])
    lines, values = [], [[] for _ in choices]
    with open(path, encoding="utf8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            fields = line.rstrip("\r\n").split("\t")
            if number == 1 or fields == [""]:
                continue
            if len(fields) != len(header):
                raise fail(path, number, f"{len(fields)} fields, where the header has {len(header)}")
            lines.append(number)
            for column, place in zip(values, places, strict=True):
                column.append(fields[place])
    if not lines:
        raise fail(path, 2, "the file has a header only")
    return lines, values
