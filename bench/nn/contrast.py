"""The contrastive loss between two views of the same rows, one matrix of exponentials for each pair of views."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from bench.nn.exact import ExactFunction
from bench.nn.rows import normalize

FLOOR = 1e-30  # its reciprocal times a slope is still a float32


def info_nce(
    anchors: Float[Tensor, "batch dim"],
    others: Float[Tensor, "row dim"],
    *,
    temperature: float,
    positive: Int[Tensor, " batch"] | None = None,
) -> Float[Tensor, ""]:
    """mean over b of -ln(exp(cos(a_b, o_p(b)) / t) / sum over all rows r of exp(cos(a_b, o_r) / t)).

    Args:
        positive: p, the row of ``others`` that belongs to each anchor; the row of the same place where it is left out.
            Rows that repeat stand in the sum as often.
    """
    a, o = normalize(anchors), normalize(others)
    own = o if positive is None else o[positive]
    return (log_sums(a, o, temperature)[0] + (1 - torch.linalg.vecdot(a, own)) / temperature).mean()


def log_sums(
    a: Float[Tensor, "row dim"], b: Float[Tensor, "column dim"], temperature: float
) -> tuple[Float[Tensor, " row"], Float[Tensor, " column"]]:
    """Of the matrix exp((<a_r, b_c> - 1) / temperature): the logarithms of the sums of its rows, and of its columns.

    The exponentials are kept, and no other matrix of their size is made, forward or backward. A sum below ``FLOOR``
    counts as that.

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
        to_a, to_b = torch.zeros_like(a), torch.zeros_like(b)
        if by_row is not None:
            share = (by_row / rows / ctx.temperature).unsqueeze(1)
            to_a += share * (powers @ b)
            to_b += powers.T @ (share * a)
        if by_column is not None:
            share = (by_column / columns / ctx.temperature).unsqueeze(1)
            to_a += powers @ (share * b)
            to_b += share * (powers.T @ a)
        return to_a, to_b, None
