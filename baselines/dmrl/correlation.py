"""Distance correlations of adjacent factors, computed without storing a centred distance matrix."""

import torch
from jaxtyping import Float
from torch import Tensor

from bench.nn.exact import ExactFunction

ROWS = 128  # rows and columns of a tile of the distance matrices on a CPU; eight times as many on other devices


def adjacent_correlations(x: Float[Tensor, "table factor row dim"]) -> Float[Tensor, "table pair"]:
    """The distance correlation of each two adjacent factors of each table."""
    covariance = (DistanceCovariance.apply(x).clamp_min(0) + 1e-8).sqrt()
    own, adjacent = (covariance.diagonal(k, dim1=-2, dim2=-1) for k in (0, 1))
    return adjacent / ((own[..., 1:] * own[..., :-1]).sqrt() + 1e-10)


class DistanceCovariance(ExactFunction):
    """The (table, factor, factor) mean products of centred distance matrices, from rows (table, factor, row, dim).

    Let D and D' be the distance matrices of two factors over n rows, R and R' their row sums and t and t' the sums of
    all entries. The sum of products of the two centred matrices is sum D D' - 2/n R R' + t t'/n^2. Centring is a
    projection, so the derivative by D is the centred D' itself. Both passes therefore go through the distances once,
    tile by tile and only on and above the diagonal, and never store a centred matrix. The backward pass uses the
    distances that the forward pass stored, 2 n^2 bytes for each table and factor.
    """

    @staticmethod
    def forward(ctx, x):
        n = x.shape[-2]
        side = ctx.side = ROWS if x.device.type == "cpu" else 8 * ROWS
        x = x - x.mean(-2, keepdim=True)  # the distances stay the same, their rounding errors shrink
        square = x.square().sum(-1, keepdim=True)
        one = torch.ones_like(square)
        left, right = torch.cat([-2 * x, square, one], -1), torch.cat([x, one, square], -1)
        shift = (2 * square.mean(-2, keepdim=True)).sqrt()  # centring removes it, so the sums can be of small numbers
        sums, products = x.new_zeros(x.shape[:-1]).double(), x.new_zeros(*x.shape[:2], x.shape[1]).double()
        kept = []
        for i, j in tiles(n, side):
            kept.append(distances(left[..., i, :], right[..., j, :]))
            distance = kept[-1] - shift
            flat = distance.flatten(2)
            products += (flat @ flat.mT).double() * (1 if i == j else 2)
            sums[..., i] += distance.sum(-1)
            if i != j:
                sums[..., j] += distance.sum(-2)
        mean = sums / n
        total = mean.mean(-1, keepdim=True)
        ctx.save_for_backward(x, (mean - (total - shift.squeeze(-1)) / 2).to(x.dtype), *kept)
        return (products / n**2 - 2 * mean @ mean.mT / n + total @ total.mT).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        x, mean, *kept = ctx.saved_tensors
        n = mean.shape[-1]
        weight = (grad + grad.mT) / n**2
        mean = weight @ mean
        out, sums = torch.zeros_like(x), torch.zeros_like(mean)
        for (i, j), distance in zip(tiles(n, ctx.side), kept, strict=True):
            slope = (weight @ distance.flatten(2)).view_as(distance)
            slope = slope.sub_(mean[..., i, None]).sub_(mean[..., None, j]).div_(distance)
            if i == j:
                slope.diagonal(dim1=-2, dim2=-1).zero_()
            out[..., i, :] -= slope @ x[..., j, :]
            sums[..., i] += slope.sum(-1)
            if i != j:
                out[..., j, :] -= slope.mT @ x[..., i, :]
                sums[..., j] += slope.sum(-2)
        return 2 * (out + sums.unsqueeze(-1) * x)


def tiles(n: int, side: int):
    """The rows and columns of each tile on or above the diagonal."""
    cuts = [slice(start, min(start + side, n)) for start in range(0, n, side)]
    return [(i, j) for k, i in enumerate(cuts) for j in cuts[k:]]


def distances(left: Float[Tensor, "*table row more"], right: Float[Tensor, "*table column more"]) -> Tensor:
    """Distances with 1e-8 added inside the root; the rows include |x|^2, so that one product gives the squares."""
    return (left @ right.mT).clamp_(min=0).add_(1e-8).sqrt_()
