"""Reads text files of ids, with lines ``owner id id ...``."""

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import numpy as np

from bench.data.dataset import Pairs
from bench.files import regular
from bench.spec import BenchError

OTHER_SPACE = re.compile(r"[^\S \t]")
LARGEST_ID = 10**8  # an id as large as this is taken for a typing error


def fail(path: Path, line: int, what: str) -> BenchError:
    return BenchError(f"{path}, line {line}: {what}")


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Return the number, from 1, and the text of every line that is not blank; UTF-8, with or without a BOM."""
    try:
        content = regular(path).read_bytes()
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise BenchError(f"{path} is missing") from None
    except OSError as error:
        raise BenchError(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise fail(path, content.count(b"\n", 0, error.start) + 1, "a letter here is not UTF-8") from None
    lines = [(number, line.rstrip("\n")) for number, line in enumerate(StringIO(text, newline=None), 1) if line.strip()]
    if not lines:
        raise fail(path, 1, "the file is empty")
    return lines


def as_id(word: str, path: Path, line: int) -> int:
    """Return ``word``, a plain decimal number from 0 to below ``LARGEST_ID``, as an id."""
    is_number = word.isascii() and word.isdigit()
    if is_number and len(word) < 20 and int(word) < LARGEST_ID:
        return int(word)
    if is_number:
        raise fail(path, line, f"id {word[:40]} is too large")
    is_negative = word[:1] == "-" and word[1:].isdigit()
    if is_negative:
        raise fail(path, line, f"id {word} is negative")
    refuse_marks(word, path, line)
    raise fail(path, line, f"{word[:40]!r} is not an integer; python -m bench import takes ids of any kind")


def refuse_marks(word: str, path: Path, line: int) -> None:
    """Refuse a word that is most likely several ids, separated by commas, semicolons or bars."""
    if any(mark in word for mark in ",;|"):
        raise fail(path, line, f"ids are separated by blanks, but here stands {word[:40]!r}")


def words_of(line: str, path: Path, number: int) -> list[str]:
    """Return the words of a line, which blanks and tabs separate. At any other white space some programs end a line, so
    that these may be two lines."""
    if match := OTHER_SPACE.search(line):
        raise fail(path, number, f"the character {match[0]!r} is neither a blank, a tab nor the end of a line")
    return line.split()


def owned_lines(path: Path, owner: str) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the number of each line, the id of its owner, with which it begins, and its other words; ``owner``, "user"
    or "item", is for messages."""
    seen = {}
    for number, line in read_lines(path):
        first, *words = words_of(line, path, number)
        owner_id = as_id(first, path, number)
        if owner_id in seen:
            raise fail(path, number, f"{owner} {owner_id} stands already in line {seen[owner_id]}")
        seen[owner_id] = number
        yield number, owner_id, words


def read_lists(path: Path, owner: str) -> tuple[dict[int, int], Pairs]:
    """Return, of ``owner id id ...`` lines, owner to the number of its line, from 1, and the (n, 2) pairs of owner and
    id, in file order, repeats kept."""
    lines, pairs = {}, []
    for number, owner_id, words in owned_lines(path, owner):
        lines[owner_id] = number
        pairs += [(owner_id, as_id(word, path, number)) for word in words]
    return lines, np.array(pairs, dtype=np.int64).reshape(-1, 2)
