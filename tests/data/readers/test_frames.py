"""Tab-separated columns: values without outer blanks, mistakes in the header named for what they are."""

import pytest

from bench.data.readers.frames import read_columns, read_header, word_columns
from bench.spec import BenchError


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "a.inter"
        path.write_text(text, encoding=encoding)
        return path

    return write


def test_columns_by_name_in_the_order_asked_for(write):
    path = write("user_id:token\ttitle:token_seq\tt\nu\tRed Car\t1\n\nv \t \t2\n")
    assert read_header(path) == {"user_id": "token", "title": "token_seq", "t": ""}
    assert word_columns(read_header(path)) == ["title"]
    lines, (times, users, titles) = read_columns(path, ("time", "t"), ("user_id",), ("title",))
    assert lines == [2, 4]
    assert (times, users, titles) == (["1", "2"], ["u", "v"], ["Red Car", ""])


def test_a_byte_order_mark_is_no_part_of_the_first_name(write):
    assert list(read_header(write("user\titem\n0\t1\n", encoding="utf-8-sig"))) == ["user", "item"]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("user_id,item_id", r"line 1: columns are separated by tabs, and the header has none: 'user_id,item_id'"),
        ("user_id item_id", r"line 1: columns are separated by tabs"),
        ("user\titem\titem:float", r"line 1: column item stands twice"),
        ('"user"\titem', r"line 1: '\"user\"' cannot be the name of a column"),
        ("user\t\titem", r"line 1: '' cannot be the name of a column"),
    ],
)
def test_headers_that_are_none(write, header, message):
    with pytest.raises(BenchError, match=message):
        read_header(write(header + "\n0\t1\n"))
