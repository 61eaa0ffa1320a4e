"""Conditional denoising diffusion on latent vectors, with a stack of cross-fitted networks."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

HIDDEN, TIME_SIZE = 256, 32


def signal_shares(n_steps: int = 50) -> Float[Tensor, " step"]:
    """alpha-bar_0 = 1 .. alpha-bar_T: the share of the signal's variance that is left after t noise steps.

    beta rises linearly from 1e-4 to 2e-2, both times 1000/T, and is at most .999.
    """
    beta = torch.linspace(1e-4, 2e-2, n_steps, dtype=torch.float64) * (1000 / n_steps)
    kept = torch.cumprod(1 - beta.clamp(max=0.999), dim=0)
    return torch.cat([torch.ones(1, dtype=torch.float64), kept]).float()


def add_noise(
    clean: Float[Tensor, "*batch dim"], noise: Float[Tensor, "*batch dim"], share: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch dim"]:
    """sqrt(alpha-bar) g_0 + sqrt(1 - alpha-bar) eps, with g_0 = ``clean`` and eps = ``noise``."""
    share = share.unsqueeze(-1)
    return share.sqrt() * clean + (1 - share).sqrt() * noise


def ddim(
    denoise: Callable[[Tensor, int], Tensor],
    noise: Float[Tensor, "*batch dim"],
    shares: Float[Tensor, " step"],
    n_steps: int = 10,
) -> Float[Tensor, "*batch dim"]:
    """One deterministic DDIM sample (eta = 0) that starts at ``noise``; ``denoise(g_t, t)`` predicts g_0."""
    times = torch.linspace(len(shares) - 1, 0, n_steps + 1).round().long().tolist()
    state = noise
    for t, after in zip(times[:-1], times[1:], strict=True):
        clean = denoise(state, t)
        residue = (state - shares[t].sqrt() * clean) / (1 - shares[t]).sqrt()
        state = shares[after].sqrt() * clean + (1 - shares[after]).sqrt() * residue
    return state


class Denoisers(nn.Module):
    """``n_nets`` independent networks f(g_t, t, s) -> g_0, evaluated side by side.

    s is the source and tau(t) an encoding of the time. The layers are [g_t; s; tau(t)] -> Linear, SiLU -> residual
    SiLU(Linear) -> Linear, initialised as torch initialises a Linear.
    """

    def __init__(self, n_nets: int, *, source_size: int, target_size: int, n_steps: int):
        super().__init__()
        sizes = [(source_size + target_size + TIME_SIZE, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, target_size)]
        bounds = [1 / math.sqrt(a) for a, _ in sizes]
        weights = [(torch.rand(n_nets, a, b) * 2 - 1) * k for (a, b), k in zip(sizes, bounds, strict=True)]
        biases = [(torch.rand(n_nets, 1, b) * 2 - 1) * k for (_, b), k in zip(sizes, bounds, strict=True)]
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)
        rate = torch.exp(-math.log(1e4) * torch.arange(TIME_SIZE // 2) / (TIME_SIZE // 2))
        angle = torch.arange(n_steps + 1).unsqueeze(1) * rate
        self.register_buffer("time", torch.cat([angle.sin(), angle.cos()], dim=1), persistent=False)

    def forward(
        self,
        state: Float[Tensor, "net batch target"],
        time: Int[Tensor, "net batch"],
        source: Float[Tensor, "net batch source"],
    ) -> Float[Tensor, "net batch target"]:
        hidden = torch.cat([state, source, self.time[time]], dim=2)
        hidden = F.silu(torch.baddbmm(self.biases[0], hidden, self.weights[0]))
        hidden = hidden + F.silu(torch.baddbmm(self.biases[1], hidden, self.weights[1]))
        return torch.baddbmm(self.biases[2], hidden, self.weights[2])


@torch.no_grad()
def read_out(
    nets: Denoisers,
    source: Float[Tensor, "net batch source"],
    noise: Float[Tensor, "sample net batch target"],
    shares: Float[Tensor, " step"],
    how: str = "one_step",
) -> Float[Tensor, "net batch target"]:
    """An estimate of E[g_0 | s]: the mean over noises of f(eps, T, s) (``one_step``) or of DDIM samples (``ddim``)."""

    def denoise(state, t):
        return nets(state, torch.full(state.shape[:2], t, device=state.device), source)

    last = len(shares) - 1
    return sum(denoise(e, last) if how == "one_step" else ddim(denoise, e, shares) for e in noise) / len(noise)


def cross_fit(
    source: Float[Tensor, "item source"],
    target: Float[Tensor, "item target"],
    fold: Int[Tensor, " item"],
    fits: Bool[Tensor, " item"],
    *,
    steps: int,
    how: str = "one_step",
    n_noise_steps: int = 50,
    n_samples: int = 8,
) -> tuple[Float[Tensor, "item target"], list[float]]:
    """``target`` predicted by diffusion, and the training losses; arguments as in ``latents.ridge_cross_fit``.

    Each fold is predicted by a network, with its own random draws, that was not trained on it. The optimiser is AdamW.
    The weights are averaged with a decay of .995, less at the start. Every 100 steps the average is judged by the R^2
    of its one-step read-out on a tenth of the network's items. The best average is kept, with a patience of 5.
    """
    n_nets, shares = int(fold.max()) + 1, signal_shares(n_noise_steps).to(source.device)
    if int(fits.sum()) < 4 * max(n_nets, 1):
        return torch.zeros_like(target), []
    (train, n_train), (held, n_held) = _split(fold, fits, n_nets)
    nets = Denoisers(n_nets, source_size=source.shape[1], target_size=target.shape[1], n_steps=n_noise_steps)
    nets = nets.to(source.device)
    items, n_items = _table([(fold == f).nonzero().squeeze(1) for f in range(n_nets)])
    draw = lambda ids: torch.randn(n_samples, *ids.shape, target.shape[1], device=ids.device)  # noqa: E731
    last_noise = draw(items)  # drawn before the loop, so that the loop's length does not affect the read-out
    looks = _Looks(nets, source[held], target[held], n_held, draw(held), shares)
    optimizer = torch.optim.AdamW(nets.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)
    batch, losses = min(1024, train.shape[1]), []
    for step in range(1, steps + 1):
        pick = (torch.rand(n_nets, batch, device=source.device) * n_train.unsqueeze(1)).long()
        ids = train.gather(1, pick)
        error = _errors(nets, source[ids], target[ids], shares)
        optimizer.zero_grad(set_to_none=True)
        error.sum().backward()
        optimizer.step()
        looks.average(step)
        losses.append(error.detach().mean())
        if (step % 100 == 0 or step == steps) and looks.look():
            break
    looks.restore()
    predicted = read_out(nets, source[items], last_noise, shares, how)
    out = torch.zeros_like(target)
    for f, count in enumerate(n_items.tolist()):
        out[items[f, :count]] = predicted[f, :count]
    return out, torch.stack(losses).tolist()


def _split(fold: Tensor, fits: Tensor, n_nets: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The items that each network trains on and the tenth that it is judged by, as returned by ``_table``."""
    rows = [(fits & (fold != f)).nonzero().squeeze(1) for f in range(n_nets)]
    rows = [ids[torch.randperm(len(ids), device=ids.device)] for ids in rows]
    held = [ids[: max(2, len(ids) // 10)] for ids in rows]
    return _table([ids[len(h) :] for ids, h in zip(rows, held, strict=True)]), _table(held)


def _errors(nets, source: Tensor, clean: Tensor, shares: Float[Tensor, " step"]) -> Float[Tensor, " net"]:
    """The mean squared error with which each network predicts ``clean`` from its noisy version at random steps."""
    time = torch.randint(1, len(shares), clean.shape[:2], device=clean.device)
    noised = add_noise(clean, torch.randn_like(clean), shares[time])
    return (nets(noised, time, source) - clean).square().mean(dim=(1, 2))


def _table(lists: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Lists of indices as one padded (net, longest) table, and their lengths."""
    table = nn.utils.rnn.pad_sequence(lists, batch_first=True)
    return table, torch.tensor([len(ids) for ids in lists], device=table.device)


class _Looks:
    """The running average of the weights, and for each network the average that did best on its held-out items."""

    PATIENCE = 5

    def __init__(self, nets: Denoisers, source, target, count, noise, shares):
        self.nets, self.source, self.target, self.noise, self.shares = nets, source, target, noise, shares
        self.mask = (torch.arange(source.shape[1], device=source.device) < count.unsqueeze(1)).unsqueeze(2)
        self.mean = [p.detach().clone() for p in nets.parameters()]
        self.best = [p.clone() for p in self.mean]
        self.score = torch.full((len(source),), -torch.inf, device=source.device)
        self.since = torch.zeros(len(source), device=source.device)

    @torch.no_grad()
    def average(self, step: int) -> None:
        decay = min(0.995, step / (step + 10))
        torch._foreach_lerp_(self.mean, [p.detach() for p in self.nets.parameters()], 1 - decay)

    def look(self) -> bool:
        """Evaluate the averaged weights; returns whether every network's patience is exhausted."""
        now = [p.detach().clone() for p in self.nets.parameters()]
        self._load(self.mean)
        predicted = read_out(self.nets, self.source, self.noise, self.shares)
        self._load(now)
        left = ((predicted - self.target).square() * self.mask).sum(dim=(1, 2))
        better = (-left > self.score) & (self.since < self.PATIENCE)
        self.score = torch.where(better, -left, self.score)
        self.since = torch.where(better, torch.zeros_like(self.since), self.since + 1)
        for best, mean in zip(self.best, self.mean, strict=True):
            best[better] = mean[better]
        return bool((self.since >= self.PATIENCE).all())

    def restore(self) -> None:
        self._load(self.best)

    @torch.no_grad()
    def _load(self, values) -> None:
        for parameter, value in zip(self.nets.parameters(), values, strict=True):
            parameter.copy_(value)
