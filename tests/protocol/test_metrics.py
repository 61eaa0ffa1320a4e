"""Metrics by hand: empty hit, perfect, a worked value, and a plain loop on random ranks."""

from math import log2

import numpy as np
import pandas as pd
import pytest

from bench.protocol.metrics import means, per_case


def test_by_hand():
    rank = np.array([1, 2, 5, 6, 100])
    assert per_case(rank, "hr@5").tolist() == [1, 1, 1, 0, 0]
    assert per_case(rank, "ndcg@5") == pytest.approx([1, 1 / log2(3), 1 / log2(6), 0, 0])
    assert per_case(rank, "recall@5").tolist() == [1, 1, 1, 0, 0]
    assert per_case(rank, "precision@5") == pytest.approx([1 / 5, 1 / 5, 1 / 5, 0, 0])
    for metric in ("mrr@5", "map@5"):
        assert per_case(rank, metric) == pytest.approx([1, 1 / 2, 1 / 5, 0, 0])
    assert per_case(rank, "mrr") == pytest.approx([1, 1 / 2, 1 / 5, 1 / 6, 1 / 100])


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
