"""Causal adjustment in closed form: an effect that is affine in its input, averaged over strata or contexts."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from models.causal_mmrec.quantise import Codes, kmeans, merge_small


def zero_linear(size_in: int, size_out: int, *, bias: bool = True) -> nn.Linear:
    """A linear map initialised to zero, so that an adjustment starts as the identity."""
    out = nn.Linear(size_in, size_out, bias=bias)
    for parameter in out.parameters():
        nn.init.zeros_(parameter)
    return out


def average_strata(
    table: Float[Tensor, "coarse fine dim"],
    prior_coarse: Float[Tensor, " coarse"],
    prior_fine: Float[Tensor, "coarse fine"],
    mix: float,
) -> Float[Tensor, "coarse dim"]:
    """For each coarse code a, the sum over (a', b) of P(b|a') [(1 - mix) 1{a' = a} + mix P(a')] table[a', b]."""
    within = torch.einsum("ab,abd->ad", prior_fine, table)
    return (1 - mix) * within + mix * (prior_coarse @ within)


class BackDoor(nn.Module):
    """F(x, z) = x * g_z + m_z for a stratum z = (a, b), with g_z = 2 sigmoid(W_g e_z + b_g) and m_z = W_m e_z.

    a is a coarse and b a fine code. ``observe`` uses the item's own stratum; ``adjust`` averages over the strata that
    are matched with it, by their priors. The strata are buffers, so no gradient moves them.
    """

    def __init__(self, n_items: int, size: int, *, n_coarse: int, n_fine: int, code_size: int, mix: float):
        super().__init__()
        self.mix = mix
        self.gate, self.offset = zero_linear(code_size, size), zero_linear(code_size, size, bias=False)
        self.register_buffer("coarse", torch.zeros(n_items, dtype=torch.int64))
        self.register_buffer("fine", torch.zeros(n_items, dtype=torch.int64))
        self.register_buffer("vectors", torch.zeros(n_coarse, n_fine, code_size))  # e
        self.register_buffer("prior_coarse", torch.zeros(n_coarse))
        self.register_buffer("prior_fine", torch.zeros(n_coarse, n_fine))

    @torch.no_grad()
    def set_strata(self, codes: Codes, *, smallest: int) -> None:
        """Set strata, vectors and priors, which count each item once; the rows of ``codes`` are the items from id 1."""
        coarse, fine = merge_small(codes, smallest)
        vectors = codes.coarse_codes.unsqueeze(1) + codes.fine_codes
        vectors = project(vectors, codes.points, self.vectors.shape[2])
        deviation = vectors[coarse, fine].var(dim=0, correction=0).mean().sqrt()
        self.vectors.copy_(vectors / (deviation if deviation > 1e-6 else 1.0))
        self.coarse[1:], self.fine[1:] = coarse, fine
        mass = torch.zeros_like(self.prior_fine).index_put_(
            (coarse, fine), torch.ones_like(coarse, dtype=vectors.dtype), accumulate=True
        )
        rows = mass.sum(1, keepdim=True)
        self.prior_fine.copy_(mass / rows.clamp_min(1e-12))
        self.prior_coarse.copy_((rows / rows.sum()).squeeze(1))

    def tables(self) -> tuple[Float[Tensor, "coarse fine dim"], Float[Tensor, "coarse fine dim"]]:
        return 2 * self.gate(self.vectors).sigmoid(), self.offset(self.vectors)

    def observe(self, x: Float[Tensor, "batch dim"], item: Int[Tensor, " batch"]) -> Float[Tensor, "batch dim"]:
        gate, offset = (t[self.coarse[item], self.fine[item]] for t in self.tables())
        return x * gate + offset

    def adjust(self, x: Float[Tensor, "item dim"]) -> Float[Tensor, "item dim"]:
        gate, offset = (average_strata(t, self.prior_coarse, self.prior_fine, self.mix) for t in self.tables())
        return x * gate[self.coarse] + offset[self.coarse]


class FrontDoor(nn.Module):
    """Phi(m, xi) = m * 2 sigmoid(W_x xi + b_x) + W_n xi for a context xi; the contexts are buffers.

    ``observe`` uses the user's own context; ``adjust`` averages over the contexts by their shares of the users. Without
    ``keep_direct``, ``adjust`` leaves out the average of W_n xi, which is the same vector for every user.
    """

    def __init__(self, n_users: int, size: int, *, n_contexts: int, keep_direct: bool):
        super().__init__()
        self.keep_direct = keep_direct
        self.gate, self.offset = zero_linear(size, size), zero_linear(size, size, bias=False)
        self.register_buffer("contexts", torch.zeros(n_contexts, size))  # xi
        self.register_buffer("shares", torch.zeros(n_contexts))  # P(k)
        self.register_buffer("own", torch.zeros(n_users, dtype=torch.int64))  # k(u)

    @torch.no_grad()
    def set_contexts(self, rows: Float[Tensor, "user dim"], met: Bool[Tensor, " user"], *, start: bool) -> None:
        """Cluster the unit rows of users with a history: from scratch, or for five rounds from the last contexts."""
        given = None if start else self.contexts
        contexts, own = kmeans(rows[met], len(self.contexts), rounds=25 if start else 5, spherical=True, start=given)
        self.contexts.copy_(contexts)
        self.own[met] = own
        self.shares.copy_(torch.bincount(own, minlength=len(contexts)) / len(own))

    def observe(self, m: Float[Tensor, "batch dim"], user: Int[Tensor, " batch"]) -> Float[Tensor, "batch dim"]:
        context = self.contexts[self.own[user]]
        return m * 2 * self.gate(context).sigmoid() + self.offset(context)

    def adjust(self, m: Float[Tensor, "user dim"]) -> Float[Tensor, "user dim"]:
        out = m * (self.shares @ (2 * self.gate(self.contexts).sigmoid()))
        return out + self.shares @ self.offset(self.contexts) if self.keep_direct else out


def project(vectors: Tensor, points: Float[Tensor, "row code"], size: int) -> Tensor:
    """Project ``vectors`` to the ``size`` top principal directions of ``points``; pad narrower ones with zeros."""
    width = points.shape[1]
    if width > size:
        centred = (points - points.mean(0)).double()
        directions = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -size:]
        return vectors @ directions.to(vectors.dtype)
    return F.pad(vectors, (0, size - width))
