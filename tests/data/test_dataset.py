"""Numbers without gaps, and what they were made of."""

import numpy as np

from bench.data.dataset import renumber


def pairs(*rows):
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


def test_numbers_by_hand():
    parts = {"train": pairs([5, 30], [2, 10], [5, 10]), "test": pairs([2, 20]), "valid": pairs()}
    numbered, ids, warnings = renumber(parts)
    assert numbered["train"].tolist() == [[1, 2], [0, 0], [1, 0]]
    assert numbered["test"].tolist() == [[0, 1]]
    assert numbered["valid"].shape == (0, 2)
    assert {kind: known.tolist() for kind, known in ids.items()} == {"user": [2, 5], "item": [10, 20, 30]}
    assert warnings == [
        "user ids below the largest that never occur: 4; they are left out, and the users numbered anew",
        "item ids below the largest that never occur: 28; they are left out, and the items numbered anew",
    ]


def test_ids_without_gaps_stay_as_they_are(rng):
    drawn = np.concatenate([np.stack([np.arange(20), np.arange(20)], axis=1), rng.integers(0, 20, (80, 2))])
    numbered, _, warnings = renumber({"train": drawn[40:], "test": drawn[:40]})
    assert np.array_equal(np.concatenate([numbered["test"], numbered["train"]]), drawn)
    assert warnings == []


def test_a_user_without_any_pair_counts_where_named():
    numbered, ids, _ = renumber({"train": pairs([4, 0])}, users=[1, 4, 6])
    assert ids["user"].tolist() == [1, 4, 6]
    assert numbered["train"].tolist() == [[1, 0]]
