import pytest
import torch
from torch.nn import functional as F

from bench.nn.rows import add_up, normalize


def test_normalized_rows_are_those_of_torch():
    """Values and gradients, a row of zeros included."""
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x[2] = 0
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    ours, theirs = normalize(a), F.normalize(b)
    assert torch.allclose(ours, theirs, atol=1e-15)
    ours.sin().sum().backward(), theirs.sin().sum().backward()
    assert torch.allclose(a.grad, b.grad, rtol=1e-12)


def test_gradient_of_normalized_rows():
    x = torch.tensor([[3.0, 4.0], [0.5, -1.0]], dtype=torch.float64, requires_grad=True)
    assert normalize(x)[0].tolist() == pytest.approx([0.6, 0.8])
    assert torch.autograd.gradcheck(normalize, x)


def test_rows_add_up_by_index():
    rows = torch.tensor([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
    assert add_up(rows, torch.tensor([2, 0, 2]), 4).tolist() == [[10, 20], [0, 0], [101, 202], [0, 0]]
