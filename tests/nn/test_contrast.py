"""InfoNCE by its formula and against a plain loop."""

import math

import pytest
import torch

from bench.nn import contrast
from bench.nn.contrast import Products, info_nce, info_nce_of_products, log_sums, mean_log_sum


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


@pytest.mark.parametrize("block", [1, 2, 5, 9])
def test_mean_log_sum_and_its_gradients(block, monkeypatch):
    monkeypatch.setattr(contrast, "BLOCK", block)
    torch.manual_seed(0)
    a, b = (torch.nn.functional.normalize(torch.randn(n, 3)).requires_grad_() for n in (5, 7))
    ours, plain = 3 * mean_log_sum(a, b, 0.3), 3 * log_sums(a, b, 0.3)[0].mean()
    assert ours.item() == pytest.approx(plain.item(), rel=1e-6)
    for x, y in zip(*(torch.autograd.grad(found, (a, b)) for found in (ours, plain)), strict=True):
        assert torch.allclose(x, y, atol=1e-6)


def test_products_give_the_loss_of_their_rows():
    """With a row of zeros on either side, as dropout of all hyperedges of an entity leaves it."""
    torch.manual_seed(0)
    factors = [torch.rand(n, m).requires_grad_() for n, m in ((5, 2), (2, 6), (7, 2), (2, 6))]
    mask = torch.ones(7, 1)
    mask[3] = 0
    own = torch.tensor([6, 3, 0, 0, 1])

    def gradients(loss, form):
        a, b = Products(factors[0] * mask[2:], factors[1]), Products(factors[2] * mask, factors[3])
        value = loss(form(a), form(b), temperature=0.2, positive=own)
        return value.item(), torch.autograd.grad(value, factors)

    value, ours = gradients(info_nce_of_products, lambda product: product)
    expected, plain = gradients(info_nce, Products.rows)
    assert value == pytest.approx(expected, rel=1e-6)
    for x, y in zip(ours, plain, strict=True):
        assert torch.isfinite(x).all()
        assert torch.allclose(x, y, atol=1e-5)


def test_products_are_multiplied_in_float32():
    torch.manual_seed(0)
    one, two = (Products(torch.rand(5, 2), torch.rand(2, 6)) for _ in range(2))
    plain = info_nce_of_products(one, two, temperature=0.2, positive=torch.arange(5))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(info_nce_of_products(one, two, temperature=0.2, positive=torch.arange(5)), plain)
        low = one._replace(base=one.base.bfloat16())
        assert info_nce_of_products(low, two, temperature=0.2, positive=torch.arange(5)).dtype is torch.float32
