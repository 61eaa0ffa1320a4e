from math import exp, log

import pytest
import torch

from bench.nn.losses import bpr, l2


def test_bpr_by_hand():
    loss = bpr(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0]))
    assert loss.item() == pytest.approx(0.5 * (log(1 + exp(-1)) + log(2)))


def test_bpr_stays_finite_where_a_sigmoid_would_not():
    assert bpr(torch.tensor([-200.0]), torch.tensor([200.0])).item() == pytest.approx(400)


def test_l2_by_hand():
    """Two rows of two numbers each in one group, two rows of one number in the other; batch 2."""
    assert l2(torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.tensor([[2.0], [2.0]])).item() == pytest.approx(
        0.5 * (14 + 8) / 2
    )
