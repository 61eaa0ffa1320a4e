"""The contrastive loss InfoNCE between two views of the same rows."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from bench.nn.exact import ExactFunction
from bench.nn.precision import in_float32
from bench.nn.rows import normalize

FLOOR = 1e-30  # the smallest sum: its reciprocal times a gradient is still finite in float32
BLOCK = 32  # rows of exponentials that a CPU makes at a time, so that they stay in its cache


def info_nce(
    anchors: Float[Tensor, "batch dim"],
    others: Float[Tensor, "row dim"],
    *,
    temperature: float,
    positive: Int[Tensor, " batch"] | None = None,
) -> Float[Tensor, ""]:
    """Return the mean over b of -ln(exp(cos(a_b, o_p(b)) / t) / sum over all rows r of exp(cos(a_b, o_r) / t)).

    Args:
        positive: p, the row of ``others`` that belongs to each anchor; default: the row with the anchor's number. The
            sum is over all rows of ``others``, equal ones included.
    """
    a, o = normalize(anchors), normalize(others)
    positives = o if positive is None else o[positive]
    # not by mean_log_sum: its rounding differs, and a model that has records could not repeat them to the bit
    return (log_sums(a, o, temperature)[0] + (1 - torch.linalg.vecdot(a, positives)) / temperature).mean()


class Products(NamedTuple):
    """The rows ``weights @ base``, kept as two factors of low rank: an inner product of two rows needs no others."""

    weights: Float[Tensor, "row rank"]
    base: Float[Tensor, "rank dim"]

    def rows(self) -> Float[Tensor, "row dim"]:
        return self.weights @ self.base

    def unit(self) -> "Products":
        """Return the rows scaled to unit length, while zero rows stay zero."""
        weights, base = self.weights.float(), self.base.float()
        length = torch.linalg.vector_norm(weights @ base, dim=1, keepdim=True).clamp_min(1e-12)
        return Products(weights / length, base)


def info_nce_of_products(
    anchors: Products, others: Products, *, temperature: float, positive: Int[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Return ``info_nce`` of the rows of two products, much faster than from the rows where their rank is low."""
    with in_float32(others.base.device):
        a, o = anchors.unit(), others.unit()
        inner = a.weights @ (a.base @ o.base.T)  # its inner product with a row of o.weights is the cosine
        own = torch.linalg.vecdot(inner, o.weights[positive])
        return mean_log_sum(inner, o.weights, temperature) + ((1 - own) / temperature).mean()


def mean_log_sum(a: Float[Tensor, "row dim"], b: Float[Tensor, "column dim"], temperature: float) -> Float[Tensor, ""]:
    """Return the mean logarithm of the row sums of the matrix exp((<a_r, b_c> - 1) / temperature).

    The gradient is made in the same pass, and on a CPU block by block, so that the matrix is never held as a whole. A
    sum below ``FLOOR`` counts as ``FLOOR``.

    Args:
        a, b: rows with inner products of at most 1, so that no exponent is above 0.
    """
    return _MeanLogSum.apply(a, b, temperature)


class _MeanLogSum(ExactFunction):
    @staticmethod
    def forward(ctx, a, b, temperature):
        grad_a, grad_b, total = torch.empty_like(a), torch.zeros_like(b), a.new_zeros(())
        block = BLOCK if a.device.type == "cpu" else len(a)
        for some in range(0, len(a), block):
            part = a[some : some + block]
            powers = ((part / temperature) @ b.T).sub_(1 / temperature).exp_()
            sums = powers.sum(1, keepdim=True).clamp_min_(FLOOR)
            total += sums.log().sum()
            share = (temperature * len(a) * sums).reciprocal()
            torch.mul(powers @ b, share, out=grad_a[some : some + block])
            grad_b.addmm_(powers.T, part * share)
        ctx.save_for_backward(grad_a, grad_b)
        return total / len(a)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        grad_a, grad_b = ctx.saved_tensors
        return grad * grad_a, grad * grad_b, None


def log_sums(
    a: Float[Tensor, "row dim"], b: Float[Tensor, "column dim"], temperature: float
) -> tuple[Float[Tensor, " row"], Float[Tensor, " column"]]:
    """Return the logarithms of the row sums and column sums of the matrix exp((<a_r, b_c> - 1) / temperature).

    The exponentials are kept, and no other matrix of their size is made, forward or backward. A sum below ``FLOOR``
    counts as ``FLOOR``.

    Args:
        a, b: rows of at most unit norm, so that no exponent is above 0.
    """
    return _LogSums.apply(a, b, temperature)


class _LogSums(ExactFunction):
    @staticmethod
    def forward(ctx, a, b, temperature):
        powers = ((a / temperature) @ b.T).sub_(1 / temperature).exp_()
        sums = [powers.sum(axis).clamp_min_(FLOOR) for axis in (1, 0)]
        ctx.save_for_backward(a, b, powers, *sums)
        ctx.temperature = temperature
        ctx.set_materialize_grads(False)
        return tuple(s.log() for s in sums)

    @staticmethod
    @once_differentiable
    def backward(ctx, by_row, by_column):
        a, b, powers, rows, columns = ctx.saved_tensors
        grad_a, grad_b = torch.zeros_like(a), torch.zeros_like(b)
        if by_row is not None:
            share = (by_row / rows / ctx.temperature).unsqueeze(1)
            grad_a += share * (powers @ b)
            grad_b += powers.T @ (share * a)
        if by_column is not None:
            share = (by_column / columns / ctx.temperature).unsqueeze(1)
            grad_a += powers @ (share * b)
            grad_b += share * (powers.T @ a)
        return grad_a, grad_b, None
