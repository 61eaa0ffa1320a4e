"""InvRL's backbone networks, several side by side, and their training step."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.nn.features import FeatureRows

RELEASED_BATCH = 512  # the batch over which the authors sum; also an environment's batch in the stages


class Networks(nn.Module):
    """``n`` backbones side by side with equal initial weights; flattened tables have the row id * n + network."""

    def __init__(self, n: int, *, rows: tuple[int, int, int], sizes: tuple[int, int]):
        super().__init__()
        (n_users, n_items, width), (ids, content), self.n = rows, sizes, n
        self.user = nn.Parameter(torch.empty(n_users, n, ids + content))  # u
        self.item = nn.Parameter(torch.empty(n_items, n, ids))  # v
        self.projection = nn.Parameter(torch.empty(width, n, content))  # W
        self.bias = nn.Parameter(torch.empty(n, content))  # c
        self.register_buffer("mask", torch.ones(width))  # m
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        for table in (self.user, self.item, self.projection):
            table.copy_(0.01 * torch.randn_like(table[:, :1]))
        self.user[0], self.item[0] = 0.0, 0.0  # padding
        self.bias.zero_()

    def items(self, content: FeatureRows) -> Float[Tensor, "row dim"]:
        """The item vectors [v | W' (x * m) + c] of all networks."""
        projected = content((self.projection * self.mask.view(-1, 1, 1)).flatten(1)) + self.bias.flatten()
        return torch.cat([self.item, projected.view(len(self.item), self.n, -1)], dim=2).flatten(0, 1)


def step(loss: Float[Tensor, ""], *optimizers: torch.optim.Optimizer) -> None:
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()


def square(table: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    return table.flatten() @ table.flatten()


def lengths(hyper, share: float) -> dict[str, int]:
    """The numbers of epochs and repeats of the stages for a share of the full budget."""
    thirds = {"pretrain_epochs": 3, "rounds": 1, "front_iters": 1, "front_epochs": 1, "back_epochs": 2}
    return {name: max(1, round(getattr(hyper, name) * share ** (n / 3))) for name, n in thirds.items()}
