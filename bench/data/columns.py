"""Finds the columns of a frame and reads their cells as ids, numbers or times; errors name the row of a bad cell."""

import re
from collections.abc import Hashable, Sequence
from numbers import Number

import numpy as np
import pandas as pd

from bench.spec import BenchError

# names of columns in the files of RecBole and MMRec
USER = ("user_id", "userID", "user")
ITEM = ("item_id", "itemID", "item")
TIME = ("timestamp",)
LABEL = "x_label"  # names the part: 0 train, 1 validation, 2 test

# words that name no modality, since models keep the layers of each in a torch.nn.ModuleDict, which has them itself
TAKEN = frozenset(
    "apply bfloat16 buffers children clear compile cpu cuda double eval float forward half ipu items keys modules mtia "
    "parameters pop to train type update values xpu".split()
)

UNKEPT = re.compile("[\0\r\n\ud800-\udfff]")  # characters that a text file of one id per line does not give back


def check_modality(word: str, what: str) -> None:
    """Refuse a ``word`` that cannot name a modality, in files and in models."""
    if not word.isidentifier() or word in TAKEN:
        why = "the name is torch's own" if word in TAKEN else "it is no word of letters, digits and _"
        raise BenchError(f"{what} does not name a modality ({why}); take another word, such as image, text or audio")


def values_of(cells: pd.Series) -> pd.Series:
    """Return a column of categories as a column of the values themselves; any other column as it is."""
    return pd.Series(np.asarray(cells), name=cells.name) if isinstance(cells.dtype, pd.CategoricalDtype) else cells


def column(frame: pd.DataFrame, names: Sequence[Hashable], what: str, remedy: str) -> pd.Series:
    """Return the column with the first of ``names`` that the frame has, or where it has none such a level of its index:
    parquet files keep an index beside the columns."""
    for name in names:
        if list(frame.columns).count(name) > 1:
            raise BenchError(f"{what}: column {name} occurs twice; keep one")
        if name in frame.columns:
            return frame[name]
    for name in names:
        if name in frame.index.names:
            return pd.Series(frame.index.get_level_values(name))
    wanted, there = " or ".join(map(str, names)), ", ".join(map(str, frame.columns[:20]))
    raise BenchError(f"{what}: no column {wanted}; there are: {there}; {remedy}")


def check_names(frame: pd.DataFrame, what: str) -> None:
    """Refuse a table, all of whose columns are used, with a column without a name or two of one name."""
    names = [str(name).strip() for name in frame.columns]
    for place, name in enumerate(names, 1):
        if not name or name.startswith("Unnamed: "):  # pandas gives this name to a column without one
            raise BenchError(f"{what}: column {place} has no name; name it or take it out (to_csv takes index=False)")
        if names.count(name) > 1:
            raise BenchError(f"{what}: column {name} occurs twice; keep one")


def tokens(values: pd.Series, what: str) -> np.ndarray:
    """Return ids (n,) as text, without outer blanks; whole numbers that pandas holds as floats lose their ".0"."""
    values = values_of(values)
    if values.dtype == object:
        for row in [row for row, value in enumerate(values) if isinstance(value, dict | list | np.ndarray)][:1]:
            raise BenchError(
                f"{what}: row {row + 1}: {values.name} {values.iloc[row]!r:.60} is neither a text nor a number"
            )
    if pd.api.types.is_float_dtype(values):
        exact = 2.0 ** (np.finfo(f"f{values.dtype.itemsize}").nmant + 1)  # below, floats hold whole numbers exactly
        for row in np.flatnonzero(np.abs(values.to_numpy(dtype=np.float64, na_value=np.nan)) >= exact)[:1]:
            why = f"{values.iloc[row]} is infinite, or too large for a {values.dtype} to tell it from its neighbours"
            raise BenchError(f"{what}: row {row + 1}: {values.name} {why}; store ids as text")
        if (values.dropna() % 1 == 0).all():
            values = values.astype("Int64")
    try:
        text = values.astype(pd.StringDtype("python")).str.strip().fillna("").to_numpy(dtype=object)
    except UnicodeDecodeError as error:  # parquet files may hold bytes
        row = next(row for row, value in enumerate(values, 1) if value == error.object)
        why = f"{values.name} {error.object!r:.60} is bytes that are not UTF-8 text; store ids as text"
        raise BenchError(f"{what}: row {row}: {why}") from None
    for row in np.flatnonzero(text == "")[:1]:
        raise BenchError(
            f"{what}: row {row + 1} has no {values.name}; rows are counted from 1 after the header, without blank lines"
        )
    for token in [token for token in pd.unique(text) if UNKEPT.search(token)][:1]:
        cause = "a line break, as a quote that is not closed makes" if "\n" in token else "a character that files lose"
        why = f"{values.name} {token!r:.60} has {cause}; remove it"
        raise BenchError(f"{what}: row {text.tolist().index(token) + 1}: {why}")
    return text


def numbers(values: pd.Series, what: str) -> np.ndarray:
    """Return a column as float64 numbers (n,)."""
    values = values_of(values)
    if values.dtype.kind in "mMc":  # dates, durations and complex numbers, which pandas would turn into real numbers
        floats = np.full(len(values), np.nan)
    else:
        floats = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    for row in np.flatnonzero(~np.isfinite(floats))[:1]:
        raise BenchError(f"{what}: row {row + 1}: {values.name} {values.iloc[row]!r:.60} is not a finite number")
    return floats


def moments(values: pd.Series, what: str) -> np.ndarray:
    """Return times, given as numbers or as dates, as ranks (n,) from 0; equal times have equal ranks."""
    values = values_of(values)
    times = values if pd.api.types.is_datetime64_any_dtype(values) else pd.to_numeric(values, errors="coerce")
    if pd.api.types.is_numeric_dtype(times):
        times = times.where(times.abs() < np.inf)
    others = times
    if times.isna().any() and not pd.api.types.is_numeric_dtype(values):
        bare = values.map(without_spaces)
        dates = pd.to_datetime(bare, errors="coerce", format="ISO8601", utc=True)
        times, others = sorted((dates, times), key=lambda parsed: parsed.isna().sum())  # most cells decide the type
    for row in np.flatnonzero(times.isna())[:1]:
        why = "is neither a finite number nor a date such as 2023-07-23 10:00"
        if pd.notna(others.iloc[row]):
            kinds = "a number in a column of dates", "a date in a column of numbers"
            why = f"is {kinds[pd.api.types.is_numeric_dtype(times)]}; write all times in one way"
        raise BenchError(f"{what}: row {row + 1}: {values.name} {values.iloc[row]!r:.60} {why}")
    return np.unique(times.to_numpy(), return_inverse=True)[1]


def without_spaces(cell: object) -> object:
    """Return a cell that may be a date without spaces around it; nothing for a number, which is no date."""
    if isinstance(cell, Number):
        return None
    return cell.strip() if isinstance(cell, str) else cell
