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
        lines: owner, the first id of a line, to where the line stands in the file, from 1.
        pairs: (n, 2) owner and id, in file order, repeats kept.
    """

    lines: dict[int, int]
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
    lines, lengths, ids = {}, [], []
    for number, (first, *words) in read_words(path):
        enter(lines, first, owner, path, number)
        lengths.append(len(words))
        ids += [as_id(word, path, number) for word in words]
    owners = np.repeat(np.array(list(lines), dtype=np.int64), lengths)
    return Lists(lines, np.stack([owners, np.array(ids, dtype=np.int64)], axis=1))


def enter(lines: dict[int, int], word: bytes, owner: str, path: Path, number: int) -> None:
    """Enter the first ``word`` of a line in ``lines``.

    Raises:
        BenchError: as ``as_id``; for an owner with two lines.
    """
    own = as_id(word, path, number)
    if own in lines:
        raise fail(path, number, f"{owner} {own} stands already in line {lines[own]}")
    lines[own] = number


def check_range(lines: dict[int, int], path: Path, n_items: int) -> None:
    """Items that no interaction knows cannot have features.

    Raises:
        BenchError: naming the first of ``lines`` whose item is ``n_items`` or more.
    """
    for item, number in lines.items():
        if item >= n_items:
            raise fail(path, number, f"item {item} is in no interaction ({n_items} items)")


def read_vectors(path: Path, n_items: int) -> Float32[np.ndarray, "{n_items} feat"]:
    """Read ``item f1 f2 ...`` lines; an item without a line gets zeros.

    Raises:
        BenchError: as ``read_lists``; for a vector of another length than the first, or not finite.
    """
    lines, vectors = {}, []
    for number, (first, *words) in read_words(path):
        enter(lines, first, "item", path, number)
        try:
            vectors.append(np.array([float(word) for word in words], dtype=np.float32))
        except ValueError as error:
            raise fail(path, number, f"not a number ({error})") from None
        if len(vectors[-1]) != len(vectors[0]) or not len(vectors[0]):
            raise fail(path, number, f"{len(vectors[-1])} values, where {len(vectors[0])} are expected")
        if not np.isfinite(vectors[-1]).all():
            raise fail(path, number, f"item {int(first)} has a value that is not finite")
    check_range(lines, path, n_items)
    table = np.zeros((n_items, len(vectors[0])), dtype=np.float32)
    table[list(lines)] = np.stack(vectors)
    return table
