"""Columns by name; what an id, a number and a time are, and cells that are none, named with their row."""

import re

import numpy as np
import pandas as pd
import pytest

from bench.data.columns import TAKEN, check_modality, check_names, column, moments, numbers, tokens
from bench.spec import BenchError

FRAME = pd.DataFrame({"user": ["007", "7", "NA"], "item": ["a", "b,c", "null"], "n": [1.5, 2, 3]})


@pytest.mark.parametrize("value", [[1], {"id": 1}, np.array([1])])
def test_an_id_is_no_list_or_object(value):
    with pytest.raises(BenchError, match=r"f: row 2: user .* is neither a text nor a number"):
        tokens(pd.Series(["a", value], name="user"), "f")


def test_a_modality_is_a_word_under_which_a_model_can_keep_layers():
    nn = pytest.importorskip("torch.nn")
    assert TAKEN >= {name for name in dir(nn.ModuleDict) if name.isalnum()}
    for word in ("visual", "text", "audio2", "größe"):
        check_modality(word, "f")
        assert list(nn.ModuleDict({word: nn.Identity()})) == [word]
    for word in ("items", "my image", "2d", ""):
        with pytest.raises(BenchError, match="^f does not name a modality"):
            check_modality(word, "f")


def test_columns():
    assert column(FRAME, ("userID", "user"), "f", "").name == "user"
    with pytest.raises(BenchError, match="f: no column buyer; there are: user, item, n; name it"):
        column(FRAME, ["buyer"], "f", "name it")
    with pytest.raises(BenchError, match="f: column n occurs twice"):
        column(FRAME[["n", "n"]], ["n"], "f", "")


def test_names_where_all_columns_count():
    check_names(FRAME, "f")
    with pytest.raises(BenchError, match="f: column n occurs twice; keep one"):
        check_names(FRAME[["user", "n", "n"]], "f")
    for none in ("", " ", "Unnamed: 0"):
        with pytest.raises(BenchError, match=r"f: column 3 has no name; name it or take it out .*index=False"):
            check_names(FRAME.rename(columns={"n": none}), "f")


def test_tokens_are_text_without_blanks():
    assert tokens(pd.Series([" a", "b "], name="user"), "f").tolist() == ["a", "b"]
    assert tokens(pd.Series([1.0, 2.0], name="user"), "f").tolist() == ["1", "2"]
    assert tokens(pd.Series([1.5, 2.0], name="user"), "f").tolist() == ["1.5", "2.0"]
    for empty in ([1.0, np.nan], ["a", " "], ["a", None]):
        with pytest.raises(BenchError, match="f: row 2 has no user; rows are counted from 1 after the header"):
            tokens(pd.Series(empty, name="user"), "f")


@pytest.mark.parametrize("dtype", ["float64", "Float64", "float32", "Float32"])
@pytest.mark.parametrize("value", [2.0**53, -(2.0**53), 1e19, np.inf, -np.inf])
def test_ids_that_floats_do_not_tell_apart(dtype, value):
    """2**53 + 1 would be one with 2**53."""
    with pytest.raises(BenchError, match=r"f: row 3: user \S+ is infinite, or too large for a [fF]loat.*ids as text"):
        tokens(pd.Series([1, np.nan, value], name="user", dtype=dtype), "f")
    largest = int(2 ** (53 if "64" in dtype else 24)) - 1
    assert tokens(pd.Series([largest], name="user", dtype=dtype), "f").tolist() == [str(largest)]
    assert tokens(pd.Series([2**53 + 1], name="user"), "f").tolist() == ["9007199254740993"]


def test_numbers():
    assert numbers(pd.Series(["1", "2.5"], name="rating"), "f").tolist() == [1, 2.5]
    for bad in (["1", "good"], [1, np.inf], [1, None]):
        with pytest.raises(BenchError, match="f: row 2: rating .* is not a finite number"):
            numbers(pd.Series(bad, name="rating"), "f")


