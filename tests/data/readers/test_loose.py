"""Folders of lists that are nearly right: which files are read, and two that could be."""

import numpy as np
import pytest

from bench.data.readers.loose import read_loose
from bench.spec import BenchError
from tests.data.files import write_folder

TRAIN = {"train.txt": "a x y\n"}


def test_what_is_read(tmp_path):
    raw = write_folder(tmp_path / "raw", {**TRAIN, "val.txt": "a z\n"})
    for name in ("image_features.npy", "text_feat.npy", "weights.npy"):
        np.save(raw / name, np.ones((3, 2)))
    frame, files = read_loose(raw)
    assert frame.to_numpy().tolist() == [["a", "x", 0], ["a", "y", 0], ["a", "z", 1]]
    assert files == {"image": raw / "image_features.npy", "text": raw / "text_feat.npy"}


def test_without_train(tmp_path):
    with pytest.raises(BenchError, match=r"raw has no train\.txt; give the file that holds the interactions"):
        read_loose(write_folder(tmp_path / "raw", {"test.txt": "a x\n"}))


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
