"""Softmax attention between the rows of a batch, without a second copy of its logits."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

ROWS = 256  # query rows at a time on a CPU, so that what is computed of their logits stays in its cache


def attention(
    query: Float[Tensor, "*batch row dim"],
    key: Float[Tensor, "*batch column dim"],
    value: Float[Tensor, "*batch column out"],
) -> Float[Tensor, "*batch row out"]:
    """softmax(query key') value, the softmax over the columns.

    One large problem is solved a block of rows at a time, its gradient written out: of all (row, column) matrices only
    the softmax is kept for the backward pass. Many small ones, and products that autocast rounds, are left to autograd.
    """
    device = query.device.type
    if query.dim() > 2 or torch.is_autocast_enabled(device):
        return torch.softmax(query @ key.mT, dim=-1) @ value
    return _Attention.apply(query, key, value, min(ROWS, len(query)) if device == "cpu" else len(query))


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, size):
        is_trained, kept, out = any(ctx.needs_input_grad), [], query.new_empty(len(query), value.shape[1])
        for rows, summed in zip(query.split(size), out.split(size), strict=True):
            softmax = torch.softmax(rows @ key.T, dim=1)
            torch.mm(softmax, value, out=summed)
            kept += [softmax] * is_trained
        if is_trained:
            ctx.save_for_backward(query, key, value, *kept)
            ctx.size = size
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        query, key, value, *kept = ctx.saved_tensors
        to_query, to_key, to_value = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        for softmax, *block in zip(kept, *(x.split(ctx.size) for x in (query, grad, to_query)), strict=True):
            rows, slope, to_rows = block
            of_logits = torch.ops.aten._softmax_backward_data(slope @ value.T, softmax, 1, slope.dtype)
            torch.mm(of_logits, key, out=to_rows)
            to_key.addmm_(of_logits.T, rows)
            to_value.addmm_(softmax.T, slope)
        return to_query, to_key, to_value, None
