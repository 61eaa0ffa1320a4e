"""Ranks keep their numbers, take little space, and are not believed when they are damaged."""

import numpy as np
import pandas as pd
import pytest

from bench.files import digest, read_checked
from bench.store.ranks import decode, encode, write


def columns(n=15_576, n_items=8_678):
    rng = np.random.default_rng(0)
    ranks = {
        "rank_full": rng.integers(1, n_items, n),
        "ties_full": np.zeros(n),
        "rank_sampled": rng.integers(1, 101, n),
    }
    return pd.DataFrame(ranks).astype(np.int32)


@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_numbers_and_types_survive(kind):
    least, most = np.iinfo(kind).min, np.iinfo(kind).max
    frame = pd.DataFrame({"a": np.array([least, -1, 0, 1, most], dtype=kind), "b": np.arange(5, dtype=np.int32)})
    found = decode(encode(frame))
    assert pd.DataFrame(found).equals(frame)
    assert found["a"].dtype == kind


def test_no_cases_at_all():
    assert pd.DataFrame(decode(encode(columns(n=0)))).equals(columns(n=0))


def test_ranks_of_beauty_take_little_space():
    """Evenly spread ranks are the worst case: 13 bits and 7 bits per case are what there is to store."""
    least = 15_576 * (np.log2(8_678) + np.log2(100)) / 8
    assert least < len(encode(columns())) < 1.2 * least < 75 * 1024


def test_a_file_that_stands_is_not_written_again(tmp_path):
    path = tmp_path / "a"
    write(path, b"x")
    before = path.stat().st_ino
    write(path, b"x")
    assert path.stat().st_ino == before
    path.write_bytes(b"damaged")
    write(path, b"x")
    assert read_checked(path, digest(b"x")) == b"x"


def test_no_flipped_bit_is_believed(tmp_path):
    content = encode(columns(n=50))
    path = tmp_path / "a"
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(ValueError, match="was changed after it was written"):
            read_checked(path, digest(content))
    with pytest.raises(FileNotFoundError):
        read_checked(tmp_path / "b", digest(content))
