"""Reads tables of interactions and features, in the usual formats, as pandas frames."""

import csv
import gzip
import json
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path

import pandas as pd

from bench.files import regular
from bench.spec import BenchError

TEXT = (".csv", ".tsv", ".txt", ".inter", ".item")
LINES = (".jsonl", ".ndjson", ".json")
SEPARATORS = ",\t;|"


def read_table(path: Path, *, as_text: Collection[str] = ()) -> pd.DataFrame:
    """Read a table: parquet, JSON lines, or text with a header and columns separated by comma, tab, ; or |.

    The type that RecBole writes after a column's name is cut off. The columns ``as_text`` keep the text of the file,
    so that 007 differs from 7, and an empty cell is "".
    """
    with reading(path) as suffix:
        if suffix == ".parquet":
            return pd.read_parquet(path)
        return read_json_lines(path) if suffix in LINES else read_text(path, as_text)


@contextmanager
def reading(path: Path) -> Iterator[str]:
    """Yield the suffix of the file's name, which gives the format, and turn any error of reading into BenchError."""
    suffix = (Path(path.stem).suffix if path.suffix == ".gz" else path.suffix).lower()
    if not regular(path).is_file():
        raise BenchError(f"{path} is a folder" if path.is_dir() else f"{path} is missing")
    if suffix not in (suffixes := (".parquet", *LINES, *TEXT)):
        raise BenchError(f"{path}: its name must end in one of {', '.join(suffixes)}")
    try:
        yield suffix
    except BenchError:
        raise
    except Exception as error:  # zlib.error, ArrowException, RecursionError: damage shows in many ways
        raise BenchError(f"{path} cannot be read as a {suffix} table ({first_line(error)})") from None


def read_json_lines(path: Path) -> pd.DataFrame:
    """Read JSON lines with the types in the file: the reader of pandas turns numbers into dates by a column's name."""
    with opened(path) as lines:
        return pd.DataFrame([json_object(line, number) for number, line in enumerate(lines, 1) if line.strip()])


def json_object(line: str, number: int) -> dict:
    """Return the object on a line; raise ValueError, with the ``number`` of the line, for anything else."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        value = error
    if isinstance(value, dict):
        return value
    if line.lstrip().startswith("["):
        raise ValueError(f"line {number} begins an array; write one object per line, without brackets around them")
    why = f"{value.msg} at column {value.colno}" if isinstance(value, json.JSONDecodeError) else "it is no object"
    raise ValueError(f"line {number}: {why}; each line must be one object, such as {{...}}")


@contextmanager
def opened(path: Path) -> Iterator[TextIOWrapper]:
    """Yield the text of a file; raise ValueError, with the line, for a letter that is not UTF-8."""
    unpack = gzip.open if path.suffix == ".gz" else open
    try:
        with unpack(path, "rt", encoding="utf-8-sig", newline="") as text:
            yield text
    except UnicodeDecodeError:
        with unpack(path, "rb") as lines:
            number = next(n for n, line in enumerate(lines, 1) if line.decode(errors="ignore").encode() != line)
        raise ValueError(f"line {number} has a letter that is not UTF-8; save the file in UTF-8") from None


def first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def header(path: Path) -> tuple[list[str], list[str], dict]:
    """Return the columns' names and types ("" where there is none), and the dialect whose separator gives most columns.

    In text with tabs, as RecBole and Amazon write it, a quote is an ordinary character: read as a quote, a single one
    would swallow the lines up to the next. Only where the names are in quotes are the cells read so, too.
    """
    dialects = [{"delimiter": mark, "quoting": csv.QUOTE_MINIMAL} for mark in SEPARATORS]
    with reading(path), opened(path) as lines:
        first = next((line for line in lines if line.strip()), "")
        if not first.startswith('"'):
            dialects[SEPARATORS.index("\t")]["quoting"] = csv.QUOTE_NONE
        headers = [next(csv.reader([first], **dialect), []) for dialect in dialects]
        cells, dialect = max(zip(headers, dialects, strict=True), key=lambda pair: len(pair[0]))
        names, kinds = ([cell.partition(":")[part].strip() for cell in cells] for part in (0, 2))
        if len(cells) == 1 and "::" in first:
            raise ValueError("its columns are separated by ::, which is not read; replace each by a tab or a comma")
        if not any(names):
            raise ValueError("its first line must hold the columns' names")
    return names, kinds, dialect


def read_text(path: Path, as_text: Collection[str]) -> pd.DataFrame:
    names, _, dialect = header(path)
    refuse_zeros(path)
    options = {"encoding": "utf-8-sig", "keep_default_na": False, "index_col": False}
    options |= {"low_memory": False}  # in pieces, pandas would give each piece of a column its own type, and warn
    types = {place: str for place, name in enumerate(names) if name in as_text}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # rows with more cells than the header has
        try:
            frame = pd.read_csv(path, header=0, names=range(len(names)), dtype=types, **dialect, **options)
        except (pd.errors.ParserWarning, pd.errors.ParserError) as error:
            raise ValueError(describe_bad_row(path, dialect, len(names), error)) from None
    return frame.set_axis(names, axis=1)


def refuse_zeros(path: Path) -> None:
    """Refuse a file with zero bytes: pandas ends a cell at such a byte, so that two ids may become one."""
    number = 1
    with opened(path) as text:
        while piece := text.read(2**20):
            before, zero, _ = piece.partition("\0")
            number += before.count("\n")
            if zero:
                raise ValueError(f"line {number} has a zero byte, as files that were cut off while written do; mend it")


def describe_bad_row(path: Path, dialect: dict, n_columns: int, error: Exception) -> str:
    """Say which row has more cells than the header, or a quote that is not closed, and what to do about it."""
    before = end = 0
    with opened(path) as lines, suppress(csv.Error):  # for a cell that is too long, as an unclosed quote makes one
        rows = csv.reader(lines, **dialect)
        for row in rows:
            if len(row) > n_columns:
                has_quotes = dialect["quoting"] != csv.QUOTE_NONE
                remedy = "put a cell that contains {} in quotes" if has_quotes else "a cell must not contain {}"
                remedy = remedy.format(repr(dialect["delimiter"]))
                return f"line {rows.line_num} has {len(row)} cells where the header has {n_columns}; {remedy}"
            before, end = end, rows.line_num
        end = before
    if "EOF inside string" in str(error):
        return f"line {end + 1} has a quote that is not closed; close it, or write it twice if it belongs to the cell"
    return str(error)
