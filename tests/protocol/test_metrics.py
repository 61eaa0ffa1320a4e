"""Metrics by hand: empty hit, perfect, a worked value, and a plain loop on random ranks."""

from math import log2

import numpy as np
import pandas as pd
import pytest

from bench.protocol.metrics import lost_to_ties, means, per_case


def test_by_hand():
    rank = np.array([1, 2, 5, 6, 100])
    assert per_case(rank, "hr@5").tolist() == [1, 1, 1, 0, 0]
    assert per_case(rank, "ndcg@5") == pytest.approx([1, 1 / log2(3), 1 / log2(6), 0, 0])
    assert per_case(rank, "recall@5").tolist() == [1, 1, 1, 0, 0]
    assert per_case(rank, "precision@5") == pytest.approx([1 / 5, 1 / 5, 1 / 5, 0, 0])
    for metric in ("mrr@5", "map@5"):
        assert per_case(rank, metric) == pytest.approx([1, 1 / 2, 1 / 5, 0, 0])
    assert per_case(rank, "mrr") == pytest.approx([1, 1 / 2, 1 / 5, 1 / 6, 1 / 100])


def test_what_equal_scores_cost_by_hand():
    """Place 3 with 2 ties is one of 1, 2, 3, and 12 with 2 ties one of 10, 11, 12; 5 is alone, 50 is too far."""
    gain = [1, 1 / log2(3), 1 / 2, 1 / log2(11)]  # of places 1, 2, 3 and 10
    lost = [sum(gain[:3]) / 3 - gain[2], gain[3] / 3 - 0, 0, 0]
    rank, ties = np.array([3, 12, 5, 50]), np.array([2, 2, 0, 9])
    assert lost_to_ties(rank, ties, "ndcg@10") == pytest.approx(sum(lost) / 4)
    assert lost_to_ties(rank, ties, "hr@10") == pytest.approx((1 / 3) / 4)


def test_what_equal_scores_cost_is_what_a_random_order_gains(rng):
    rank = rng.integers(1, 30, 200)
    ties = rng.integers(0, rank)
    orders = [per_case(rng.integers(rank - ties, rank + 1), "ndcg@10").mean() for _ in range(4000)]
    gained = np.mean(orders) - per_case(rank, "ndcg@10").mean()
    assert lost_to_ties(rank, ties, "ndcg@10") == pytest.approx(gained, abs=4 * np.std(orders) / 4000**0.5)


def test_means_name_the_ranking():
    got = means(pd.DataFrame({"rank_sampled": [1, 20], "rank_full": [11, 11]}))
    assert got["sampled.hr@10"] == 0.5
    assert got["full.hr@10"] == 0
    assert got["full.hr@20"] == 1
    assert got["sampled.ndcg@20"] == pytest.approx((1 + 1 / log2(21)) / 2)


@pytest.mark.parametrize("metric", ["hr@10", "ndcg@10"])
def test_against_a_plain_loop_over_lists(rng, metric):
    k, total, ranks = 10, 0.0, rng.integers(1, 30, 200)
    for rank in ranks:
        relevance = [1 if place == rank else 0 for place in range(1, 31)][:k]
        dcg = sum(r / log2(place + 1) for place, r in enumerate(relevance, start=1))
        total += dcg if metric.startswith("ndcg") else any(relevance)
    assert per_case(ranks, metric).mean() == pytest.approx(total / 200)
