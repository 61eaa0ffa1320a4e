"""Sampled inner products against gathered rows."""

import torch

from bench.nn.dots import dots, spread


def test_dots_and_their_slopes():
    torch.manual_seed(0)
    rows, table = (torch.randn(n, 3, dtype=torch.float64, requires_grad=True) for n in (6, 5))
    index = torch.randint(0, 5, (6, 4))
    assert torch.allclose(dots(rows, table, index), (table[index] * rows.unsqueeze(1)).sum(-1))
    assert torch.autograd.gradcheck(lambda r, t: dots(r, t, index), (rows, table))
    slope = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: spread(s, rows.detach(), index, 5), slope)
