"""Folders of lists that cannot be read: each names its file, and its line where it has lines."""

import os

import numpy as np
import pytest

from bench.data import sources
from bench.data.readers.folders import original_ids
from bench.spec import BenchError
from tests.data.files import GOOD, lists_only, spread, write_folder


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("train.txt", "0 0 1\n1 x 3\n", r"train\.txt, line 2: 'x' is not an integer"),
        ("train.txt", "0 0 1\n\n1 2.0\n", r"train\.txt, line 3: '2\.0' is not an integer"),
        ("train.txt", "0 1_0\n", r"train\.txt, line 1: '1_0' is not an integer"),
        ("train.txt", "0 0\n1 -2\n", r"train\.txt, line 2: id -2 is negative"),
        ("train.txt", "0 0\n-1 2\n", r"train\.txt, line 2: id -1 is negative"),
        ("train.txt", "0 99999999999\n", r"train\.txt, line 1: id 99999999999 is too large"),
        ("train.txt", "0 0\n1 1\n0 2\n", r"train\.txt, line 3: user 0 stands already in line 1"),
        ("train.txt", "", r"train\.txt, line 1: the file is empty"),
        ("train.txt", "0\n1\n", r"train\.txt: no user has an item"),
        ("validation.txt", "\n\n", r"validation\.txt, line 1: the file is empty"),
        ("test.txt", "0 a\n", r"test\.txt, line 1: 'a' is not an integer"),
        ("test.txt", "0 1\n0 2\n", r"test\.txt, line 2: user 0 stands already in line 1"),
        ("i2e_visual.txt", "0 1\n4 2\n", r"i2e_visual\.txt, line 2: item 4 is in no interaction \(4 items\)"),
        ("i2e_title.txt", "0 1\n0 2\n", r"i2e_title\.txt, line 2: item 0 stands already in line 1"),
        ("i2e_title.txt", "0 nan\n", r"i2e_title\.txt, line 1: 'nan' is not an integer"),
        ("i2e_title.txt", "0\n1\n", r"i2e_title\.txt: no item has an entity"),
        ("item2imgfeat.txt", "0 1 2\n1 3\n", r"item2imgfeat\.txt, line 2: 1 values, where 2 are expected"),
        ("item2imgfeat.txt", "0\n", r"item2imgfeat\.txt, line 1: 0 values"),
        ("item2imgfeat.txt", "0 1\n1 nan\n", r"item2imgfeat\.txt, line 2: item 1 has a value .* not finite"),
        ("item2imgfeat.txt", "0 1\n1 1e30\n", r"item2imgfeat\.txt: the largest value of item 1 is 1e\+30; scale"),
        ("item2imgfeat.txt", "0 1\n1 inf\n", r"item2imgfeat\.txt, line 2: item 1 has a value .* not finite"),
        ("item2imgfeat.txt", "0 1\n1 red\n", r"item2imgfeat\.txt, line 2: not a number .*red"),
        ("item2imgfeat.txt", "0 1\n0 2\n", r"item2imgfeat\.txt, line 2: item 0 stands already in line 1"),
        ("item2imgfeat.txt", "0 1\n7 2\n", r"item2imgfeat\.txt, line 2: item 7 is in no interaction"),
    ],
)
def test_broken_text(tmp_path, load, file, text, message):
    with pytest.raises(BenchError, match=message):
        load(write_folder(tmp_path / "shop", GOOD | {file: text}))
    assert not list((tmp_path / "cache").rglob("*"))


