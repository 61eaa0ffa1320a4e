"""DMRL's attention: each (user, item, factor) with its own weights of the modalities."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Parts(NamedTuple):
    """What rows bring to a pair: rows first, or last after ``by_factor``."""

    vector: Tensor  # (row, modality, factor, d / K)
    hidden: Tensor  # (row, modality, factor): their part of B1' z
    square: Tensor  # (row, factor): their part of the squared norm

    def at(self, row: Tensor) -> "Parts":
        return Parts(*(part[row] for part in self))

    def by_factor(self) -> "Parts":
        """(modality, factor, row, d / K), (modality, factor, row), (factor, row)."""
        return Parts(
            self.vector.permute(1, 2, 0, 3).contiguous(),
            self.hidden.permute(1, 2, 0).contiguous(),
            self.square.T.contiguous(),
        )

    def slice(self, start: int, n: int) -> "Parts":
        """Some rows of parts by factor."""
        some = slice(start, start + n)
        return Parts(self.vector[:, :, some], self.hidden[..., some], self.square[..., some])


class FactorAttention(nn.Module):
    """alpha = softmax(B2' tanh(B1' norm([u|q|x_1|...]) + b1)) of a pair's factor, and the scores it weighs.

    The weights are drawn by whoever makes it.

    Args:
        size: d, a multiple of ``n_factors``.
        n_weights: the id vector and the modalities.
        weighting: where alpha enters: alpha softplus(<>), or softplus(alpha <>).
    """

    def __init__(self, size: int, n_factors: int, n_weights: int, *, weighting: Literal["outside", "inside"]):
        super().__init__()
        self.width, self.is_inside = size // n_factors, weighting == "inside"
        self.hidden = nn.Parameter(torch.empty((1 + n_weights) * self.width, n_weights))  # B1
        self.bias = nn.Parameter(torch.zeros(n_weights))  # b1
        self.output = nn.Parameter(torch.empty(n_weights, n_weights))  # B2

    def parts(self, users: Tensor, items: Tensor) -> tuple[Parts, Parts]:
        """What users (*, d) and items (*, modality, d) bring to a pair."""
        width = self.width
        weight = self.hidden.view(-1, width, self.bias.shape[0])
        vectors = users.unsqueeze(-2).unflatten(-1, (-1, width)), items.unflatten(-1, (-1, width))
        return tuple(
            Parts(v, torch.einsum("...mkx,mxh->...hk", v, w), v.square().sum((-3, -1)))
            for v, w in zip(vectors, (weight[:1], weight[1:]), strict=True)
        )

    def weights(self, hidden: Tensor, square: Tensor) -> Tensor:
        """alpha of pairs.

        Args:
            hidden: (modality, factor, *pair) B1' z before its normalisation.
            square: (factor, *pair) squared norms of z.
        """
        bias, output = self.bias, self.output
        x = torch.addcmul(bias.view(-1, *[1] * square.dim()), hidden, square.clamp_min(1e-12).rsqrt())
        half = x.mul_(2).sigmoid()  # B2' tanh x = 2 B2' half - B2' 1; torch's sigmoid takes a third of its tanh's time
        logits = torch.addmm(-output.sum(0).unsqueeze(1), 2 * output.T, half.flatten(1))
        return logits.softmax(0).view_as(half)

    def pairs(self, inner: Tensor, hidden: Tensor, square: Tensor) -> Tensor:
        """Scores of pairs with (modality, factor, *pair) inner products; the others as in ``weights``."""
        alpha = self.weights(hidden, square)
        if self.is_inside:
            return F.softplus(alpha * inner).sum((0, 1))
        return (alpha * F.softplus(inner)).sum((0, 1))

    def score_rows(self, users: Parts, items: Parts) -> Float[Tensor, "batch candidate"]:
        """Scores of each user row (batch, ...) with its own item rows (batch, candidate, ...)."""
        inner = torch.einsum("bkx,bcmkx->mkbc", users.vector.squeeze(1), items.vector)
        hidden = (users.hidden.unsqueeze(1) + items.hidden).permute(2, 3, 0, 1)
        return self.pairs(inner, hidden, (users.square.unsqueeze(1) + items.square).permute(2, 0, 1))
