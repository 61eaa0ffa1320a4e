"""Feature rows in another order than the items: by an id column, by ids given, by row number."""

import numpy as np
import pandas as pd
import pytest

from bench.data.aligned import align, align_all, named
from bench.spec import BenchError

ITEMS = ["a", "b", "c"]
VALUES = np.array([[3.0, 4.0], [1.0, 2.0], [9.0, 9.0]])  # of c, a and z


def check(found):
    """a and c have a row, b has none, and the row of z is of no item."""
    assert found.rows.tolist() == [[1, 2], [0, 0], [3, 4]]
    assert found.rows.dtype == np.float32
    assert found.is_present.tolist() == [True, False, True]
    assert found.summary("image") == (
        "image features for 2 items, 1 without, whose rows are zero, 1 row of other items left out"
    )


@pytest.mark.parametrize("name", ["f.parquet", "f.csv", "f.tsv", "f.jsonl"])
@pytest.mark.parametrize("named", ["asin", "item_id", "id"])
def test_a_table_with_a_column_of_ids(tmp_path, name, named):
    frame = pd.DataFrame({"x": VALUES[:, 0], named: ["c", "a", "z"], "y": VALUES[:, 1]})
    path = tmp_path / name
    if name == "f.parquet":
        frame.to_parquet(path)
    elif name == "f.jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if name == "f.tsv" else ",")
    check(align(path, None, ITEMS, item="asin", modality="image"))
    check(align(frame, None, ITEMS, item="asin", modality="image"))


def test_a_table_whose_index_holds_the_ids(tmp_path):
    """Parquet keeps the index apart from the columns; another index is no feature."""
    frame = pd.DataFrame({"x": VALUES[:, 0], "y": VALUES[:, 1]}, index=pd.Index(["c", "a", "z"], name="asin"))
    frame.to_parquet(tmp_path / "f.parquet")
    check(align(tmp_path / "f.parquet", None, ITEMS, item="item", modality="image"))
    check(align(frame.reset_index().rename_axis("id"), None, ITEMS, item="item", modality="image"))


def test_a_column_of_whole_rows(tmp_path):
    frame = pd.DataFrame({"id": ["c", "a", "z"], "vector": list(VALUES)})
    frame.to_parquet(tmp_path / "f.parquet")
    check(align(tmp_path / "f.parquet", None, ITEMS, item="item", modality="image"))


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_columns_of_a_file_that_are_no_features(tmp_path, suffix):
    """The index that pandas writes along, and a column that stands twice."""
    frame, path = pd.DataFrame({"id": ["a", "b"], "x": [1.0, 2.0]}), tmp_path / f"f.{suffix}"
    for written, message in ((frame, "column 1 has no name"), (frame.set_index("x")[["id", "id"]], "id occurs twice")):
        written.to_csv(path, sep="\t" if suffix == "tsv" else ",")
        with pytest.raises(BenchError, match=rf"f\.{suffix}: .*{message}"):
            align(path, None, ITEMS, item="id", modality="image")


def test_an_array_with_ids(tmp_path):
    np.save(tmp_path / "f.npy", VALUES)
    (tmp_path / "ids.txt").write_text("c\na\nz\n")
    check(align(tmp_path / "f.npy", tmp_path / "ids.txt", ITEMS, item="item", modality="image"))
    check(align(VALUES, ["c", "a", "z"], ITEMS, item="item", modality="image"))


def test_ids_in_a_file_of_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "ids.txt").write_text("c\na\nz\n")
    check(align(VALUES, "~/ids.txt", ITEMS, item="item", modality="image"))


def test_an_array_by_row_number():
    """Items 0 and 2; row 1 is of no item."""
    found = align(VALUES, None, ["0", "2"], item="item", modality="image")
    assert (found.rows.tolist(), found.n_others) == ([[3, 4], [9, 9]], 1)
    assert found.summary("image").endswith("items, 1 row of other items left out")


