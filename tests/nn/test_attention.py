"""Blocked attention against the formula as it is written."""

import pytest
import torch

from bench.nn import attention as kernel
from bench.nn.attention import attention


def plain(query, key, value):
    logits = (query @ key.transpose(-1, -2)).exp()
    return logits / logits.sum(-1, keepdim=True) @ value


def made(*shapes):
    torch.manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("rows", [2, 3, 100])
@pytest.mark.parametrize("shapes", [[(7, 3), (5, 3), (5, 2)], [(4, 7, 3), (4, 5, 3), (4, 5, 2)]], ids=["one", "many"])
def test_attention_and_its_gradients(shapes, rows, monkeypatch):
    monkeypatch.setattr(kernel, "ROWS", rows)
    inputs = made(*shapes)
    ours, theirs = attention(*inputs), plain(*inputs)
    assert torch.allclose(ours, theirs)
    slope = torch.randn_like(ours)
    for mine, other in zip(*(torch.autograd.grad(out, inputs, slope) for out in (ours, theirs)), strict=True):
        assert torch.allclose(mine, other)


def test_gradcheck(monkeypatch):
    monkeypatch.setattr(kernel, "ROWS", 2)
    assert torch.autograd.gradcheck(attention, made((5, 3), (4, 3), (4, 2)))


def test_large_logits_stay_finite():
    query, key, value = made((3, 2), (4, 2), (4, 2))
    out = attention(query.float() * 1e3, key.float() * 1e3, value.float())
    assert torch.allclose(out, value.float()[(query @ key.T).argmax(1)], atol=1e-6)


def test_a_tensor_that_is_query_key_and_value():
    """As in self-attention, whose three gradients add up."""
    (x,) = made((6, 3))
    grads = [torch.autograd.grad(f(x, x, x).square().sum(), x)[0] for f in (attention, plain)]
    assert torch.allclose(*grads)


def test_autocast_rounds_the_products():
    inputs = [x.float() for x in made((7, 3), (5, 3), (5, 2))]
    with torch.autocast("cpu", torch.bfloat16):
        rounded = attention(*inputs)
    assert rounded.dtype == torch.bfloat16
    assert torch.allclose(rounded.float(), plain(*inputs), atol=3e-2)
