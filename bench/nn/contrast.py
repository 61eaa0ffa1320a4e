"""The contrastive loss between two views of the same rows, with one matrix of exponentials per pair of views."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from bench.nn.exact import ExactFunction
from bench.nn.rows import normalize

FLOOR = 1e-30  # the smallest sum: its reciprocal times a gradient is still finite in float32


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
    return (log_sums(a, o, temperature)[0] + (1 - torch.linalg.vecdot(a, positives)) / temperature).mean()


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
