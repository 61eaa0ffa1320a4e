"""Inner products of each row of a batch with a few sampled rows of a table."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from bench.nn.exact import ExactFunction


def dots(
    rows: Float[Tensor, "batch dim"], table: Float[Tensor, "row dim"], index: Int[Tensor, "batch draw"]
) -> Float[Tensor, "batch draw"]:
    """Return <rows[b], table[index[b, k]]> without a copy in memory of the gathered rows, forward or backward."""
    return _Dots.apply(rows, table, index)


def spread(
    slope: Float[Tensor, "batch draw"], rows: Float[Tensor, "batch dim"], index: Int[Tensor, "batch draw"], size: int
) -> Float[Tensor, "row dim"]:
    """Return ``size`` rows: row r sums slope[b, k] * rows[b] over index[b, k] = r; differentiable in ``slope``."""
    target, order = index.flatten().sort(stable=True)  # on a CPU the stable sort is the faster one
    offsets = torch.searchsorted(target, torch.arange(size + 1, device=target.device))  # ``bincount`` makes a GPU wait
    source, weights = order // index.shape[1], slope.flatten()[order]
    options = {"mode": "sum", "per_sample_weights": weights, "include_last_offset": True}
    return F.embedding_bag(source, rows, offsets, **options)


class _Dots(ExactFunction):
    @staticmethod
    def forward(ctx, rows, table, index):
        ctx.save_for_backward(rows, table, index)
        weights = rows.new_zeros(index.shape, requires_grad=True)
        with torch.enable_grad():  # as gradient of a weighted sum in its weights: 3 times faster than gather and bmm
            bag = F.embedding_bag(index, table.detach(), mode="sum", per_sample_weights=weights)
            return torch.autograd.grad(bag, weights, rows)[0]

    @staticmethod
    def backward(ctx, grad):
        rows, table, index = ctx.saved_tensors
        needed = ctx.needs_input_grad
        grad_rows = F.embedding_bag(index, table, mode="sum", per_sample_weights=grad) if needed[0] else None
        grad_table = spread(grad, rows, index, len(table)) if needed[1] else None
        return grad_rows, grad_table, None
