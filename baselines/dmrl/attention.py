"""DMRL's attention: every user, item and factor weights the modalities in its own way."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Parts(NamedTuple):
    """What rows of users or items contribute to a pair. The row is the first axis until ``by_factor`` moves it."""

    vector: Tensor  # (row, modality, factor, d / K)
    hidden: Tensor  # (row, modality, factor): their contribution to B1' z
    square: Tensor  # (row, factor): their contribution to |z|^2

    def at(self, row: Tensor) -> "Parts":
        return Parts(*(part[row] for part in self))

    def by_factor(self) -> "Parts":
        """The same with the shapes (modality, factor, row, d / K), (modality, factor, row) and (factor, row)."""
        return Parts(
            self.vector.permute(1, 2, 0, 3).contiguous(),
            self.hidden.permute(1, 2, 0).contiguous(),
            self.square.T.contiguous(),
        )

    def slice(self, start: int, n: int) -> "Parts":
        """``n`` rows from ``start`` on, of parts that ``by_factor`` returned."""
        some = slice(start, start + n)
        return Parts(self.vector[:, :, some], self.hidden[..., some], self.square[..., some])


class FactorAttention(nn.Module):
    """alpha = softmax(B2' tanh(B1' norm([u|q|x_1|...]) + b1)) of a pair and factor, and the scores that it weights.

    The caller initialises the weights.

    Args:
        size: d, a multiple of ``n_factors``.
        n_weights: number of weights alpha: one for the id vector and one for each modality.
        weighting: "outside" for alpha softplus(<>), "inside" for softplus(alpha <>).
    """

    def __init__(self, size: int, n_factors: int, n_weights: int, *, weighting: Literal["outside", "inside"]):
        super().__init__()
        self.width, self.is_inside = size // n_factors, weighting == "inside"
        self.hidden = nn.Parameter(torch.empty((1 + n_weights) * self.width, n_weights))  # B1
        self.bias = nn.Parameter(torch.zeros(n_weights))  # b1
        self.output = nn.Parameter(torch.empty(n_weights, n_weights))  # B2

    def parts(self, users: Tensor, items: Tensor) -> tuple[Parts, Parts]:
        """What users (*, d) and items (*, modality, d) contribute to a pair."""
        width = self.width
        weight = self.hidden.view(-1, width, self.bias.shape[0])
        vectors = users.unsqueeze(-2).unflatten(-1, (-1, width)), items.unflatten(-1, (-1, width))
        return tuple(
            Parts(v, torch.einsum("...mkx,mxh->...hk", v, w), v.square().sum((-3, -1)))
            for v, w in zip(vectors, (weight[:1], weight[1:]), strict=True)
        )

    def weights(self, hidden: Tensor, square: Tensor) -> Tensor:
        """alpha of user-item pairs.

        Args:
            hidden: (modality, factor, *pair), B1' z with z not yet normalised.
            square: (factor, *pair), the squared norm of z.
        """
        bias, output = self.bias, self.output
        x = torch.addcmul(bias.view(-1, *[1] * square.dim()), hidden, square.clamp_min(1e-12).rsqrt())
        half = x.mul_(2).sigmoid()  # B2' tanh x = 2 B2' half - B2' 1; torch's sigmoid takes a third of the time of tanh
        logits = torch.addmm(-output.sum(0).unsqueeze(1), 2 * output.T, half.flatten(1))
        return logits.softmax(0).view_as(half)

    def pairs(self, inner: Tensor, hidden: Tensor, square: Tensor) -> Tensor:
        """The scores of pairs, from inner products (modality, factor, *pair) and the arguments of ``weights``."""
        alpha = self.weights(hidden, square)
        if self.is_inside:
            return F.softplus(alpha * inner).sum((0, 1))
        return (alpha * F.softplus(inner)).sum((0, 1))

    def score_rows(self, users: Parts, items: Parts) -> Float[Tensor, "batch candidate"]:
        """The scores of each user row (batch, ...) with its own item rows (batch, candidate, ...)."""
        inner = torch.einsum("bkx,bcmkx->mkbc", users.vector.squeeze(1), items.vector)
        hidden = (users.hidden.unsqueeze(1) + items.hidden).permute(2, 3, 0, 1)
        return self.pairs(inner, hidden, (users.square.unsqueeze(1) + items.square).permute(2, 0, 1))
