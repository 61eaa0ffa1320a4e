"""The contrastive loss between two views of the same rows."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from bench.nn.rows import normalize


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
    logits = normalize(anchors) @ normalize(others).T / temperature
    if positive is None:
        positive = torch.arange(len(anchors), device=anchors.device)
    return F.cross_entropy(logits, positive)
