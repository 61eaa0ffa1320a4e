"""Training batches drawn on the device: a whole epoch's positives and negatives at once."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor


class Batches:
    """Batches of (user, positive, negatives) of one training set.

    ``sampling="user"``: floor(n / B) + 1 steps of B distinct users, one uniform training entry each (repeats of
    an entry count), as MCLN's released code; a set with fewer users than B takes all of them each step.
    ``sampling="interaction"``: the training entries once each, shuffled, the last batch short.

    Args:
        user, item: (n,) training entries, padding counted.
        draw_negatives: maps users (any shape) and a generator to one negative each.
        n_negatives: negatives of each positive; (batch,) for one, (batch, n_negatives) for several. With 0 nothing is
            drawn, and ``neg_item_id`` is (batch, 0).
    """

    def __init__(self, user: np.ndarray, item: np.ndarray, *, draw_negatives, n_negatives, size, sampling, generator):
        device = generator.device
        order = np.argsort(user, kind="stable")
        self.user, self.item = (torch.from_numpy(a[order]).to(device) for a in (user, item))
        users, start, count = np.unique(user[order], return_index=True, return_counts=True)
        self.users, self.start, self.count = (torch.from_numpy(a).to(device) for a in (users, start, count))
        self.draw_negatives, self.n_negatives, self.generator = draw_negatives, n_negatives, generator
        self.sampling = sampling
        self.size = min(size, len(users)) if sampling == "user" else size
        # as many steps an epoch as the batch size asked for, also where the batch had to shrink
        self.steps = len(user) // size + 1 if sampling == "user" else -(-len(user) // size)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        user, item = self._by_user() if self.sampling == "user" else self._by_interaction()
        many = user if self.n_negatives == 1 else user.unsqueeze(1).expand(-1, self.n_negatives)
        negative = self.draw_negatives(many, self.generator)
        parts = zip(user.split(self.size), item.split(self.size), negative.split(self.size), strict=True)
        for u, i, j in parts:
            yield {"user_id": u, "item_id": i, "neg_item_id": j}

    def _by_user(self) -> tuple[Tensor, Tensor]:
        n, device = len(self.users), self.users.device
        picks = [torch.randperm(n, device=device, generator=self.generator)[: self.size] for _ in range(self.steps)]
        pick = torch.cat(picks)
        share = torch.rand(len(pick), device=device, dtype=torch.float64, generator=self.generator)
        place = self.start[pick] + (share * self.count[pick]).long()
        return self.users[pick], self.item[place]

    def _by_interaction(self) -> tuple[Tensor, Tensor]:
        order = torch.randperm(len(self.user), device=self.user.device, generator=self.generator)
        return self.user[order], self.item[order]