@pytest.mark.usefixtures("large_enough")
@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.ones((3, 2)), r"image_feat\.npy, row 3: the rows end here, but item ids go up to 3"),
        (np.array([[1.0], [2.0], [np.nan], [0.0]]), r"image_feat\.npy: item 2 has a value .* not finite"),
        (np.array([[1.0, 2.0], [1.0, -1e25], [1.0, 1.0], [0.0, 0.0]]), r"the largest value of item 1 is 1e\+25; scale"),
        (np.array([[1.0, 2.0], [0.0, 0.0], [0.0, 1e-25], [0.0, 0.0]]), r"the largest value of item 2 is 1e-25; scale"),
        (np.full((4, 1), 1e300), r"image_feat\.npy: the largest value of item 0 is 1e\+300; scale"),
        (np.ones(4), r"image_feat\.npy: a table of numbers is expected, found shape \(4,\)"),
        (np.ones((4, 0)), r"image_feat\.npy: a table of numbers is expected"),
        (np.full((4, 2), "a"), r"image_feat\.npy: a table of numbers is expected"),
        (np.ones((4, 2), dtype=object), r"image_feat\.npy is not a readable \.npy table"),
    ],
)
def test_broken_npy(tmp_path, load, table, message):
    with pytest.raises(BenchError, match=message):
        load(write_folder(tmp_path / "clips", lists_only(), image=table))


@pytest.mark.usefixtures("large_enough")
def test_npy_tables_of_different_length(tmp_path, load):
    folder = write_folder(tmp_path / "clips", lists_only(), image=np.ones((4, 2)), text=np.ones((5, 2)))
    with pytest.raises(BenchError, match=r"clips: .* image_feat\.npy has 4, text_feat\.npy has 5"):
        load(folder)


def test_npy_that_is_no_npy(tmp_path, load):
    folder = write_folder(tmp_path / "clips", lists_only() | {"image_feat.npy": "hello"})
    with pytest.raises(BenchError, match=r"image_feat\.npy is not an \.npy file \(it begins with 'hello'\)"):
        load(folder)


def test_npy_that_is_an_archive(tmp_path, load):
    folder = write_folder(tmp_path / "clips", lists_only())
    with open(folder / "image_feat.npy", "wb") as file:
        np.savez(file, table=np.ones((4, 2)))
    with pytest.raises(BenchError, match=r"image_feat\.npy is an archive of arrays \(\.npz\)"):
        load(folder)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("img.v2",), r"img\.v2_feat\.npy does not name a modality \(it is no word"),
        (("image", "visual"), r"image_feat\.npy and visual_feat\.npy are both visual features; keep one"),
    ],
)
def test_npy_names_that_are_no_modality(tmp_path, load, names, message):
    with pytest.raises(BenchError, match=message):
        load(write_folder(tmp_path / "clips", lists_only(), **dict.fromkeys(names, np.ones((4, 2)))))


@pytest.mark.parametrize("file", ["train.txt", "validation.txt", "test.txt"])
def test_missing_list(tmp_path, load, file):
    files = {name: text for name, text in GOOD.items() if name != file}
    with pytest.raises(BenchError, match=rf"{file} is missing"):
        load(write_folder(tmp_path / "shop", files))


def test_npy_that_is_a_link_to_nowhere(tmp_path, load):
    folder = write_folder(tmp_path / "clips", lists_only())
    (folder / "image_feat.npy").symlink_to(tmp_path / "unmounted")
    with pytest.raises(BenchError, match=r"image_feat\.npy is missing"):
        load(folder)


def test_a_pipe_is_refused_at_once(tmp_path, load):
    folder = write_folder(tmp_path / "shop")
    (folder / "test.txt").unlink()
    os.mkfifo(folder / "test.txt")
    with pytest.raises(BenchError, match=r"test\.txt is not a regular file"):
        load(folder)


@pytest.mark.usefixtures("large_enough")
def test_rows_that_begin_at_1_are_a_row_short(tmp_path, load):
    folder = write_folder(tmp_path / "clips", spread(lists_only(), factor=1, first=1), image=np.ones((4, 2)))
    with pytest.raises(BenchError, match="ids start at 1 and rows at 0: put a row of zeros before the first"):
        load(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "validation.txt",
            "valid.txt",
            r"validation\.txt is missing, but there is valid\.txt; rename it validation\.txt",
        ),
        (
            "validation.txt",
            None,
            r"validation\.txt is missing; python -m bench import .*shop --out NEW holds out a pair",
        ),
        ("test.txt", None, r"test\.txt is missing"),
    ],
)
def test_a_part_that_is_not_there(tmp_path, old, new, message):
    folder = write_folder(tmp_path / "shop")
    text = (folder / old).read_text()
    (folder / old).unlink()
    if new:
        (folder / new).write_text(text)
    with pytest.raises(BenchError, match=message):
        sources.find(str(folder)).fingerprint()


