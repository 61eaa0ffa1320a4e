"""Paired differences between two rows: tests, interval, effect sizes, by scipy and statsmodels.

A test has 12 to 25 thousand cases and a report has hundreds of tests. Ten thousand draws of all signs, or of resamples,
would take seconds for each, and their own error is then larger than that of the normal distribution, to which both
tend (central limit theorem). So signs and resamples are drawn where at most FEW cases count, and beyond the normal
distribution is taken. When this was written, no mark of the records' 508 tests differed from those of the exact
distribution.

What scipy does at each call besides counting takes longer than the counting, so that it is called for what it alone
knows: the distributions, the ranks, and the tests of few cases.
"""

import math
from functools import cache

import numpy as np
import scipy  # its statistics, half a second to import, are loaded where they are first used
from jaxtyping import Float

from bench.spec import BenchError

FEW = 50
DRAWS = {"n_resamples": 99_999, "vectorized": True}
CONFIDENCE = 0.95
ALPHA = 0.05  # below this, adjusted for its family, a difference is more than chance

Differences = Float[np.ndarray, " case"]


def differences(ours: Float[np.ndarray, "our_seed case"], theirs: Float[np.ndarray, "their_seed case"]) -> Differences:
    """Ours minus theirs, case by case, each averaged over its own seeds first."""
    return rounded(ours.mean(axis=0) - theirs.mean(axis=0))


def rounded(differences: Differences) -> Differences:
    """``differences`` to twelve places: sums of equal gains over several seeds may differ beyond."""
    return np.round(differences, 12)


def total(differences: np.ndarray, axis: int) -> np.ndarray | np.floating:
    """The sum, to nine places: sums that are equal stay so."""
    return np.round(differences.sum(axis=axis), 9)


def permutation_p(differences: Differences) -> float:
    """Two-sided p of the mean difference when each difference may change its sign.

    Of differences that are all of one size, such as hits of one seed, only the signs count: twice the chance, by
    ``scipy.stats.binom``, of so few of the rarer one, which is exact. Of at most FEW others, with zero differences
    dropped: ``scipy.stats.permutation_test``, which weighs all signs where they are fewer than its draws. Of more:
    their sum over sqrt(sum of squares), its standard deviation, is standard normal.
    """
    kept = differences[differences != 0]
    if not len(kept):
        return 1.0
    if np.ptp(np.abs(kept)) == 0:
        n_up = int((kept > 0).sum())
        return min(1.0, float(2 * scipy.stats.binom.cdf(min(n_up, len(kept) - n_up), len(kept), 0.5)))
    if len(kept) <= FEW:
        draw = {**DRAWS, "rng": np.random.default_rng(0), "permutation_type": "samples"}
        return float(scipy.stats.permutation_test((kept,), total, **draw).pvalue)
    return float(2 * scipy.stats.norm.sf(abs(kept.sum()) / math.sqrt(kept @ kept)))


def wilcoxon_p(differences: Differences) -> float:
    """Two-sided p of the signed ranks: zero differences are dropped, and equal sizes share their middle rank."""
    kept = differences[differences != 0]
    if not len(kept):
        return 1.0
    if len(differences) <= FEW:
        return float(scipy.stats.wilcoxon(differences).pvalue)
    return float(scipy.stats.wilcoxon(kept, method="asymptotic").pvalue)  # as it decides itself, with fewer to rank


def rank_biserial(differences: Differences) -> float:
    """(W+ - W-) / (W+ + W-), of the signed ranks; NaN where no case differs."""
    kept = differences[differences != 0]
    ranks = scipy.stats.rankdata(np.abs(kept))
    return float(ranks @ np.sign(kept) / ranks.sum()) if len(kept) else math.nan


def cohen_dz(differences: Differences) -> float:
    """Mean over the standard deviation (divisor n - 1) of the differences; NaN where they do not vary."""
    deviation = differences.std(ddof=1) if len(differences) > 1 else 0.0
    return float(differences.mean() / deviation) if deviation > 0 else math.nan


def standard_error(differences: Differences) -> float:
    """Of the mean, over cases; NaN for a single case."""
    return float(differences.std(ddof=1) / math.sqrt(len(differences))) if len(differences) > 1 else math.nan


@cache
def quantiles() -> tuple[float, float]:
    """Of the standard normal, between which CONFIDENCE lies."""
    return scipy.stats.norm.interval(CONFIDENCE)


def interval(differences: Differences) -> tuple[float, float]:
    """95 % interval of the mean: of at most FEW cases ``scipy.stats.bootstrap`` by percentiles, of more the normal; NaN
    for a single case."""
    if len(differences) < 2:
        return math.nan, math.nan
    mean = float(differences.mean())
    if not np.ptp(differences) > 0:
        return mean, mean
    if len(differences) > FEW:
        low, high = (mean + quantile * standard_error(differences) for quantile in quantiles())
    else:
        draw = {**DRAWS, "rng": np.random.default_rng(0), "method": "percentile", "confidence_level": CONFIDENCE}
        low, high = scipy.stats.bootstrap((differences,), np.mean, **draw).confidence_interval
    return float(low), float(high)


def holm(p: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """Adjusted p, in the order given: the family-wise error stays below a level that they are held against. NaN, for
    what was not tested, stays NaN and does not count.

    Raises:
        BenchError: where statsmodels is missing, as on a machine that was given by hand what the jobs need.
    """
    adjusted, is_tested = p.copy(), ~np.isnan(p)
    if not is_tested.any():
        return adjusted
    try:
        from statsmodels.stats.multitest import multipletests  # a second to import
    except ModuleNotFoundError:
        remedy = "pip install statsmodels, then --report makes them; all records stand"
        raise BenchError(f"the tables need the package statsmodels, which is not here: {remedy}") from None
    adjusted[is_tested] = multipletests(p[is_tested], method="holm")[1]
    return adjusted