def test_items_that_were_left_out_say_which_row_is_whose():
    """With item 3 there would be four rows if row k were that of item k; with item 0, row 0 is not of nobody."""
    names = {"item": "item", "modality": "image"}
    with pytest.raises(BenchError, match="features image: .* there are 3 rows and an item 3; .* start at 1"):
        align(VALUES, None, ["1", "2"], left_out=["3"], **names)
    with pytest.raises(BenchError, match="item ids such as 'b' are not row numbers"):
        align(VALUES, None, ["1", "2"], left_out=["b"], **names)
    found = align(VALUES, None, ["1", "2"], **names)
    assert found.summary("image") == (
        "image features for 2 items, 1 row of other items left out (row 0 belongs to no item, as ids start at 1)"
    )
    assert "row 0" not in align(VALUES, None, ["1", "2"], left_out=["0"], **names).summary("image")
    assert "row 0" not in align(VALUES, ["1", "2", "3"], ["1", "2"], **names).summary("image")


@pytest.mark.parametrize(
    ("given", "ids", "items", "message"),
    [
        (VALUES, None, ITEMS, "features image: item ids such as 'c' are not row numbers; give --row-ids image=FILE"),
        (VALUES, None, ["0", "9" * 5000], "there are 3 rows and an item 999"),
        (VALUES, None, ["0", "007"], "item ids such as '007' are not row numbers"),
        (VALUES, None, ["1", "3"], "there are 3 rows and an item 3; .* start at 1, give --row-ids image=FILE"),
        (VALUES, ["a", "b"], ITEMS, "features image has 3 rows, but there are 2 ids"),
        (VALUES, ["a", "b", ""], ITEMS, "ids of features image: row 3 has no id"),
        (VALUES, ["a", "a", "b"], ITEMS, "features image: item a has two rows; keep one"),
        (VALUES, ["x", "y", "z"], ITEMS, "features image: none of its ids is an item of the interactions; 'x'"),
        (VALUES[0], ["a", "b"], ITEMS, r"features image: a table of numbers is expected, found shape \(2,\)"),
        (VALUES * np.inf, ["a", "b", "c"], ITEMS, "features image: item a has a value that is not finite"),
        (VALUES * 1e39, ["a", "b", "c"], ITEMS, r"features image: the largest value of item a is 4e\+39; scale"),
        (pd.DataFrame({"x": [1.0]}), None, ITEMS, "features image: no column item or item_id"),
        (pd.DataFrame({"id": ["a"]}), None, ITEMS, "features image: a table of numbers is expected"),
        (pd.DataFrame({"id": ["a"], "title": ["red"], "n": [1]}), None, ITEMS, "row 1: title 'red' is not a finite"),
        (
            pd.DataFrame({"id": ["a", "b"], "v": [[1], [1, 2]]}),
            None,
            ITEMS,
            r"row 2: v \[1, 2\] is no .* the first, 1; ",
        ),
        (
            pd.DataFrame({"id": ["a", "b"], "v": [[1], None]}),
            None,
            ITEMS,
            "row 2: v None is no .* leave out rows of items",
        ),
        (pd.DataFrame({"id": ["a", "b"], "v": [[], [1]]}), None, ITEMS, r"row 1: v \[\] is no list of numbers;"),
        (
            pd.DataFrame({"id": ["a"], "v": [[1]], "n": [1]}),
            None,
            ITEMS,
            "column v holds whole rows as lists; remove the other columns, n",
        ),
        (pd.DataFrame({"id": ["a"], "x": [1]}), ["a"], ITEMS, "is a table, whose own .*; leave out --row-ids image"),
        (pd.DataFrame({"id": [], "v": []}), None, ITEMS, "none of its ids is an item of the interactions; None"),
    ],
)
def test_rows_that_cannot_be_placed(given, ids, items, message):
    with pytest.raises(BenchError, match=message):
        align(given, ids, items, item="item", modality="image")


def test_names_of_modalities():
    with pytest.raises(BenchError, match="features 'my image' does not name a modality .*such as image, text or audio"):
        align_all({"my image": VALUES}, {}, ITEMS, item="item")
    with pytest.raises(BenchError, match=r"features 'items' does not name a modality \(the name is torch's own\)"):
        align_all({"items": VALUES}, {}, ITEMS, item="item")
    with pytest.raises(BenchError, match="--row-ids text: there are no features of that name"):
        align_all({"image": VALUES}, {"text": ["a"]}, ITEMS, item="item")


def test_features_that_are_neither_table_nor_array():
    message = "features image: give a file, a pandas DataFrame or a NumPy array, not a builtins.list"
    with pytest.raises(BenchError, match=message):
        named([[1.0]], "image")
