"""Folders of lists: what is read, and which features."""

from math import log, sqrt

import numpy as np
import pytest

from bench.data import sources
from bench.data.readers.folders import folder_recipe, list_files, read_loose, recipe
from bench.spec import BenchError
from tests.data.files import GOOD, lists_only, spread, write_folder


def test_lists_keep_file_order(tmp_path, load):
    files = GOOD | {"train.txt": "2 2 0 2\r\n\n0 0 1 2\n1 1 3", "test.txt": "0 3 2\n3 1\n"}
    data = load(write_folder(tmp_path / "shop", files))
    assert (data.name, data.n_users, data.n_items) == ("shop", 4, 4)
    assert data.train.tolist() == [[2, 2], [2, 0], [2, 2], [0, 0], [0, 1], [0, 2], [1, 1], [1, 3]]
    assert data.test.tolist() == [[0, 3], [0, 2], [3, 1]]
    assert data.train.dtype == np.int64


def test_entities_by_hand(tmp_path, load):
    """Visual: entity 5 twice in item 0, once in item 1; entity 9 in items 0 and 2; item 3 has none."""
    data = load(write_folder(tmp_path / "shop"))
    idf = log((1 + 4) / (1 + 2)) + 1  # both entities stand in 2 of 4 items
    norm = sqrt((2 * idf) ** 2 + idf**2)
    expected = [[2 * idf / norm, idf / norm], [1, 0], [0, 1], [0, 0]]
    assert data.feature_id == "entities"
    assert list(data.features) == ["visual", "textual"]
    assert data.features["visual"].toarray() == pytest.approx(np.array(expected), abs=1e-6)
    assert data.features["textual"].shape == (4, 3)
    assert data.warnings == ["1 items without visual (i2e_visual.txt) features"]


@pytest.mark.parametrize(
    ("asked", "feature_id", "modalities"),
    [
        (None, "entities", ["visual", "textual"]),
        ("entities+review", "entities+review", ["visual", "textual", "review"]),
        ("entities+title", "entities", ["visual", "textual"]),
        ("none", "none", []),
    ],
)
def test_features_asked_for(tmp_path, load, asked, feature_id, modalities):
    data = load(write_folder(tmp_path / "shop"), asked)
    assert (data.feature_id, list(data.features)) == (feature_id, modalities)


@pytest.mark.parametrize("asked", ["deep", "npy", "entitys", "entities+reviews", "entities+"])
def test_features_that_are_not_there(tmp_path, asked):
    with pytest.raises(BenchError, match="unknown features of shop .*entities"):
        sources.find(str(write_folder(tmp_path / "shop"))).fingerprint(asked)


def test_deep_features_are_the_default(tmp_path, load):
    deep = {"item2imgfeat.txt": "2 0.5 1e-1\n0 1 2\n1 3 -4\n", "itemtitle2vec.txt": "0 1\n1 1\n2 1\n3 1\n"}
    data = load(write_folder(tmp_path / "shop", GOOD | deep))
    assert data.feature_id == "deep"
    expected = np.array([[1, 2], [3, -4], [0.5, 0.1], [0, 0]], dtype=np.float32)
    assert np.array_equal(data.features["visual"], expected)
    assert data.warnings == ["1 items without visual (item2imgfeat.txt) features"]


def test_rows_are_the_catalogue_where_the_lists_leave_too_few_candidates(tmp_path, load):
    """Four items are in lists; of six rows one is zero and one belongs to none of them."""
    rows = np.ones((6, 2))
    rows[4] = 0
    data = load(write_folder(tmp_path / "clips", lists_only(), image=rows))
    assert data.ids["item"].tolist() == [0, 1, 2, 3, 5]
    assert data.features["visual"].shape == (5, 2)
    said = "items that never occur but have a row in image_feat.npy: 1; they are candidates, since without them"
    assert f"{said} some user has fewer than 99 left" in data.warnings


def test_npy_features(tmp_path, load):
    image = np.ones((4, 3), dtype=np.float16)
    image[2] = 0
    folder = write_folder(tmp_path / "clips", lists_only(), mood=image, audio=image, image=image)
    data = load(folder)
    assert data.feature_id == "npy"
    assert list(data.features) == ["visual", "acoustic", "mood"]
    assert data.features["visual"].dtype == np.float32
    assert "1 items without visual (image_feat.npy) features" in data.warnings


