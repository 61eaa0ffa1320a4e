"""Occlusion on a linear score whose every number can be worked out by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from bench.protocol.candidates import Cases
from bench.protocol.content_use import measure, take_over

# columns: relevant, irrelevant; the occluded part of an item is that of the next one
CONTENT = {
    "": [[1, 10], [2, 20], [4, 30]],
    "irrelevant": [[1, 20], [2, 30], [4, 10]],
    "relevant": [[2, 10], [4, 20], [1, 30]],
}
TASTE = [[1.0, 0.1], [2.0, 0.0]]  # of two users: scores 2, 4, 7 and 2, 4, 8 of the three items


class Linear(nn.Module):
    """<taste of the user, content of the item>."""

    device = torch.device("cpu")

    def __init__(self, part: str = "", *, taste=((0.0, 0.0), (0.0, 0.0)), is_frozen: bool = False):
        super().__init__()
        self.taste = nn.Parameter(torch.tensor([[0.0, 0.0], *taste]))  # row 0 is the padding
        rows = torch.tensor([[0, 0], *CONTENT[part]], dtype=torch.float32)
        self.register_buffer("rows", rows, persistent=is_frozen)
        self.register_buffer("mask", torch.ones(2))

    def represent(self):
        return self.rows * self.mask

    def score(self, shared, user, item):
        return torch.einsum("bd,bcd->bc", self.taste[user], shared[item])


@pytest.fixture
def cases():
    """Both users' test item is the last one, against the other two."""
    return Cases(
        user=np.array([0, 1]),
        target=np.array([2, 2]),
        candidates=np.array([[0, 1], [0, 1]]),
        met_start=np.zeros(3, dtype=np.int64),
        met_items=np.empty(0, dtype=np.int64),
    )


@pytest.mark.parametrize("is_frozen", [False, True])
def test_by_hand(cases, is_frozen):
    """Irrelevant: scores 3, 5, 5 (a tie counts against the test item) and 2, 4, 8; relevant: 3, 6, 4 and 4, 8, 2.

    Whether a model keeps content in its weights does not matter: training did not move it.
    """
    trained = Linear(taste=TASTE, is_frozen=is_frozen)
    found = measure(trained, cases, untrained=lambda part: Linear(part, is_frozen=is_frozen))
    spread = (np.std([2, 4, 7]) + np.std([2, 4, 8])) / 2
    second, third = 1 / np.log2(3), 1 / np.log2(4)
    expected = {
        "irrelevant.score_change": (1 + 1 + 2) / 6 / spread,
        "irrelevant.rank_changed": 1 / 2,
        "irrelevant.rank_change": 1 / 2,
        "irrelevant.ndcg@10_change": (second - 1) / 2,
        "relevant.score_change": (1 + 2 + 3 + 2 + 4 + 6) / 6 / spread,
        "relevant.rank_changed": 1,
        "relevant.rank_change": (1 + 2) / 2,
        "relevant.ndcg@10_change": (second - 1 + third - 1) / 2,
        "ratio": 4 / 18,
    }
    assert found == pytest.approx({f"occlusion.{name}": value for name, value in expected.items()}, rel=1e-6)


def test_a_score_without_content_has_no_ratio(cases):
    class Constant(Linear):
        def score(self, shared, user, item):
            return item.float()

    found = measure(Constant(), cases, untrained=Constant)
    assert len(found) == 8
    assert set(found.values()) == {0.0}


def test_scores_that_are_all_equal_have_no_measures(cases):
    assert measure(Linear(), cases, untrained=Linear) == {}


def test_what_training_moved_is_taken_over():
    trained, other = Linear(taste=TASTE, is_frozen=True), Linear("relevant", is_frozen=True)
    trained.mask[1] = 0
    take_over(other, trained, start=Linear(is_frozen=True).state_dict())
    assert torch.equal(other.taste, trained.taste)
    assert torch.equal(other.mask, trained.mask)
    assert torch.equal(other.rows, Linear("relevant").rows)
