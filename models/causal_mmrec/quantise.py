"""k-means clusters, and two levels of codes learnt by a vector-quantised auto-encoder."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

DECAY, SMOOTHING, COMMITMENT = 0.99, 1e-5, 0.25


def spread(points: Float[Tensor, "row dim"], k: int) -> Float[Tensor, "code dim"]:
    """k rows drawn by k-means++, each with probability proportional to its squared distance from those drawn."""
    picks = [torch.randint(len(points), (1,), device=points.device)]
    gap = torch.full((len(points),), torch.inf, device=points.device, dtype=points.dtype)
    for _ in range(k - 1):
        gap = torch.minimum(gap, (points - points[picks[-1]]).square().sum(1))
        total = gap.cumsum(0)
        share = torch.rand(1, device=points.device, dtype=points.dtype) * total[-1]
        picks.append(torch.searchsorted(total, share, right=True).clamp(max=len(points) - 1))
    return points[torch.cat(picks)]


def nearest_code(points: Float[Tensor, "row dim"], codes: Float[Tensor, "code dim"]) -> Int[Tensor, " row"]:
    """The index of the nearest code of each row; ties go to the lower index."""
    return (codes.square().sum(1) - 2 * points @ codes.T).argmin(1)


def sums(points: Float[Tensor, "row dim"], code: Int[Tensor, " row"], k: int) -> tuple[Tensor, Tensor]:
    """The number (k,) and the sum (k, dim) of the rows assigned to each code."""
    member = F.one_hot(code, k).to(points.dtype)
    return member.sum(0), member.T @ points


def kmeans(
    points: Float[Tensor, "row dim"],
    k: int,
    *,
    rounds: int = 25,
    spherical: bool = False,
    start: Float[Tensor, "code dim"] | None = None,
) -> tuple[Float[Tensor, "code dim"], Int[Tensor, " row"]]:
    """The centroids, and the index of each row's centroid; a centroid without rows stays where it is.

    Args:
        spherical: scale the centroids to unit norm; the rows are used as they are.
        start: centroids to continue from; otherwise k-means++ chooses them.
    """
    codes = spread(points, k) if start is None else start
    for _ in range(rounds):
        count, total = sums(points, nearest_code(points, codes), len(codes))
        mean = total / count.clamp_min(1).unsqueeze(1)
        if spherical:
            mean = F.normalize(mean, dim=1)
        codes = torch.where((count > 0).unsqueeze(1), mean, codes)
    return codes, nearest_code(points, codes)


class Codes(NamedTuple):
    """Two levels of codes, and the pair of codes of every row."""

    coarse_codes: Float[Tensor, "coarse code"]
    fine_codes: Float[Tensor, "fine code"]
    points: Float[Tensor, "row code"]  # what was quantised
    coarse: Int[Tensor, " row"]
    fine: Int[Tensor, " row"]


def kmeans_codes(points: Float[Tensor, "row dim"], n_coarse: int, n_fine: int) -> Codes:
    """k-means on the points, and then on their differences from the centroids."""
    coarse_codes, coarse = kmeans(points, n_coarse)
    fine_codes, fine = kmeans(points - coarse_codes[coarse], n_fine)
    return Codes(coarse_codes, fine_codes, points, coarse, fine)


def merge_small(codes: Codes, smallest: int) -> tuple[Int[Tensor, " row"], Int[Tensor, " row"]]:
    """The codes (coarse, fine) after the rows of cells with fewer than ``smallest`` rows are moved.

    A cell is a pair of codes. The rows move to the nearest coarse code that has a large enough cell, and there to the
    nearest such cell. Where no cell is large enough, nothing moves.
    """
    n_coarse, n_fine = len(codes.coarse_codes), len(codes.fine_codes)
    cell = codes.coarse * n_fine + codes.fine
    size = torch.bincount(cell, minlength=n_coarse * n_fine)
    large = (size >= smallest).view(n_coarse, n_fine)
    if not bool(large.any()):
        return codes.coarse, codes.fine
    moved = ~large.flatten()[cell]
    far = torch.cdist(codes.points[moved], codes.coarse_codes).masked_fill(~large.any(1), torch.inf)
    coarse = far.argmin(1)
    left = codes.points[moved] - codes.coarse_codes[coarse]
    fine = torch.cdist(left, codes.fine_codes).masked_fill(~large[coarse], torch.inf).argmin(1)
    out = codes.coarse.clone(), codes.fine.clone()
    out[0][moved], out[1][moved] = coarse, fine
    return out


class Codebook(nn.Module):
    """Codes that follow a running mean of the rows assigned to them; they get no gradient."""

    def __init__(self, codes: Float[Tensor, "code dim"], count: Float[Tensor, " code"], *, decay: float = DECAY):
        super().__init__()
        self.decay = decay
        self.register_buffer("codes", codes.clone())
        self.register_buffer("count", count.clone())
        self.register_buffer("total", codes * count.unsqueeze(1))

    def forward(self, points: Float[Tensor, "row dim"]) -> Int[Tensor, " row"]:
        return nearest_code(points.detach(), self.codes)

    @torch.no_grad()
    def follow(self, points: Float[Tensor, "row dim"], code: Int[Tensor, " row"]) -> None:
        """n <- g n + (1-g) count, s <- g s + (1-g) sum, C = s / n, smoothed; a code with n < 1 becomes a random row."""
        count, total = sums(points, code, len(self.codes))
        self.count.lerp_(count, 1 - self.decay)
        self.total.lerp_(total, 1 - self.decay)
        n, k = self.count.sum(), len(self.count)
        smooth = (self.count + SMOOTHING) / (n + k * SMOOTHING) * n
        self.codes.copy_(self.total / smooth.unsqueeze(1))
        unused = self.count < 1
        random = points[torch.randint(len(points), (k,), device=points.device)]
        self.codes.copy_(torch.where(unused.unsqueeze(1), random, self.codes))
        self.total.copy_(torch.where(unused.unsqueeze(1), random, self.total))
        self.count.masked_fill_(unused, 1.0)


class QuantisedAutoEncoder(nn.Module):
    """Encoder phi (Linear, LayerNorm without weights), two levels of codes, decoder psi (Linear, SiLU, Linear)."""

    def __init__(self, width: int, *, code_size: int = 32, hidden: int = 128):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(width, code_size), nn.LayerNorm(code_size, elementwise_affine=False))
        self.decoder = nn.Sequential(nn.Linear(code_size, hidden), nn.SiLU(), nn.Linear(hidden, width))

    def start_codes(self, rows: Float[Tensor, "row width"], n_coarse: int, n_fine: int, *, batch: int) -> None:
        """Start both levels by k-means++ on the encoded rows; the counts are scaled to a batch."""
        with torch.no_grad():
            points = self.encoder(rows)
            for name, k in (("coarse", n_coarse), ("fine", n_fine)):
                codes = spread(points, k)
                code = nearest_code(points, codes)
                setattr(self, name, Codebook(codes, sums(points, code, k)[0] * batch / len(points)))
                points = points - codes[code]

    def quantise(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(coarse, fine, C1_a, C1_a + C2_b): both codes a and b of each row, and their vectors."""
        coarse = self.coarse(points)
        first = self.coarse.codes[coarse]
        fine = self.fine(points - first)
        return coarse, fine, first, first + self.fine.codes[fine]

    def loss(self, rows: Float[Tensor, "row width"], *, follow: bool = True) -> Float[Tensor, ""]:
        """|psi(z_q) - c|^2 / width + beta (|phi - sg C1|^2 + |phi - sg(C1 + C2)|^2) / code size, the mean over rows c.

        sg stops the gradient, and z_q is C1 + C2 with the gradient passed straight through to phi. With ``follow`` the
        codebooks then move towards these rows.
        """
        points = self.encoder(rows)
        coarse, fine, first, both = self.quantise(points)
        z = points + (both - points).detach()  # the gradient passes straight through
        loss = F.mse_loss(self.decoder(z), rows)
        loss = loss + COMMITMENT * (F.mse_loss(points, first) + F.mse_loss(points, both))
        if follow:
            self.coarse.follow(points.detach(), coarse)
            self.fine.follow(points.detach() - first, fine)
        return loss

    @torch.no_grad()
    def codes(self, rows: Float[Tensor, "row width"]) -> Codes:
        points = self.encoder(rows)
        coarse, fine, _, _ = self.quantise(points)
        return Codes(self.coarse.codes, self.fine.codes, points, coarse, fine)


def learn_codes(
    rows: Float[Tensor, "row width"],
    n_coarse: int,
    n_fine: int,
    *,
    code_size: int,
    warm_steps: int,
    steps: int,
) -> tuple[Codes, list[float]]:
    """The codes of ``rows`` and the losses, after ``warm_steps`` of plain auto-encoding and ``steps`` with codes."""
    net = QuantisedAutoEncoder(rows.shape[1], code_size=code_size).to(rows.device)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    batch, losses = min(1024, len(rows)), []
    for step in range(warm_steps + steps):
        if step == warm_steps:
            net.start_codes(rows, n_coarse, n_fine, batch=batch)
        part = rows[torch.randperm(len(rows), device=rows.device)[:batch]]
        loss = F.mse_loss(net.decoder(net.encoder(part)), part) if step < warm_steps else net.loss(part)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if step >= warm_steps:
            losses.append(loss.detach())
    return net.codes(rows), torch.stack(losses).tolist()
