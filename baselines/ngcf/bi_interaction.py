"""NGCF's bi-interaction layer and the operations around it, each written as one autograd function.

Each function gives the same values and gradients as the composition of torch's operators that its docstring states,
with fewer passes over (node, dim) matrices: on a CPU those passes cost as much as the products with the weights.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from bench.nn.exact import ExactFunction
from bench.nn.graph import SparseMatrix, weighted_bag
from bench.nn.rows import add_up


def bi_interaction(
    neighbours: Float[Tensor, "node dim"],
    own: Float[Tensor, "node dim"],
    branches: tuple[nn.Linear, nn.Linear],
    *,
    slope: float,
    rate: float = 0.0,
) -> Float[Tensor, "node out"]:
    """dropout(LeakyReLU(S W1 + b1) + LeakyReLU((E * S) W2 + b2)), with S = ``neighbours`` and E = ``own``.

    The factor 1 / (1 - rate) of the dropout is multiplied into W and b, because LeakyReLU commutes with positive
    factors.

    Args:
        branches: the two linear layers, W1 with b1 and W2 with b2.
        slope: the slope of LeakyReLU below zero, a positive number.
        rate: share of the entries dropped, with a resolution of 2**-16.
    """
    parameters, kept = [p for b in branches for p in (b.weight, b.bias)], None
    if rate:
        kept, factor = keep(own.new_empty(len(own), len(parameters[0])), rate)
        parameters = [p if p is None else p * factor for p in parameters]
    return _BiInteraction.apply(neighbours, own, *parameters, kept, slope)


def keep(out: Float[Tensor, "..."], rate: float) -> tuple[Float[Tensor, "..."], float]:
    """A dropout mask, 0 with probability ``rate`` and else 1, written to ``out``; and the factor that keeps the mean.

    The mask is made of 16-bit random numbers, because ``F.dropout`` costs a CPU more than the products of a layer.
    """
    draws = torch.empty(-(-out.numel() // 4), dtype=torch.int64, device=out.device).random_(-(2**63), None)
    dropped = round(rate * 2**16)  # how many of the 2**16 values of a draw mean dropped
    out.copy_(draws.view(torch.int16)[: out.numel()].view(out.shape).ge_(dropped - 2**15))
    return out, 2**16 / (2**16 - dropped)


def aggregate_and_take(
    matrix: SparseMatrix, dense: Float[Tensor, "node dim"], nodes: Int[Tensor, " some"] | None, *, only: bool = False
) -> tuple[Float[Tensor, "target dim"], Float[Tensor, "some dim"]]:
    """(matrix @ dense, dense[nodes]); with ``only``, the product has only the rows ``nodes``.

    Args:
        nodes: distinct nodes, or None for all nodes.
    """
    return (matrix(dense), dense) if nodes is None else _AggregateAndTake.apply(dense, matrix, nodes, only)


def margins(table: Float[Tensor, "row dim"], index: Int[Tensor, " triples"]) -> Float[Tensor, " batch"]:
    """<u, i> - <u, j>, where u, i and j are the first, second and last third of the rows table[index]."""
    return _Margins.apply(table, index)


class _BiInteraction(ExactFunction):
    @staticmethod
    def forward(ctx, neighbours, own, w1, b1, w2, b2, kept, slope):
        product = neighbours * own
        one = F.leaky_relu_(F.linear(neighbours, w1, b1), slope)
        two = F.leaky_relu_(F.linear(product, w2, b2), slope)
        ctx.save_for_backward(neighbours, own, product, w1, w2, one, two, kept)
        ctx.slope = slope
        out = one + two
        return out if kept is None else out.mul_(kept)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        neighbours, own, product, w1, w2, one, two, kept = ctx.saved_tensors
        grad = grad.clone() if kept is None else grad * kept
        through = torch.ops.aten.leaky_relu_backward  # LeakyReLU's result has the sign of its argument
        one = through(grad, one, ctx.slope, True)
        two = through.grad_input(grad, two, ctx.slope, True, grad_input=grad)
        to_b1, to_b2 = (g.sum(0) if w else None for g, w in zip((one, two), ctx.needs_input_grad[3:6:2], strict=True))
        to_w1, to_w2, to_product = one.T @ neighbours, two.T @ product, two @ w2
        to_neighbours = (one @ w1).addcmul_(to_product, own)
        return to_neighbours, to_product.mul_(neighbours), to_w1, to_b1, to_w2, to_b2, None, None


class _AggregateAndTake(ExactFunction):
    @staticmethod
    def forward(ctx, dense, matrix, nodes, only):
        ctx.matrix, ctx.nodes, ctx.only = matrix, nodes, only
        columns, offsets, values = matrix.forward_columns, matrix.forward_offsets, matrix.forward_values
        if only:
            start = offsets[nodes]
            count = offsets[nodes + 1] - start
            offsets = F.pad(count.cumsum(0), (1, 0))
            entries = torch.arange(offsets[-1], device=nodes.device) + (start - offsets[:-1]).repeat_interleave(count)
            columns, values = columns[entries], values[entries]
        return weighted_bag(dense, columns, offsets, values), dense.index_select(0, nodes)

    @staticmethod
    @once_differentiable
    def backward(ctx, to_product, to_rows):
        m, nodes = ctx.matrix, ctx.nodes
        columns = m.backward_columns
        if ctx.only:  # the other rows of the product have no gradient: they all read row 0, which is zero
            to_product = F.pad(to_product, (0, 0, 1, 0))
            place = nodes.new_zeros(m.shape[0])
            place[nodes] = torch.arange(1, len(to_product), device=nodes.device)
            columns = place[columns]
        grad = weighted_bag(to_product.contiguous(), columns, m.backward_offsets, m.backward_values)
        grad.index_copy_(0, nodes, grad.index_select(0, nodes).add_(to_rows))
        return grad, None, None, None


class _Margins(ExactFunction):
    @staticmethod
    def forward(ctx, table, index):
        u, i, j = table.index_select(0, index).chunk(3)
        between = i - j
        ctx.save_for_backward(u, between, index)
        ctx.size = len(table)
        return torch.linalg.vecdot(u, between)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        u, between, index = ctx.saved_tensors
        to_rows = u.new_empty(len(index), u.shape[1])
        to_u, to_i, to_j = to_rows.chunk(3)
        torch.mul(between, grad.unsqueeze(1), out=to_u)
        torch.neg(torch.mul(u, grad.unsqueeze(1), out=to_i), out=to_j)
        return add_up(to_rows, index, ctx.size), None