@pytest.mark.usefixtures("large_enough")
def test_rows_of_items_that_never_occur_are_left_out(tmp_path, load):
    data = load(write_folder(tmp_path / "clips", lists_only(), image=np.ones((6, 2))))
    assert (data.n_items, data.features["visual"].shape) == (4, (4, 2))
    assert data.warnings == ["image_feat.npy has rows of items that never occur: 2; they are left out"]


def test_user_without_train_loads(tmp_path, load):
    data = load(write_folder(tmp_path / "shop", lists_only() | {"test.txt": "4 1\n"}))
    assert data.ids["user"].tolist() == [0, 1, 2, 4]
    assert data.test.tolist() == [[3, 1]]
    gaps = "user ids below the largest that never occur: 1; they are left out, and the users numbered anew"
    untrained = "1 user with test pairs but without train pairs, not scored under clean"
    assert data.warnings == [gaps, untrained]


def test_a_train_list_that_was_cut_off_at_the_end_of_a_line(tmp_path, load):
    """Whether the set comes from its files or, the second time, from the cache."""
    folder = write_folder(tmp_path / "shop", lists_only() | {"train.txt": "0 0 1 2\n", "test.txt": "1 0\n2 1 3\n"})
    for _ in range(2):
        warnings = load(folder).warnings
        assert warnings == ["2 users with test pairs but without train pairs, not scored under clean"]
    assert load(write_folder(tmp_path / "whole", lists_only() | {"test.txt": "1 0\n"})).warnings == []


@pytest.mark.parametrize(("factor", "first"), [(3, 0), (1, 1), (97, 5)])
def test_gaps_between_item_ids_change_nothing_but_are_counted(tmp_path, load, factor, first):
    whole, spaced = (
        load(write_folder(tmp_path / "a")),
        load(write_folder(tmp_path / "b", spread(GOOD, factor=factor, first=first))),
    )
    for part in ("train", "valid", "test"):
        assert np.array_equal(getattr(whole, part), getattr(spaced, part))
    assert (spaced.n_users, spaced.n_items) == (3, 4)
    assert all(not (whole.features[m] != spaced.features[m]).nnz for m in ("visual", "textual"))
    assert spaced.ids["item"].tolist() == [first + factor * item for item in range(4)]
    n_gaps = first + 3 * factor + 1 - 4
    counted = f"item ids below the largest that never occur: {n_gaps:,}; they are left out, and the items numbered anew"
    assert spaced.warnings == [counted, *whole.warnings]


@pytest.mark.usefixtures("large_enough")
def test_rows_follow_the_ids_when_they_count_from_1(tmp_path, load):
    """The usual padding row 0 belongs to no item, whatever stands in it."""
    rows = np.arange(10.0).reshape(5, 2)
    rows[0] = np.nan
    lists = spread(lists_only(), factor=1, first=1)
    data = load(write_folder(tmp_path / "clips", lists, image=rows))
    assert np.array_equal(data.features["visual"], rows[1:].astype(np.float32))
    assert (
        "image_feat.npy has rows of items that never occur: 1 (row 0, as item ids start at 1); they are left out"
        in data.warnings
    )


def test_features_of_an_item_that_never_occurs_are_left_out(tmp_path, load):
    """Item 3 is in no list here, and item 4 is; both have features."""
    lists = {"train.txt": "0 0 1 2\n", "validation.txt": "0 1\n", "test.txt": "0 4\n"}
    more = {"i2e_visual.txt": "0 7\n3 8\n4 8 9\n", "item2imgfeat.txt": "3 1\n4 2\n", "itemtitle2vec.txt": "0 1\n"}
    folder = write_folder(tmp_path / "shop", lists | more)
    data = load(folder, "entities")
    assert data.features["visual"].shape == (4, 3)
    assert data.features["visual"].getnnz(axis=1).tolist() == [1, 0, 0, 2]
    assert load(folder).features["visual"].tolist() == [[0], [0], [0], [2]]
    for found, file in ((data, "i2e_visual.txt"), (load(folder), "item2imgfeat.txt")):
        assert f"{file} has rows of items that never occur: 1; they are left out" in found.warnings