@pytest.mark.parametrize(
    "values",
    [
        [30, 10, 30, 20],
        ["30", "10", "30", "20.5"],
        pd.Series([30, 10, 30, 20], dtype="Int64"),
        [2**62 + 2, 2**62, 2**62 + 2, 2**62 + 1],
        ["2024-03-01", "2023-01-01T10:00:00", "2024-03-01", "2023-01-01 10:00:01+00:00"],
        [" 2024-03-01", "2023-01-01", "2024-03-01 ", " 2023-01-02"],  # as after ", " in a CSV
        pd.to_datetime(["2024-03-01", "2023-01-01", "2024-03-01", "2023-07-23"]),
    ],
)
def test_moments_are_ranks(values):
    assert moments(pd.Series(values, name="time"), "f").tolist() == [2, 0, 2, 1]


@pytest.mark.parametrize(
    "bad", [["2023-01-01", "noon"], ["2023-01-01", ""], [1.0, np.nan], ["3", "noon", "4"], [1.0, np.inf], ["1", "-inf"]]
)
def test_what_is_no_time(bad):
    with pytest.raises(BenchError, match="f: row 2: time .* is neither a finite number nor a date"):
        moments(pd.Series(bad, name="time"), "f")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["1690106400", "1690106401", "2020-01-01"], "time '2020-01-01' is a date in a column of numbers"),
        ([1690106400, 1690106401.5, " 2020-01-01 10:00"], "time ' 2020-01-01 10:00' is a date in a column of numbers"),
        (["2020-01-01", "2021-01-01", "5"], "time '5' is a number in a column of dates"),
        (["2020-01-01", "2021-01-01", 1690106400], "time 1690106400 is a number in a column of dates"),
    ],
)
def test_times_of_two_kinds(values, said):
    with pytest.raises(BenchError, match=f"f: row 3: {said}; write all times in one way"):
        moments(pd.Series(values, name="time"), "f")


@pytest.mark.parametrize("token", ["a\rb", "a\0b", "a\0", "\ud800"])
def test_an_id_that_a_text_file_does_not_keep(token):
    """A carriage return would begin a new line of ``users.csv``, a zero byte end the id there."""
    with pytest.raises(BenchError, match=r"f: row 3: user '.*' has a character that files lose; remove it"):
        tokens(pd.Series(["x", "a b", token, token], name="user", dtype=object), "f")


def test_an_id_of_several_lines():
    """Two stray quotes make one cell of all that is between them, lines of other users included."""
    said = r"f: row 2: user 'u4,i1\nu5,i5\nu5' has a line break, as a quote that is not closed makes; remove it"
    with pytest.raises(BenchError, match=re.escape(said)):
        tokens(pd.Series(["u3", "u4,i1\nu5,i5\nu5", "u6"], name="user"), "f")


def test_ids_that_are_bytes():
    assert tokens(pd.Series(["é".encode(), b" a"], name="user"), "f").tolist() == ["é", "a"]
    with pytest.raises(BenchError, match="f: row 2: user b'.xff' is bytes that are not UTF-8 text; store ids as text"):
        tokens(pd.Series([b"a", b"\xff"], name="user"), "f")


def test_categories_count_as_what_they_stand_for():
    """Of whole numbers that are floats, the ids would be 1.0 and 2.0, which no other file has."""
    ids = pd.Series(pd.Categorical([2.0, 1.0, 2.0]), name="user")
    assert tokens(ids, "f").tolist() == ["2", "1", "2"]
    assert numbers(ids, "f").tolist() == [2, 1, 2]
    days = pd.Series(pd.Categorical(pd.to_datetime(["2023-01-02", "2023-01-01"])), name="time")
    assert moments(days, "f").tolist() == [1, 0]
    with pytest.raises(BenchError, match="f: row 2 has no user"):
        tokens(pd.Series(pd.Categorical([1, None]), name="user"), "f")


@pytest.mark.parametrize(
    "values", [pd.to_datetime(["2023-01-01"]), pd.to_timedelta(["1s"]), pd.to_datetime(["2023-01-01 10:00Z"]), [1 + 2j]]
)
def test_dates_and_durations_are_no_numbers(values):
    """Pandas makes nanoseconds of them."""
    with pytest.raises(BenchError, match="f: row 1: price .* is not a finite number"):
        numbers(pd.Series(values, name="price"), "f")
