"""Pruning: chances of the draws, how many stay, and the graph that they make."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from bench.nn.pruning import DegreePruning, draw_without_replacement
from tests.toy import as_dense


def test_the_chance_of_an_edge_is_its_share_of_the_weights():
    torch.manual_seed(0)
    weight = torch.tensor([1.0, 0.25])
    first = torch.cat([draw_without_replacement(weight, 1) for _ in range(10_000)])
    assert (first == 0).float().mean() == pytest.approx(0.8, abs=0.015)  # 4 standard deviations


def test_the_second_draw_is_from_what_the_first_left():
    """Weights 3, 2, 1: the pair without the last comes up as 3/6 2/3 + 2/6 3/4 = 7/12."""
    torch.manual_seed(0)
    weight = torch.tensor([3.0, 2.0, 1.0])
    pairs = torch.stack([draw_without_replacement(weight, 2).sort().values for _ in range(10_000)])
    assert (pairs == torch.tensor([0, 1])).all(1).float().mean() == pytest.approx(7 / 12, abs=0.02)


def test_what_stays_is_part_of_the_interactions_and_normalised_by_its_own_degrees():
    torch.manual_seed(0)
    met = sp.random(20, 15, density=0.3, random_state=0, format="csr")
    kept = as_dense(DegreePruning(met, 0.7).draw())
    block = kept[:20, 20:]
    assert (block != 0).sum() == int(met.nnz * 0.3)
    assert not block[torch.from_numpy(met.toarray() == 0)].any()
    assert torch.equal(kept, kept.T)
    there = (block != 0).float()
    degrees = there.sum(1, keepdim=True) * there.sum(0)
    assert torch.allclose(block, there / degrees.clamp_min(1).sqrt())


def test_the_weight_of_an_edge_is_one_over_the_root_of_both_degrees():
    """User 0 has items 0 and 1, user 1 has item 0 alone."""
    assert DegreePruning(sp.csr_matrix([[1, 1], [1, 0]]), 0.5).weight.tolist() == pytest.approx(
        [0.5, 0.5**0.5, 0.5**0.5]
    )


def test_popular_ends_lose_more():
    """Item 0 has 40 users, item 1 has 2, no user has both: kept with probability ~ 1 / sqrt(degree)."""
    torch.manual_seed(0)
    pairs = np.array([(u, 0) for u in range(40)] + [(40, 1), (41, 1)])
    met = sp.csr_matrix((np.ones(42), pairs.T), shape=(42, 2))
    pruning = DegreePruning(met, 0.5)
    blocks = [as_dense(pruning.draw())[:42, 42:] != 0 for _ in range(300)]
    kept = torch.stack(blocks).float().mean(0).sum(0) / torch.tensor([40.0, 2.0])
    assert kept[1] > 1.5 * kept[0]


def test_an_interaction_that_stands_twice_counts_once():
    """RecBole's own matrix repeats it."""
    pairs = [(0, 0), (0, 1), (1, 1), (0, 1)]
    twice = sp.coo_matrix((np.ones(4), tuple(zip(*pairs, strict=True))), shape=(2, 2))
    pruning = DegreePruning(twice, rate=0.5)
    assert pruning.n_kept == 1
    assert pruning.weight.tolist() == pytest.approx([2**-0.5, 4**-0.5, 2**-0.5])
