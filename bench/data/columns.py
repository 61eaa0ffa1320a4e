"""Strict reading of tab-separated files whose header names the columns, ``name`` or ``name:type``."""

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


def read_columns(path: Path, wanted: list[str]) -> tuple[list[int], dict[str, list[str]]]:
    """Line numbers, and the values of the columns ``wanted``.

    Raises:
        BenchError: for a column that is not there, a line of another number of fields, a file without lines.
    """
    header = list(read_header(path))
    places = [header.index(name) for name in wanted]
    lines, values = [], {name: [] for name in wanted}
    with open(path, encoding="utf8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            fields = line.rstrip("\r\n").split("\t")
            if number == 1 or fields == [""]:
                continue
            if len(fields) != len(header):
                raise fail(path, number, f"{len(fields)} fields, where the header has {len(header)}")
            lines.append(number)
            for name, place in zip(wanted, places, strict=True):
                values[name].append(fields[place])
    if not lines:
        raise fail(path, 2, "the file has a header only")
    return lines, values


def named(path: Path, *choices: tuple[str, ...]) -> list[str]:
    """For each of ``choices`` the name that the header of ``path`` has.

    Raises:
        BenchError: where it has none of them.
    """
    header = read_header(path)
    found = [next((name for name in names if name in header), None) for names in choices]
    for name, names in zip(found, choices, strict=True):
        if name is None:
            raise fail(path, 1, f"no column {' or '.join(names)}; there are {', '.join(header)}")
    return found
