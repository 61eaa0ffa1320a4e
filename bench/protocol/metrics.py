"""Metrics of one held-out item per case, all computed from the item's rank (1 is best).

With one relevant item, HR@k equals Recall@k, MAP@k equals MRR@k, and the ideal DCG is 1, so NDCG@k is
1 / log2(rank + 1) inside the first k places and 0 below.
"""

import numpy as np
import pandas as pd

from bench.spec import METRICS, RANKINGS

GAINS = {  # of the relevant item at ``rank`` in a list of ``k`` items
    "hr": lambda rank, k: np.ones_like(rank),
    "recall": lambda rank, k: np.ones_like(rank),
    "precision": lambda rank, k: np.full_like(rank, 1.0 / k),
    "ndcg": lambda rank, k: 1.0 / np.log2(rank + 1.0),
    "mrr": lambda rank, k: 1.0 / rank,
    "map": lambda rank, k: 1.0 / rank,
}


def per_case(rank: np.ndarray, metric: str) -> np.ndarray:
    """Return the metric of every case, float64, in the shape of ``rank``.

    Args:
        metric: "NAME@K" with a name of GAINS, or "mrr", whose list has all items.
    """
    name, _, cut = metric.partition("@")
    k, rank = float(cut or "inf"), np.asarray(rank, dtype=np.float64)
    return np.where(rank <= k, GAINS[name](rank, k), 0.0)


def lost_to_ties(rank: np.ndarray, ties: np.ndarray, metric: str) -> float:
    """Return by how much the mean of ``metric`` ("NAME@K") would be higher if the order of equal scores were random.

    Args:
        rank: (case,) the last of the places that the test item may have.
        ties: (case,) the number of other items with the same score.
    """
    cut = int(metric.partition("@")[2])
    up_to = np.concatenate([[0.0], np.cumsum(per_case(np.arange(1, cut + 1), metric))])  # to place 0, 1, ..., cut
    first_less_one = np.minimum(rank - ties - 1, cut)
    expected = (up_to[np.minimum(rank, cut)] - up_to[first_less_one]) / (ties + 1)
    return float((expected - per_case(rank, metric)).mean())


def means(ranks: pd.DataFrame) -> dict[str, float]:
    """Return unrounded means over the cases, named "ranking.metric", for the rankings that ``ranks`` has."""
    return {
        f"{ranking}.{metric}": float(per_case(ranks[f"rank_{ranking}"].to_numpy(), metric).mean())
        for ranking in RANKINGS
        if f"rank_{ranking}" in ranks
        for metric in METRICS
    }
