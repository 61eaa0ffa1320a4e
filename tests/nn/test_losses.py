from math import exp, log

import pytest
import torch

from bench.nn.losses import bpr, bpr_rows, l2


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


def test_bpr_rows_by_hand():
    """u = 2, i = 3, j = 1: margin -4; the rows' squares sum to 14; two cases alike, so means equal the case."""
    users, items = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [3.0], [1.0]])
    one, two = torch.tensor([1, 1]), torch.tensor([2, 2])
    loss = bpr_rows(users, items, one, one, two, reg_weight=0.1)
    assert loss.item() == pytest.approx(log(1 + exp(-4)) + 0.1 * 0.5 * 14)


@pytest.mark.parametrize("reg_weight", [0.0, 0.3])
def test_bpr_rows_equals_its_composition(reg_weight):
    """Value and both tables' gradients, with users and items that occur several times and a scaled gradient."""
    generator = torch.Generator().manual_seed(0)
    tables = [torch.randn(n, 5, dtype=torch.float64, generator=generator).requires_grad_() for n in (6, 9)]
    user, positive, negative = (torch.randint(0, 6, (40,), generator=generator) for _ in range(3))
    u, i, j = tables[0][user], tables[1][positive], tables[1][negative]
    slow = bpr((u * i).sum(-1), (u * j).sum(-1)) + reg_weight * l2(u, i, j)
    fast = bpr_rows(*tables, user, positive, negative, reg_weight=reg_weight)
    assert fast.item() == pytest.approx(slow.item(), rel=1e-12)
    for a, b in zip(torch.autograd.grad(3 * fast, tables), torch.autograd.grad(3 * slow, tables), strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-14)
