"""A training step on several threads gives the same gradients each time, to the bit."""

import torch

from bench.train.seed import repeatable
from tests.conformance.rows import batch_for, build_row
from tests.toy import random_set

SIZE, WIDTH = 600, 64  # of the batch: torch shares a gradient's additions between threads from 32,768 numbers on
TIMES = 8  # two threads add in one order by chance, most of all where they have to share a core


def gradients(model, batch) -> list[torch.Tensor]:
    torch.manual_seed(5)
    model.zero_grad()
    model.before_epoch(1)
    with repeatable(torch.device("cpu")):
        model.train().calculate_loss(batch).backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def test_gradients_on_two_threads_are_equal_to_the_bit(row, two_threads):
    """30 items share 600 pairs, so that the gradient of each is a sum of many rows, in halves on two threads."""
    data = random_set(n_users=60, n_items=30, per_user=15)
    model = build_row(row, data, embedding_size=WIDTH)
    batch = batch_for(model, data, size=SIZE)
    first, *others = (gradients(model, batch) for _ in range(TIMES))
    for again in others:
        assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
