"""Facts counted by hand on a set of three users, and the files that state them."""

import json

import numpy as np
import pytest
import scipy.sparse as sp

from bench.data.audit import audit, render, stats, write
from tests.data.files import dataset


def hand():
    """Item 4 is only tested, item 5 only exists; user 2 never trains; user 1's test is its validation."""
    train = [[0, 0], [0, 1], [0, 0], [0, 2], [1, 1], [1, 3], [1, 1], [1, 1]]
    visual = np.array([[1, 0], [0, 0], [2, 2], [0, 0], [1, 1], [1, 1]], dtype=np.float32)
    features = {"visual": visual, "textual": sp.csr_matrix(visual[:, :1])}
    test = [[0, 2], [1, 3], [2, 4]]
    return dataset(train, [[0, 4], [1, 3]], test, n_users=3, n_items=6, features=features)


EXPECTED = {
    "dataset": "hand",
    "hash": "0" * 64,
    "feature_id": "none",
    "users": 3,
    "items": 6,
    "interactions": 12,  # 8 train, 3 test, and validation (0, 4), which stands outside train
    "density": 12 / 18,
    "train_entries": 8,
    "valid_entries": 2,
    "test_entries": 3,
    "repeated_train_entries": 3,
    "users_with_repeats": 2,
    "valid_in_train": 1,
    "test_in_own_train": 2,
    "users_with_test_in_train": 2,
    "test_equals_valid": 1,
    "cold_test_entries": 1,
    "cold_test_items": 1,
    "items_in_train": 4,
    "users_without_train": 1,
    "min_train_per_user": 4.0,
    "median_train_per_user": 4.0,
    "max_train_per_user": 4.0,
    "clean_scored_users": 2,
    "clean_valid_users": 1,
    "features": {
        "visual": {"form": "dense", "width": 2, "nonzero": 7, "items_without": 2},
        "textual": {"form": "sparse", "width": 1, "nonzero": 4, "items_without": 2},
    },
    "warnings": [],
}


def test_audit_by_hand():
    assert audit(hand()) == EXPECTED
    assert stats(hand()) == {"users": 3, "items": 6, "interactions": 12, "density": pytest.approx(2 / 3)}


def test_users_with_validation_pairs_but_without_test_pairs_are_not_scored():
    facts = audit(dataset([[0, 0], [1, 1]], [[0, 2], [1, 3]], [[0, 3]], n_users=2, n_items=4))
    assert (facts["clean_scored_users"], facts["clean_valid_users"]) == (1, 1)


def test_rendered_and_written(tmp_path):
    facts = EXPECTED | {
        "dataset": "other",
        "users": 15_576,
        "median_train_per_user": 4.5,
        "warnings": ["2 items without x"],
    }
    write([facts, EXPECTED | {"users": 1}], tmp_path / "reports")
    write([EXPECTED], tmp_path / "reports")  # what is said of another set stays
    assert json.loads((tmp_path / "reports" / "audit.json").read_text()) == [facts, EXPECTED]
    text = (tmp_path / "reports" / "audit.md").read_text()
    assert text == render([facts, EXPECTED])
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    for row in (
        ["users", "15,576", "3"],
        ["density", "0.66667", "0.66667"],
        ["train entries per user (with any): median", "4.5", "4"],
    ):
        assert row in cells
    assert ["hand", "none", "visual", "dense", "2", "7", "2"] in cells
    assert "- other: 2 items without x" in text
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["audit.json", "audit.md"]
