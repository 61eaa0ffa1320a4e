"""Negatives: never a training item, every other item equally often."""

import numpy as np
import scipy.sparse as sp
import torch

from bench.nn.sampling import NegativeSampler


def sampler():
    """User 1 met 2 and 4 of the items 1..5; user 2 met nothing; user 3 met 1, 2, 3, 4."""
    rows, columns = [1, 1, 3, 3, 3, 3, 1], [2, 4, 1, 2, 3, 4, 2]
    return NegativeSampler(sp.coo_matrix((np.ones(7), (rows, columns)), shape=(4, 6)))


def test_every_rank_maps_to_the_item_outside():
    s = sampler()
    assert s.outside(torch.tensor([1, 1, 1]), torch.tensor([0, 1, 2])).tolist() == [1, 3, 5]
    assert s.outside(torch.full((5,), 2), torch.arange(5)).tolist() == [1, 2, 3, 4, 5]
    assert s.outside(torch.tensor([3]), torch.tensor([0])).tolist() == [5]


def test_draws_are_uniform_and_never_met():
    draws = sampler()(torch.ones(9000, dtype=torch.long), torch.Generator().manual_seed(0))
    values, counts = draws.unique(return_counts=True)
    assert values.tolist() == [1, 3, 5]
    assert (counts - 3000).abs().max() < 4 * (9000 * 2 / 9) ** 0.5  # four standard deviations


def test_against_a_plain_loop(rng):
    dense = rng.random((20, 30)) < 0.3
    dense[:, 0] = False
    s = NegativeSampler(sp.csr_matrix(dense.astype(np.float32)))
    for user in range(20):
        outside = [i for i in range(1, 30) if not dense[user, i]]
        ranks = torch.arange(len(outside))
        assert s.outside(torch.full_like(ranks, user), ranks).tolist() == outside


def test_the_generator_decides():
    user = torch.ones(50, dtype=torch.long)
    a, b = (sampler()(user, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(a, b)