def test_ids_that_are_names(tmp_path, load):
    with pytest.raises(
        BenchError, match=r"line 2: 'bob' is not an integer; python -m bench import takes ids of any kind"
    ):
        load(write_folder(tmp_path / "shop", GOOD | {"train.txt": "0 1\nbob 2\n"}))


def test_an_array_whose_header_asks_for_more_than_there_is(tmp_path, load):
    folder = write_folder(tmp_path / "clips", lists_only())
    with open(folder / "image_feat.npy", "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**8, 10**6)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(BenchError, match=r"image_feat\.npy is not a readable \.npy table \("):
        load(folder)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': ((4, 2), }",
        "{'descr': '(2,3', 'fortran_order': False, 'shape': (4, 2), }",
        f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**30}, 2), }}",
        "{1: '<f4', 'fortran_order': False, 'shape': (4, 2), }",
        "1+" * 4000 + "1",
        "-" * 9000 + "1",
        "x" * 9000,
        "x" * 20000,
    ],
)
def test_an_array_whose_header_is_damaged(tmp_path, load, header):
    """Numpy raises errors of the tokenizer, of arithmetic and of recursion, and some texts of many lines or letters."""
    folder = write_folder(tmp_path / "clips", lists_only())
    start = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little")
    (folder / "image_feat.npy").write_bytes(start + header.encode() + bytes(32))
    with pytest.raises(BenchError, match=r"image_feat\.npy is not a readable \.npy table \([^)].{,200}\)\Z"):
        load(folder)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (
            "0 0 1\x0c1 3\n",
            r"train\.txt, line 1: the character '\\x0c' is neither a blank, a tab nor the end of a line",
        ),
        ("0 0 1\n2 1\u20281 3\n", r"line 2: the character '\\u2028' is neither"),
        ("0,0,1\n", r"line 1: ids are separated by blanks, but here stands '0,0,1'"),
        ("0 0;1\n", r"line 1: ids are separated by blanks, but here stands '0;1'"),
    ],
)
def test_what_does_not_separate_ids(tmp_path, load, lists, message):
    """Programs that end a line at a form feed would read two users where others read one."""
    with pytest.raises(BenchError, match=message):
        load(write_folder(tmp_path / "shop", lists_only() | {"train.txt": lists}))


@pytest.mark.parametrize(
    "name",
    ["image_feat.npy", "mood_feat.npy", "i2e_visual.txt", "item2imgfeat.txt", "test.txt", "text_feat.json"],
)
@pytest.mark.parametrize("is_link", [False, True])
def test_a_folder_or_a_link_to_nowhere_in_the_place_of_a_file(tmp_path, load, name, is_link):
    """Without a word, the data would have no content."""
    lists = {file: text for file, text in lists_only().items() if file != name}
    folder = write_folder(tmp_path / "clips", lists, text=np.ones((4, 2)))
    (folder / name).symlink_to(tmp_path / "unmounted") if is_link else (folder / name).mkdir()
    features = "entities" if name.startswith("i2e") else None
    with pytest.raises(BenchError, match=rf"{name} (is missing|cannot be read \(Is a directory\))"):
        load(folder, features)


@pytest.mark.parametrize("is_link", [False, True])
def test_a_folder_or_a_link_to_nowhere_in_the_place_of_a_table(tmp_path, load, is_link):
    inter = "user_id:token\titem_id:token\ttimestamp:float\n" + "".join(f"a\t{n}\t{n}\n" for n in range(4))
    folder = write_folder(tmp_path / "clips", {"clips.inter": inter})
    for name in ("items.csv", "clips.item"):
        (folder / name).symlink_to(tmp_path / "unmounted") if is_link else (folder / name).mkdir()
    with pytest.raises(BenchError, match=r"clips\.item is (a folder|missing)"):
        load(folder)
    with pytest.raises(BenchError, match=r"items\.csv is (a folder|missing)"):
        original_ids(folder, "item", np.arange(4))
    assert original_ids(folder, "user", np.arange(1)).tolist() == [0]
