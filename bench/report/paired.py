"""Paired differences between two rows: tests, interval, effect sizes. All of it works on tallies.

A metric cut at place k takes few values, so thousands of differences are a few distinct ones with counts. Two sums are
then known without drawing any: under random signs, sum_v v (2 Binomial(n_v, 1/2) - n_v), by listing its values or from
its characteristic function prod_v cos(u v)^n_v; and under the bootstrap, by its first four cumulants.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln

CONFIDENCE_Z = 1.959963984540054  # of 95 %
LISTED = 1 << 12  # sums of signs that are listed one by one; where there are more, they are inverted
REACH = 8.5  # standard deviations beyond which a sum of signs, or its characteristic function, is below 1e-15
FLOOR = 1e-12  # what the inversion can tell from nought

Values = Float[np.ndarray, " value"]
Counts = Int[np.ndarray, " value"]


@dataclass(frozen=True, eq=False)
class Tally:
    """Distinct differences, ascending, and how many cases have each."""

    value: Values
    count: Counts

    @cached_property
    def n(self) -> int:
        return int(self.count.sum())

    @cached_property
    def mean(self) -> float:
        return float(self.value @ self.count / self.n)

    @cached_property
    def folded(self) -> "Folded":
        size, place = np.unique(np.abs(self.value), return_inverse=True)
        count = np.bincount(place, weights=self.count).astype(np.int64)
        signs = np.bincount(place, weights=self.count * np.sign(self.value))
        return Folded(size[size > 0], count[size > 0], signs[size > 0])

    def moment(self, power: int) -> float:
        """The central moment of that power over the cases, with divisor n."""
        return float((self.value - self.mean) ** power @ self.count / self.n)


class Folded(NamedTuple):
    """Sizes of the differences that are not nought, ascending; how many have each; the sum of their signs."""

    size: Values
    count: Counts
    signs: Values

    @property
    def ranks(self) -> Values:
        """The middle rank of each size."""
        return np.cumsum(self.count) - (self.count - 1) / 2


def tally(differences: np.ndarray, counts: np.ndarray | None = None) -> Tally:
    """The differences as a tally; equal to twelve places is equal. ``counts`` where they are tallied in part."""
    if counts is None:
        return Tally(*np.unique(np.round(differences, 12), return_counts=True))
    value, place = np.unique(np.round(differences, 12), return_inverse=True)
    count = np.bincount(place, weights=counts).astype(np.int64)
    return Tally(value[count > 0], count[count > 0])


def permutation_p(found: Tally, *, unit: float = 0.0) -> float:
    """Two-sided p of the mean difference when each difference may change its sign.

    ``unit`` is what all differences are multiples of, 0 where they have no common measure.
    """
    size, count, signs = found.folded
    return tail(size, count, abs(float(size @ signs)), unit=unit)


def wilcoxon_p(found: Tally) -> float:
    """Two-sided p of the signed ranks: differences of nought left out, equal sizes share their middle rank."""
    rank, (_, count, signs) = found.folded.ranks, found.folded
    return tail(rank, count, abs(float(rank @ signs)), unit=0.5)


def rank_biserial(found: Tally) -> float:
    """(W+ - W-) / (W+ + W-), of the signed ranks; NaN where no case differs."""
    rank, (_, count, signs) = found.folded.ranks, found.folded
    return float(rank @ signs / (rank @ count)) if len(rank) else math.nan


def cohen_dz(found: Tally) -> float:
    """Mean over the standard deviation (divisor n - 1) of the differences; NaN where they do not vary."""
    error = standard_error(found)
    return found.mean / (error * math.sqrt(found.n)) if error > 0 else math.nan


def standard_error(found: Tally) -> float:
    """Of the mean, over cases; NaN for a single case."""
    return math.sqrt(max(found.moment(2), 0.0) / (found.n - 1)) if found.n > 1 else math.nan


def interval(found: Tally) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean, as of infinitely many resamples of the cases.

    The mean of a resample has the cumulants of the differences, scaled; its quantiles are taken from them by the
    Cornish-Fisher expansion up to the fourth, which leaves out terms of order n^-3/2.
    """
    variance = found.moment(2)
    if variance <= 0:
        return found.mean, found.mean
    skew = found.moment(3) / variance**1.5 / math.sqrt(found.n)
    kurtosis = (found.moment(4) / variance**2 - 3) / found.n
    spread = math.sqrt(variance / found.n)

    def quantile(z: float) -> float:
        bent = z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
        return float(np.clip(found.mean + spread * bent, found.value[0], found.value[-1]))

    return quantile(-CONFIDENCE_Z), quantile(CONFIDENCE_Z)


def tail(size: np.ndarray, count: np.ndarray, total: float, *, unit: float) -> float:
    """P(|S| >= ``total``) for the sum S of ``count`` numbers of each ``size`` under independent random signs."""
    if not len(size) or total <= 1e-9 * size[0]:  # sizes equal to twelve places sum up to nought only nearly
        return 1.0
    listed = math.prod(float(n + 1) for n in count) <= LISTED
    p = listed_tail(size, count, total) if listed else inverted_tail(size, count, total, step=lattice(size, unit))
    return min(max(p, FLOOR), 1.0)


def lattice(size: np.ndarray, unit: float) -> float:
    """The distance of which all distances between two sums of signs are multiples; 0 where there is none."""
    if len(size) == 1:
        return 2 * float(size[0])
    return 2 * unit * float(np.gcd.reduce(np.rint(size / unit).astype(np.int64))) if unit else 0.0


def listed_tail(size: np.ndarray, count: np.ndarray, total: float) -> float:
    """``tail``, exactly: all sums with their chances, one size after the other."""
    sums, chances = np.zeros(1), np.ones(1)
    for each, n in zip(size, count, strict=True):
        plus = np.arange(n + 1)
        binomial = np.exp(gammaln(n + 1) - gammaln(plus + 1) - gammaln(n - plus + 1) - n * math.log(2))
        sums = np.add.outer(sums, each * (2 * plus - n)).ravel()
        chances = np.multiply.outer(chances, binomial).ravel()
    return float(chances[np.abs(sums) >= total * (1 - 1e-9)].sum())


def inverted_tail(size: np.ndarray, count: np.ndarray, total: float, *, step: float) -> float:
    """``tail`` by Davies' sum over the characteristic function (Biometrika 60, 1973).

    Exact but for 1e-12 on a lattice of width ``step``; with ``step`` 0 off by half the chance of ``total`` itself.
    """
    spread = math.sqrt(float(size**2 @ count))
    width = 2 * math.pi / (total + (REACH + 0.5) * spread)
    u = width * (np.arange(math.ceil(REACH / spread / width)) + 0.5)
    if step:
        u = u[u < math.pi / step]
    kernel = width / u if not step else width * step / 2 / np.sin(u * step / 2)
    cosines = np.cos(np.multiply.outer(u, size))
    sign = np.where(((cosines < 0) @ (count % 2)) % 2, -1.0, 1.0)
    with np.errstate(divide="ignore"):
        wave = sign * np.exp(np.log(np.abs(cosines)) @ count)
    return 1.0 - 2.0 / math.pi * float((np.sin(u * (total - step / 2)) * kernel * wave).sum())


def holm(p: np.ndarray) -> np.ndarray:
    """Adjusted p, in the order given: the family-wise error stays below a level that they are held against."""
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted
