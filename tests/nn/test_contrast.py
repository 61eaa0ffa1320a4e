"""InfoNCE by its formula and against a plain loop."""

import math

import pytest
import torch

from bench.nn.contrast import info_nce


def test_orthonormal_views():
    rows = torch.eye(5)
    expected = math.log(math.exp(1 / 0.2) + 4) - 1 / 0.2
    assert info_nce(rows, rows, temperature=0.2).item() == pytest.approx(expected)


def test_against_a_loop():
    torch.manual_seed(0)
    a, b, own = torch.randn(4, 3), torch.randn(6, 3), [5, 0, 0, 2]
    total = 0.0
    for row, p in zip(a, own, strict=True):
        e = [math.exp(torch.cosine_similarity(row, other, dim=0).item() / 0.5) for other in b]
        total -= math.log(e[p] / sum(e))
    ours = info_nce(a, b, temperature=0.5, positive=torch.tensor(own))
    assert ours.item() == pytest.approx(total / 4, rel=1e-5)


def test_the_length_of_a_row_does_not_count():
    torch.manual_seed(0)
    a, b = torch.randn(4, 3), torch.randn(4, 3)
    scaled = info_nce(a * torch.rand(4, 1).add(0.1), b * 7, temperature=0.2)
    assert scaled.item() == pytest.approx(info_nce(a, b, temperature=0.2).item(), rel=1e-5)
