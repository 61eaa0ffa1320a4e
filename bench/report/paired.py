"""Paired differences between two rows: tests, interval, effect sizes, by scipy and statsmodels.

A test has 12 to 25 thousand cases, one per user, and a report has hundreds of tests. Ten thousand draws of all signs,
or of resamples, would take seconds per test, and the error of so many draws is larger than the error of the normal
distribution, to which both tend (central limit theorem). So signs and resamples are drawn only where at most FEW cases
count; for more cases the normal distribution is used. When this was written, no mark of the records' 508 tests differed
from those of the exact distribution.

The overhead of a call of scipy takes longer than the arithmetic, so it is called only for the distributions, the ranks
and the tests of few cases.
"""

import gc
import math

import numpy as np
import scipy  # its statistics, half a second to import, are loaded where they are first used
from jaxtyping import Float, Int

from bench.spec import BenchError

FEW = 50  # the most cases for which signs and resamples are drawn
DRAWS = {"n_resamples": 99_999, "vectorized": True}
CONFIDENCE = 0.95
ALPHA = 0.05  # a difference is more than chance where its p, adjusted for the family of tests, is below

Differences = Float[np.ndarray, " user"]


def differences(
    ours: Float[np.ndarray, "our_seed case"],
    theirs: Float[np.ndarray, "their_seed case"],
    user: Int[np.ndarray, " case"],
) -> Differences:
    """Return ours minus theirs for each user, after the mean over the seeds of each side.

    The cases of one user are not independent, so they count as one: their sum, scaled so that the mean over the users
    is that over the cases. ``user`` has the user of each case as a number from 0 without gaps.

    The differences are rounded to twelve places, beyond which equal gains may differ by the order of summing.
    """
    by_case = ours.mean(axis=0) - theirs.mean(axis=0)
    by_user = np.bincount(user, by_case)
    return np.round(by_user * (len(by_user) / len(by_case)), 12)


def total(differences: np.ndarray, axis: int) -> np.ndarray | np.floating:
    """Return the sum rounded to nine places, so that equal sums of differently ordered terms compare as equal."""
    return np.round(differences.sum(axis=axis), 9)


def permutation_p(differences: Differences) -> float:
    """Return the two-sided p of the mean difference under random signs of the differences; zeros are dropped.

    Where all differences have one size, such as hits of one seed, only their signs count, and p is exact: twice the
    chance, by ``scipy.stats.binom``, of so few of the rarer sign. For at most FEW differences, p is that of
    ``scipy.stats.permutation_test``, which tries all signs where these are fewer than its draws. For more, the sum over
    its standard deviation, sqrt(sum of squares), is taken as standard normal.
    """
    nonzero = differences[differences != 0]
    if not len(nonzero):
        return 1.0
    if np.ptp(np.abs(nonzero)) == 0:
        n_up = int((nonzero > 0).sum())
        return min(1.0, float(2 * scipy.stats.binom.cdf(min(n_up, len(nonzero) - n_up), len(nonzero), 0.5)))
    if len(nonzero) <= FEW:
        draw = {**DRAWS, "rng": np.random.default_rng(0), "permutation_type": "samples"}
        return float(scipy.stats.permutation_test((nonzero,), total, **draw).pvalue)
    return float(2 * scipy.stats.norm.sf(abs(nonzero.sum()) / math.sqrt(nonzero @ nonzero)))


def wilcoxon_p(differences: Differences) -> float:
    """Return the two-sided p of the signed ranks: zeros are dropped, and equal sizes share their mean rank."""
    return float(scipy.stats.wilcoxon(differences).pvalue) if differences.any() else 1.0


def rank_biserial(differences: Differences) -> float:
    """Return (W+ - W-) / (W+ + W-) of the signed ranks; NaN where no case differs."""
    nonzero = differences[differences != 0]
    ranks = scipy.stats.rankdata(np.abs(nonzero))
    return float(ranks @ np.sign(nonzero) / ranks.sum()) if len(nonzero) else math.nan


def deviation(values: Float[np.ndarray, " value"]) -> float:
    """Return the standard deviation (divisor n - 1): exactly 0 for equal values, whose mean may be rounded; NaN for a
    single one."""
    if len(values) < 2:
        return math.nan
    return float(values.std(ddof=1)) if np.ptp(values) > 0 else 0.0


def cohen_dz(differences: Differences) -> float:
    """Return the mean over the standard deviation (divisor n - 1) of the differences; NaN where they do not vary."""
    spread = deviation(differences)
    return float(differences.mean() / spread) if spread > 0 else math.nan


def standard_error(differences: Differences) -> float:
    """Return the standard error of the mean over the cases; NaN for a single case."""
    return deviation(differences) / math.sqrt(len(differences))


def interval(differences: Differences) -> tuple[float, float]:
    """Return the 95 % interval of the mean: percentiles of ``scipy.stats.bootstrap`` for at most FEW cases, the normal
    interval for more, and NaN for a single case."""
    if len(differences) < 2:
        return math.nan, math.nan
    mean = float(differences.mean())
    if not np.ptp(differences) > 0:
        return mean, mean
    if len(differences) > FEW:
        low, high = scipy.stats.norm.interval(CONFIDENCE, mean, standard_error(differences))
    else:
        draw = {**DRAWS, "rng": np.random.default_rng(0), "method": "percentile", "confidence_level": CONFIDENCE}
        low, high = scipy.stats.bootstrap((differences,), np.mean, **draw).confidence_interval
    return float(low), float(high)


def holm(p: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """Return p after Holm's correction, in the order given, which bounds the family-wise error. NaN, for a test that
    was not made, stays NaN and does not count. A machine with only the packages of the jobs may lack statsmodels."""
    adjusted, is_tested = p.copy(), ~np.isnan(p)
    if not is_tested.any():
        return adjusted
    try:
        from statsmodels.stats.multitest import multipletests  # a second to import
    except ModuleNotFoundError:
        remedy = "pip install statsmodels, then --report makes them; all records stand"
        raise BenchError(f"the tables need the package statsmodels, which is not here: {remedy}") from None
    gc.freeze()  # it collects garbage, which would visit all objects of the report
    adjusted[is_tested] = multipletests(p[is_tested], method="holm")[1]
    gc.unfreeze()
    return adjusted
