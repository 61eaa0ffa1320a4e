"""Strict reading of the text files: every mistake is named with file and line."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64

from bench.spec import BenchError

LARGEST_ID = 10**8  # beyond it an id is a typing error, and arrays as long as the largest id would not fit


@dataclass(frozen=True)
class Lists:
    """One list of ids an owner, as ``owner id id ...`` lines give them.

    Attributes:
        owners: (line,) the first id of each line.
        lines: (line,) where it stands in the file, from 1.
        pairs: (n, 2) owner and id, in file order, repeats kept.
    """

    owners: Int64[np.ndarray, " line"]
    lines: Int64[np.ndarray, " line"]
    pairs: Int64[np.ndarray, "_ 2"]


def fail(path: Path, line: int, what: str) -> BenchError:
    return BenchError(f"{path}, line {line}: {what}")


def read_words(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Line number and words of every line that is not blank.

    Raises:
        BenchError: for a file that is missing, unreadable or empty.
    """
    empty = True
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                if words := line.split():
                    empty = False
                    yield number, words
    except FileNotFoundError:
        raise BenchError(f"{path} is missing") from None
    except OSError as error:
        raise BenchError(f"{path} cannot be read ({error.strerror})") from None
    if empty:
        raise fail(path, 1, "the file is empty")


def as_id(word: bytes, path: Path, line: int) -> int:
    """``word`` as an id from 0.

    Raises:
        BenchError: for anything but a plain decimal number below ``LARGEST_ID``.
    """
    if word.isdigit() and int(word) < LARGEST_ID:
        return int(word)
    shown = word.decode(errors="replace")
    if word.isdigit():
        raise fail(path, line, f"id {shown} is too large")
    is_negative = word[:1] == b"-" and word[1:].isdigit()
    raise fail(path, line, f"id {shown} is negative" if is_negative else f"{shown!r} is not an integer")


def read_lists(path: Path, owner: str) -> Lists:
    """Read ``owner id id ...`` lines; ``owner`` ("user", "item") is for messages.

    Raises:
        BenchError: as ``read_words`` and ``as_id``; for an owner with two lines.
    """
    first, lengths, ids = {}, [], []
    for number, words in read_words(path):
        values = [as_id(word, path, number) for word in words]
        if values[0] in first:
            raise fail(path, number, f"{owner} {values[0]} stands already in line {first[values[0]]}")
        first[values[0]] = number
        lengths.append(len(values) - 1)
        ids += values[1:]
    owners = np.array(list(first), dtype=np.int64)
    pairs = np.stack([np.repeat(owners, lengths), np.array(ids, dtype=np.int64)], axis=1)
    return Lists(owners, np.array(list(first.values()), dtype=np.int64), pairs)


def check_range(lists: Lists, path: Path, n_items: int) -> None:
    """Items that no interaction knows cannot have features.

    Raises:
        BenchError: naming the first line whose item is ``n_items`` or more.
    """
    for row in np.flatnonzero(lists.owners >= n_items)[:1]:
        raise fail(path, int(lists.lines[row]), f"item {lists.owners[row]} is in no interaction ({n_items} items)")


def read_vectors(path: Path, n_items: int) -> Float32[np.ndarray, "{n_items} feat"]:
    """Read ``item f1 f2 ...`` lines; an item without a line gets zeros.

    Raises:
        BenchError: as ``read_lists``; for a vector of another length than the first, or not finite.
    """
    lines, items, vectors = [], [], []
    for number, words in read_words(path):
        items.append(as_id(words[0], path, number))
        lines.append(number)
        try:
            vectors.append(np.array([float(word) for word in words[1:]], dtype=np.float32))
        except ValueError as error:
            raise fail(path, number, f"not a number ({error})") from None
        if len(vectors[-1]) != len(vectors[0]) or not len(vectors[0]):
            raise fail(path, number, f"{len(vectors[-1])} values, where {len(vectors[0])} are expected")
        if not np.isfinite(vectors[-1]).all():
            raise fail(path, number, f"item {items[-1]} has a value that is not finite")
    owners = np.array(items, dtype=np.int64)
    check_range(Lists(owners, np.array(lines), np.empty((0, 2), np.int64)), path, n_items)
    _, kept = np.unique(owners, return_index=True)
    for row in np.setdiff1d(np.arange(len(owners)), kept)[:1]:
        raise fail(path, lines[row], f"item {items[row]} has a line already")
    table = np.zeros((n_items, len(vectors[0])), dtype=np.float32)
    table[owners] = np.stack(vectors)
    return table
