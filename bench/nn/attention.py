"""Softmax attention between the rows of a batch, without a second copy of its logits."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

ROWS = 256  # query rows at a time on a CPU, so that the matrices made from their logits stay in its cache


def attention(
    query: Float[Tensor, "*batch row dim"],
    key: Float[Tensor, "*batch column dim"],
    value: Float[Tensor, "*batch column out"],
) -> Float[Tensor, "*batch row out"]:
    """Return softmax(query key') value, with the softmax over the columns.

    A single large problem is solved block by block of rows, with a hand-written gradient: of all (row, column) matrices
    only the softmax is kept for the backward pass. Batches of problems, and products under autocast, use autograd.
    """
    device = query.device.type
    if query.dim() > 2 or torch.is_autocast_enabled(device):
        return torch.softmax(query @ key.mT, dim=-1) @ value
    return _Attention.apply(query, key, value, min(ROWS, len(query)) if device == "cpu" else len(query))


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, size):
        is_trained, softmaxes, out = any(ctx.needs_input_grad), [], query.new_empty(len(query), value.shape[1])
        for rows, out_rows in zip(query.split(size), out.split(size), strict=True):
            softmax = torch.softmax(rows @ key.T, dim=1)
            torch.mm(softmax, value, out=out_rows)
            softmaxes += [softmax] * is_trained
        if is_trained:
            ctx.save_for_backward(query, key, value, *softmaxes)
            ctx.size = size
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        query, key, value, *softmaxes = ctx.saved_tensors
        grad_query, grad_key, grad_value = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        blocks = zip(softmaxes, *(x.split(ctx.size) for x in (query, grad, grad_query)), strict=True)
        for softmax, rows, grad_out, grad_rows in blocks:
            grad_logits = torch.ops.aten._softmax_backward_data(grad_out @ value.T, softmax, 1, grad_out.dtype)
            torch.mm(grad_logits, key, out=grad_rows)
            grad_key.addmm_(grad_logits.T, rows)
            grad_value.addmm_(softmax.T, grad_out)
        return grad_query, grad_key, grad_value, None
