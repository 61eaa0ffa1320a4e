"""Losses that several models share."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def bpr(positive: Float[Tensor, "..."], negative: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """mean softplus(negative - positive) = mean -ln sigma(positive - negative) (Rendle et al., UAI 2009)."""
    return F.softplus(negative - positive).mean()


def l2(*rows: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """Half the sum of squares of the rows of a batch, divided by the batch size; rows count with multiplicity."""
    return 0.5 * torch.stack([r.square().sum() for r in rows]).sum() / len(rows[0])
