"""Metrics of one held-out item a case, all computed from its rank (1 is best).

With one relevant item, HR@k equals Recall@k, and the ideal DCG is 1, so NDCG@k is 1 / log2(rank + 1) inside the
first k places and 0 below.
"""

import numpy as np
import pandas as pd

from bench.spec import METRICS, RANKINGS


def per_case(rank: np.ndarray, metric: str) -> np.ndarray:
    """The metric of every case, float64, shape of ``rank``. ``metric`` is "hr@K", "ndcg@K" or "mrr"."""
    name, _, k = metric.partition("@")
    rank = np.asarray(rank, dtype=np.float64)
    if name == "mrr":
        return 1.0 / rank
    gain = np.ones_like(rank) if name == "hr" else 1.0 / np.log2(rank + 1.0)
    return np.where(rank <= int(k), gain, 0.0)


def means(ranks: pd.DataFrame) -> dict[str, float]:
    """Unrounded means over cases, named "ranking.metric", for the rankings that ``ranks`` holds."""
    return {
        f"{ranking}.{metric}": float(per_case(ranks[f"rank_{ranking}"].to_numpy(), metric).mean())
        for ranking in RANKINGS
        if f"rank_{ranking}" in ranks
        for metric in METRICS
    }