def test_records_of_the_time_when_gaps_were_items_have_other_keys(tmp_path):
    """What any folder loads to has changed, so its hash must; those of the paper's sets have no gaps and keep it."""
    asked = {"features": None, "ids": "catalogue"}
    folder = write_folder(tmp_path / "shop")
    new = recipe(list_files(folder), lambda file: folder / file, name="shop", **asked)
    old = recipe(list_files(folder), lambda file: folder / file, name="shop", features=None)
    assert folder_recipe(folder, None).hash == new.hash != old.hash


def test_feature_files_of_another_name_are_said_at_each_load(tmp_path, load):
    folder = write_folder(tmp_path / "clips", lists_only(), image=np.ones((4, 2)))
    before = load(folder).hash
    for name in ("text_features", "embedding"):
        np.save(folder / f"{name}.npy", np.ones((4, 2)))
    said = [
        "embedding.npy is not read; to use it, rename it <modality>_feat.npy",
        "text_features.npy is not read; to use it, rename it text_feat.npy",
    ]
    assert (load(folder).warnings, load(folder).hash) == (said, before)
    (folder / "embedding.npy").unlink()
    assert load(folder).warnings == said[1:]


def test_features_at_the_edge_of_what_is_allowed_keep_their_length(tmp_path, load):
    """Squared in float32, as models do, the length of each row is what it is."""
    rows = np.array([[1e12, 1e12], [1e-12, 0], [3, 4], [0, 0]])
    data = load(write_folder(tmp_path / "clips", lists_only(), image=rows))
    lengths = np.sqrt((data.features["visual"] ** 2).sum(axis=1))
    assert lengths == pytest.approx(np.sqrt([2]) * [1e12, 0, 0, 0] + [0, 1e-12, 5, 0], rel=1e-6)


TRAIN = {"train.txt": "a x y\n"}


def test_what_import_reads_of_a_folder(tmp_path):
    raw = write_folder(tmp_path / "raw", {**TRAIN, "val.txt": "a z\n"})
    for name in ("image_features.npy", "text_feat.npy", "weights.npy"):
        np.save(raw / name, np.ones((3, 2)))
    frame, files, _ = read_loose(raw)
    assert frame.to_numpy().tolist() == [["a", "x", 0], ["a", "y", 0], ["a", "z", 1]]
    assert files == {"image": raw / "image_features.npy", "text": raw / "text_feat.npy"}


def test_import_without_train(tmp_path):
    with pytest.raises(BenchError, match=r"raw has no train\.txt; give the file that holds the interactions"):
        read_loose(write_folder(tmp_path / "raw", {"test.txt": "a x\n"}))


def test_import_of_ids_between_commas(tmp_path):
    with pytest.raises(BenchError, match=r"train.txt, line 1: ids are separated by blanks, but here stands 'a,x,y'"):
        read_loose(write_folder(tmp_path / "commas", {"train.txt": "a,x,y\nb,x,z\n"}))
    with pytest.raises(BenchError, match=r"train.txt, line 1: ids are separated by blanks, but here stands 'a,'"):
        read_loose(write_folder(tmp_path / "both", {"train.txt": "a, x, y\nb, x, z\n"}))
    frame, _, n_without = read_loose(write_folder(tmp_path / "names", {"train.txt": "a x y\nSmith,J\n"}))
    assert (len(frame), n_without) == (2, 1)


def test_two_files_of_one_kind(tmp_path):
    """Which of them is meant is not for the order of names to say."""
    lists = write_folder(tmp_path / "lists", {**TRAIN, "validation.txt": "a z\n", "dev.txt": "a y\n"})
    with pytest.raises(BenchError, match=r"lists has two files of validation, validation\.txt and dev\.txt; keep one"):
        read_loose(lists)
    rows = write_folder(tmp_path / "rows", TRAIN)
    for name in ("image_feat.npy", "image_features.npy"):
        np.save(rows / name, np.ones((3, 2)))
    with pytest.raises(BenchError, match=r"two files of image, image_feat\.npy and image_features\.npy; keep one"):
        read_loose(rows)
