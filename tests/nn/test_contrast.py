"""InfoNCE by its formula and against a plain loop."""

import math

import pytest
import torch

from bench.nn.contrast import info_nce, log_sums


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


@pytest.mark.parametrize("outputs", [(0,), (1,), (0, 1)])
def test_log_sums_and_their_gradients(outputs):
    torch.manual_seed(0)
    a, b = (torch.nn.functional.normalize(torch.randn(n, 3, dtype=torch.float64)).requires_grad_() for n in (5, 7))
    logits = a @ b.T / 0.3
    plain = logits.logsumexp(1), logits.logsumexp(0)
    ours = log_sums(a, b, 0.3)
    assert all(torch.allclose(x + 1 / 0.3, y) for x, y in zip(ours, plain, strict=True))
    weights = [torch.randn(n, dtype=torch.float64) for n in (5, 7)]
    grads = [
        torch.autograd.grad(sum((weights[k] * found[k]).sum() for k in outputs), (a, b)) for found in (ours, plain)
    ]
    assert all(torch.allclose(x, y) for x, y in zip(*grads, strict=True))


def test_opposite_rows_at_a_low_temperature_stay_finite():
    a = torch.tensor([[1.0, 0.0]], requires_grad=True)
    loss = info_nce(a, -a.detach(), temperature=0.01)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(a.grad).all()
