"""Training batches drawn on the device: a whole epoch's positives and negatives at once."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from bench.data.split import with_negatives
from bench.spec import Training


class Batches:
    """Batches of (user, positive, negatives) of one training set.

    ``sampling="user"``: floor(n / B) + 1 steps of B distinct users, each with one of their training entries drawn
    uniformly (repeats of an entry count), as in MCLN's released code. With fewer users than B, each step takes all.
    ``sampling="interaction"``: each training entry once, shuffled; the last batch is short.

    Args:
        user, item: (n,) the training entries; ids count from 1, as 0 is the padding id.
        draw_negatives: maps users (any shape) and a generator to one negative item for each.
        n_negatives: negatives per positive; ``neg_item_id`` is (batch,) for one, (batch, n_negatives) for several.
            With 0 nothing is drawn, and it is (batch, 0).
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
        # the steps of an epoch follow from the batch size asked for, even where the batch had to shrink
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


def batches_of(model, pairs: np.ndarray, training: Training, generator: torch.Generator) -> Batches:
    """Return batches of the training ``pairs`` (n, 2; ids from 1), without users who have met every item."""
    pairs = with_negatives(pairs, n_items=model.n_items - 1)
    return Batches(
        pairs[:, 0],
        pairs[:, 1],
        draw_negatives=model.draw_negatives,
        n_negatives=model.n_negatives,
        size=training.train_batch_size,
        sampling=training.sampling,
        generator=generator,
    )
