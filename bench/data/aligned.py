"""Feature rows of any order, brought into the order of a data set's items."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.data.columns import ITEM, check_modality, check_names, column, numbers, tokens
from bench.data.preparing import by_value
from bench.data.readers.arrays import in_float32, load_npy, table_of_numbers
from bench.data.readers.lists import read_lines
from bench.data.tables import read_table
from bench.files import expanded
from bench.spec import BenchError, counted

COLUMNS = (*ITEM, "id", "asin")  # names of a column of item ids, beside the name that it has in the interactions
Given = str | Path | np.ndarray | pd.DataFrame  # feature rows, or the file that holds them
Ids = str | Path | Sequence | np.ndarray | pd.Series  # the item ids of feature rows, or the file that holds them


@dataclass(frozen=True, eq=False)
class Aligned:
    """The feature rows of one modality in the order of the items: (item, feat) float32, zeros for an item without one.

    ``is_present`` (item,) says which items have a row, ``n_others`` counts the rows of other items, and ``start`` is
    the least item id where row k is that of item k.
    """

    rows: np.ndarray
    is_present: np.ndarray
    n_others: int
    start: str

    def summary(self, modality: str) -> str:
        """Return the counts in words."""
        missing = int((~self.is_present).sum())
        text = f"{modality} features for {counted(int(self.is_present.sum()), 'item')}"
        text += f", {missing:,} without, whose rows are zero" if missing else ""
        text += f", {counted(self.n_others, 'row')} of other items left out" if self.n_others else ""
        return text + (f" (row 0 belongs to no item, as ids start at {self.start})" if self.start != "0" else "")


def align(
    given: Given,
    row_ids: Ids | None,
    items: Sequence[str],
    *,
    item: str | int,
    modality: str,
    left_out: Collection[str] = (),
) -> Aligned:
    """Bring the feature rows of one modality into the order of ``items``.

    A table has a column of item ids, which may have the name ``item`` of that column in the interactions. The rows of
    an array have ``row_ids``; without them, row k is that of the item whose id is the number k, which may also be one
    of ``left_out``, further items of the interactions.
    """
    what, start = named(given, modality), "0"
    if isinstance(given, np.ndarray) or str(given).lower().endswith(".npy"):
        values = given if isinstance(given, np.ndarray) else load_npy(expanded(given))
        all_ids = {*items, *left_out}
        ids = ids_of_rows(values, row_ids, all_ids, what=what, modality=modality)
        start = min(all_ids, key=by_value) if row_ids is None else start
    elif row_ids is not None:
        raise BenchError(f"{what} is a table, whose own column names the items; leave out --row-ids {modality}")
    else:
        ids, values = from_table(given, item=item, what=what)
    return place(pd.Index(ids), table_of_numbers(values, what), items, start=start, what=what)


def named(given: object, modality: str) -> str:
    """Return the name that messages use for the rows of a modality."""
    if not isinstance(given, Given):
        raise BenchError(
            f"features {modality}: give a file, a pandas DataFrame or a NumPy array, not a {type_name(given)}"
        )
    return f"features {modality}" if isinstance(given, (np.ndarray, pd.DataFrame)) else str(given)


def type_name(given: object) -> str:
    return f"{type(given).__module__}.{type(given).__qualname__}"


def ids_of_rows(values: np.ndarray, given: Ids | None, all_ids: set[str], *, what: str, modality: str) -> np.ndarray:
    """Return the item id of each row of an array, (row,); ``all_ids`` are those of the interactions."""
    if given is None:
        if not_numbers := [token for token in all_ids if not re.fullmatch("0|[1-9][0-9]*", token)]:
            remedy = f"give --row-ids {modality}=FILE, one item id per line in the order of the rows"
            raise BenchError(f"{what}: item ids such as {max(not_numbers)[:60]!r} are not row numbers; {remedy}")
        last = max(all_ids, key=by_value)
        if by_value(last) >= by_value(str(len(values))):
            raise BenchError(
                f"{what}: row k is that of item k, but there are {len(values)} rows and an item {last[:60]}; if "
                f"the rows are in another order, or their ids start at 1, give --row-ids {modality}=FILE"
            )
        return np.arange(len(values)).astype(str).astype(object)
    if isinstance(given, (str, Path)):
        given = [line for _, line in read_lines(expanded(given))]
    if len(given) != len(values):
        raise BenchError(f"{what} has {len(values)} rows, but there are {len(given)} ids for them; give one id per row")
    return tokens(pd.Series(list(given), name="id"), f"ids of {what}")


def from_table(given: str | Path | pd.DataFrame, *, item: str | int, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids and (row, feat) values of a table: one column per feature, or one column that holds whole rows."""
    id_names = tuple(dict.fromkeys((item, *COLUMNS)))
    frame = given if isinstance(given, pd.DataFrame) else read_table(expanded(given), as_text=set(id_names))
    check_names(frame, what)
    id_column = column(frame, id_names, what, "one column must hold the items' ids")
    ids, rest = tokens(id_column, what), frame.drop(columns=id_column.name, errors="ignore")
    objects = rest.select_dtypes(exclude="number")
    lists = [name for name in objects if any(isinstance(cell, list | tuple | np.ndarray) for cell in objects[name])]
    if lists and len(rest.columns) > 1:
        others = ", ".join(str(name) for name in rest if name != lists[0])[:200]
        raise BenchError(f"{what}: column {lists[0]} holds whole rows as lists; remove the other columns, {others}")
    if lists:
        return ids, from_lists(rest[lists[0]], what)
    return ids, np.column_stack([numbers(rest[name], what) for name in rest]) if len(rest.columns) else np.empty((0, 0))


