"""Lines of numbers: every letter is decoded by one rule, every mistake is named with its line."""

import pytest

from bench.data.readers.lists import LARGEST_ID, as_id, read_lines, read_lists
from bench.spec import BenchError


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "a.txt"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_any_line_end_and_a_byte_order_mark(write, end, mark):
    path = write(mark + end.join([b"0 1 2", b"", b"  ", b"1 3"]) + end)
    assert read_lines(path) == [(1, "0 1 2"), (4, "1 3")]
    assert read_lists(path, "user")[1].tolist() == [[0, 1], [0, 2], [1, 3]]


def test_letters_that_only_python_takes_for_line_ends_are_no_line_ends(write):
    assert read_lines(write("a\x0bb\u2028c\n".encode())) == [(1, "a\x0bb\u2028c")]


@pytest.mark.parametrize("number", [1, 2, 5000])
def test_other_encodings_are_named_with_their_line(write, number):
    lines = [b"0 1"] * 6000
    lines[number - 1] = "caf\u00e9 1".encode("latin-1")
    with pytest.raises(BenchError, match=rf"a\.txt, line {number}: a letter here is not UTF-8"):
        read_lines(write(b"\n".join(lines)))


def test_files_that_are_not_there_or_empty(tmp_path, write):
    with pytest.raises(BenchError, match=r"b\.txt is missing"):
        read_lines(tmp_path / "b.txt")
    with pytest.raises(BenchError, match=r"cannot be read \(Is a directory\)"):
        read_lines(tmp_path)
    for content in (b"", b"\n \r\n", b"\xef\xbb\xbf"):
        with pytest.raises(BenchError, match=r"a\.txt, line 1: the file is empty"):
            read_lines(write(content))


@pytest.mark.parametrize(("word", "expected"), [("0", 0), ("007", 7), (str(LARGEST_ID - 1), LARGEST_ID - 1)])
def test_ids(tmp_path, word, expected):
    assert as_id(word, tmp_path, 1) == expected


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (str(LARGEST_ID), "is too large"),
        ("9" * 5000, "id 9{40} is too large"),
        ("-1", "id -1 is negative"),
        ("\u00b2", "is not an integer"),
        ("\u0663", "is not an integer"),
        ("1.0", "'1.0' is not an integer"),
        ("+1", "is not an integer"),
        ("1_0", "is not an integer"),
    ],
)
def test_what_is_no_id(tmp_path, word, message):
    with pytest.raises(BenchError, match=f"line 3: .*{message}"):
        as_id(word, tmp_path / "a.txt", 3)
