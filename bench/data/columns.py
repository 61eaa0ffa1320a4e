"""The columns of a frame: found by name, and their cells as ids, numbers and moments, a bad one named with its row."""

import re
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from bench.spec import BenchError

UNKEPT = re.compile("[\0\r\ud800-\udfff]")  # what does not come back from a text file as it was written


def values_of(cells: pd.Series) -> pd.Series:
    """Categories as the values that they stand for, in the type of these."""
    return pd.Series(np.asarray(cells), name=cells.name) if isinstance(cells.dtype, pd.CategoricalDtype) else cells


def with_index(frame: pd.DataFrame, known: Sequence[Hashable]) -> pd.DataFrame:
    """``frame`` with levels of its index that have a name of ``known`` as columns, unless a column has one: parquet
    files keep an index beside the columns."""
    levels = [name for name in frame.index.names if name in known]
    return frame.reset_index(levels) if levels and not set(known) & set(frame.columns) else frame


def column(frame: pd.DataFrame, asked: Hashable, known: Sequence[str], what: str, remedy: str) -> Hashable:
    """The name of the column asked for, or else of the first of ``known`` that there is.

    Raises:
        BenchError: where there is none, with those there are.
    """
    found = [name for name in (known if asked is None else [asked]) if name in frame.columns]
    if not found:
        there, wanted = ", ".join(map(str, list(frame.columns)[:20])), " or ".join(known) if asked is None else asked
        raise BenchError(f"{what}: no column {wanted}; there are: {there}; {remedy}")
    if list(frame.columns).count(found[0]) > 1:
        raise BenchError(f"{what}: column {found[0]} stands twice; keep one")
    return found[0]


def check_names(frame: pd.DataFrame, what: str) -> None:
    """See that each column of a table whose columns all count has a name of its own.

    Raises:
        BenchError: for a column that has none, as the index that pandas writes along, and for a name that stands twice.
    """
    names = [str(name).strip() for name in frame.columns]
    for place, name in enumerate(names, 1):
        if not name or name.startswith("Unnamed: "):  # which pandas makes of none
            raise BenchError(f"{what}: column {place} has no name; name it or take it out (to_csv takes index=False)")
        if names.count(name) > 1:
            raise BenchError(f"{what}: column {name} stands twice; keep one")


def tokens(values: pd.Series, what: str) -> np.ndarray:
    """(n,) ids as text, without outer blanks; whole numbers that pandas holds as floats lose their ".0".

    Raises:
        BenchError: with its row, for one that is empty, a list, an object, a float that may be two whole numbers, or
            one that a text file does not keep.
    """
    values = values_of(values)
    if values.dtype == object:
        for row in [row for row, value in enumerate(values) if isinstance(value, dict | list | np.ndarray)][:1]:
            raise BenchError(
                f"{what}: row {row + 1}: {values.name} {values.iloc[row]!r:.60} is neither a text nor a number"
            )
    if pd.api.types.is_float_dtype(values):
        exact = 2.0 ** (np.finfo(f"f{values.dtype.itemsize}").nmant + 1)  # up to it, each whole number is a float
        for row in np.flatnonzero(np.abs(values.to_numpy(dtype=np.float64, na_value=np.nan)) >= exact)[:1]:
            said = f"{values.iloc[row]} is infinite, or too large for a {values.dtype} to tell it from its neighbours"
            raise BenchError(f"{what}: row {row + 1}: {values.name} {said}; store ids as text")
        if (values.dropna() % 1 == 0).all():
            values = values.astype("Int64")
    try:
        text = values.astype(pd.StringDtype("python")).str.strip().fillna("").to_numpy(dtype=object)
    except UnicodeDecodeError as error:  # of bytes, as parquet files may hold
        row = next(row for row, value in enumerate(values, 1) if value == error.object)
        said = f"{values.name} {error.object!r:.60} is bytes that are no text in UTF-8; store ids as text"
        raise BenchError(f"{what}: row {row}: {said}") from None
    for row in np.flatnonzero(text == "")[:1]:
        raise BenchError(
            f"{what}: row {row + 1} has no {values.name}; rows are counted from 1 after the header, without blank lines"
        )
    for token in [token for token in pd.unique(text) if UNKEPT.search(token)][:1]:
        said = f"{values.name} {token!r:.60} has a character that no text file keeps; take it out"
        raise BenchError(f"{what}: row {text.tolist().index(token) + 1}: {said}")
    return text


def numbers(values: pd.Series, what: str) -> np.ndarray:
    """(n,) numbers.

    Raises:
        BenchError: for a value that is no finite number, with its row.
    """
    values = values_of(values)
    if values.dtype.kind in "mMc":  # dates, durations and complex numbers, of which pandas would make others
        found = np.full(len(values), np.nan)
    else:
        found = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    for row in np.flatnonzero(~np.isfinite(found))[:1]:
        raise BenchError(f"{what}: row {row + 1}: {values.name} {values.iloc[row]!r:.60} is not a finite number")
    return found


def moments(values: pd.Series, what: str) -> np.ndarray:
    """(n,) times as ranks from 0, equal ones alike: numbers, or dates and times as text.

    Raises:
        BenchError: for a value that is neither, with its row.
    """
    values = values_of(values)
    found = values if pd.api.types.is_datetime64_any_dtype(values) else pd.to_numeric(values, errors="coerce")
    if pd.api.types.is_numeric_dtype(found):
        found = found.where(found.abs() < np.inf)
    if found.isna().any() and not pd.api.types.is_numeric_dtype(values):
        bare = values.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
        dates = pd.to_datetime(bare, errors="coerce", format="ISO8601", utc=True)
        found = min(dates, found, key=lambda read: read.isna().sum())  # what most of the column is
    for row in np.flatnonzero(found.isna())[:1]:
        said = "is neither a finite number nor a date such as 2023-07-23 10:00"
        raise BenchError(f"{what}: row {row + 1}: {values.name} {values.iloc[row]!r:.60} {said}")
    return np.unique(found.to_numpy(), return_inverse=True)[1]