def from_lists(cells: pd.Series, what: str) -> np.ndarray:
    """Return the (row, feat) values of a column of lists."""
    rows = []
    for row, cell in enumerate(cells, 1):
        try:
            values = np.array(cell, dtype=np.float64)
        except (ValueError, TypeError):
            values = np.empty(())
        if values.ndim != 1 or not values.size or rows and len(values) != len(rows[0]):
            why = f"{cell!r:.60} is no list of numbers" + (f" as long as the first, {len(rows[0])}" if rows else "")
            raise BenchError(f"{what}: row {row}: {cells.name} {why}; leave out rows of items that have none")
        rows.append(values)
    return np.stack(rows)


def place(ids: pd.Index, values: np.ndarray, items: Sequence[str], *, start: str, what: str) -> Aligned:
    """Bring ``values`` into the order of ``items``; ``start`` as in ``Aligned``."""
    for twice in ids[ids.duplicated()][:1]:
        raise BenchError(f"{what}: item {twice} has two rows; keep one")
    row = ids.get_indexer(list(items))
    is_present = row >= 0
    if not is_present.any():
        first = next(iter(ids), None)
        raise BenchError(f"{what}: none of its ids is an item of the interactions; {first!r} is its first")
    rows = np.zeros((len(items), values.shape[1]), dtype=np.float32)
    rows[is_present] = in_float32(values[row[is_present]], np.array(items, dtype=object)[is_present], what)
    return Aligned(rows, is_present, len(ids) - int(is_present.sum()), start)


def align_all(
    features: Mapping[str, Given],
    row_ids: Mapping[str, Ids],
    items: Sequence[str],
    *,
    item: str | int,
    left_out: Collection[str] = (),
) -> dict[str, Aligned]:
    """Return the aligned rows of each modality; ``row_ids`` may only name modalities of ``features``."""
    for modality in {**features, **row_ids}:
        check_modality(modality, f"features {modality!r}")
        if modality not in features:
            raise BenchError(f"--row-ids {modality}: there are no features of that name; give --features {modality}=")
    shared = {"item": item, "left_out": left_out}
    return {name: align(given, row_ids.get(name), items, modality=name, **shared) for name, given in features.items()}
