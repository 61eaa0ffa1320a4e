"""Paired tests, intervals and effect sizes: by hand, and against scipy."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from bench.report import paired
from bench.report.paired import Tally, tally


@pytest.fixture
def gains(rng):
    """Differences of NDCG@10 of 400 cases, more of them up than down."""
    values = np.concatenate([1 / np.log2(np.arange(2, 12)), np.zeros(15)])
    return rng.choice(values, 400) - rng.choice(np.append(values, [0, 0, 0]), 400)


def test_a_tally_keeps_every_case_and_joins_equal_differences():
    found = tally(np.array([0.5, -1.0, 0.1 + 0.2, 0.3, 0.5]))
    assert found.value.tolist() == [-1.0, 0.3, 0.5]
    assert found.count.tolist() == [1, 2, 2]
    assert found.mean == pytest.approx((0.5 - 1.0 + 0.3 + 0.3 + 0.5) / 5)


def test_three_differences_by_hand():
    """3, -1, 2: the sum 4 is reached or passed by +++ (6) and +-+ (4), and their reverses: 4 of 8 signs.

    Ranks 3, -1, 2 are the same numbers. r is (5 - 1) / 6. The mean is 4/3, the variance
    ((5/3)^2 + (7/3)^2 + (2/3)^2) / 2 = 13/3.
    """
    found = tally(np.array([3.0, -1.0, 2.0]))
    assert paired.permutation_p(found) == pytest.approx(4 / 8)
    assert paired.wilcoxon_p(found) == pytest.approx(4 / 8)
    assert paired.rank_biserial(found) == pytest.approx(4 / 6)
    assert paired.cohen_dz(found) == pytest.approx(4 / 3 / math.sqrt(13 / 3))
    assert paired.standard_error(found) == pytest.approx(math.sqrt(13 / 3 / 3))


def test_nothing_differs():
    found = tally(np.zeros(5))
    assert (paired.permutation_p(found), paired.wilcoxon_p(found)) == (1.0, 1.0)
    assert math.isnan(paired.rank_biserial(found))
    assert math.isnan(paired.cohen_dz(found))
    assert paired.interval(found) == (0.0, 0.0)


def test_hits_are_tested_by_the_exact_binomial():
    found = tally(np.repeat([-1.0, 0.0, 1.0], [31, 500, 52]))
    exact = stats.binomtest(52, 83).pvalue
    assert paired.permutation_p(found, unit=1.0) == pytest.approx(exact, rel=1e-9)
    assert paired.wilcoxon_p(found) == pytest.approx(exact, rel=1e-9)


def test_more_hits_than_are_listed_are_inverted_just_as_exactly():
    found = Tally(np.array([-1.0, 1.0]), np.array([10_100, 10_500]))
    assert found.n > paired.LISTED
    assert paired.permutation_p(found, unit=1.0) == pytest.approx(stats.binomtest(10_500, 20_600).pvalue, rel=1e-6)


def test_sign_flips_are_those_of_scipy(rng):
    differences = np.round(rng.normal(0.4, 1, size=11), 1)
    found = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True, axis=0
    )
    assert paired.permutation_p(tally(differences)) == pytest.approx(found.pvalue, rel=1e-9)


def test_listed_and_inverted_sums_agree():
    size, count = np.array([0.2891, 0.3562, 0.6309, 1.0]), np.array([13, 11, 9, 12])
    for total in (2.0, 5.0, 9.0):
        listed = paired.listed_tail(size, count, total)
        assert paired.inverted_tail(size, count, total, step=0.0) == pytest.approx(listed, rel=0.02)
    lattice = np.array([1 / 3, 2 / 3, 1.0])  # hits averaged over three seeds
    for total in (2 / 3, 4.0, 8.0):
        listed = paired.listed_tail(lattice, np.array([14, 20, 12]), total)
        assert paired.inverted_tail(lattice, np.array([14, 20, 12]), total, step=2 / 3) == pytest.approx(
            listed, rel=1e-9
        )


def test_the_lattice_of_sums_is_that_of_the_sizes_that_occur():
    assert paired.lattice(np.array([1 / 3, 2 / 3, 1.0]), 1 / 3) == pytest.approx(2 / 3)
    assert paired.lattice(np.array([1 / 2, 1.0]), 1 / 4) == pytest.approx(1.0)  # four seeds, two and two alike
    assert paired.lattice(np.array([7.5]), 0.5) == 15.0
    assert paired.lattice(np.array([0.6, 1.0]), 0.0) == 0.0


def test_inverted_sums_agree_with_drawn_ones(gains, rng):
    found = tally(gains)
    drawn = np.abs(rng.choice([-1, 1], (20_000, len(gains))) @ gains) >= abs(gains.sum())
    p = paired.permutation_p(found)
    assert 0.01 < p < 0.9
    assert p == pytest.approx(drawn.mean(), abs=4 * math.sqrt(p / 20_000))


def test_signed_ranks_are_those_of_scipy(rng, gains):
    few = rng.permutation(np.arange(1, 13)) * rng.choice([-1, 1, 1], 12)
    assert paired.wilcoxon_p(tally(few.astype(float))) == pytest.approx(stats.wilcoxon(few, method="exact").pvalue)
    many = np.round(gains, 12)
    with_ties = stats.wilcoxon(many, method="approx").pvalue
    assert paired.wilcoxon_p(tally(gains)) == pytest.approx(with_ties, rel=0.02)


def test_rank_biserial_is_that_of_scipys_ranks(gains):
    kept = np.round(gains, 12)[np.round(gains, 12) != 0]
    ranks = stats.rankdata(np.abs(kept))
    assert paired.rank_biserial(tally(gains)) == pytest.approx((ranks * np.sign(kept)).sum() / ranks.sum())


def test_the_interval_is_the_percentile_bootstrap(gains, rng):
    """Skewed on purpose: few gains of 1 among many small losses."""
    skewed = np.concatenate([np.ones(9), np.full(40, -0.1), np.zeros(60)])
    for differences in (gains, skewed):
        drawn = rng.choice(differences, (40_000, len(differences))).mean(axis=1)
        spread = drawn.std()
        expected = np.quantile(drawn, [0.025, 0.975])
        assert paired.interval(tally(differences)) == pytest.approx(expected, abs=0.05 * spread)
    low, high = paired.interval(tally(skewed))
    assert high - skewed.mean() > 1.05 * (skewed.mean() - low)


def test_p_is_even_under_exchange_and_falls_with_the_difference(gains):
    assert paired.permutation_p(tally(gains)) == pytest.approx(paired.permutation_p(tally(-gains)))
    worse = [paired.permutation_p(tally(gains + shift)) for shift in (0.0, 0.05, 0.1)]
    assert worse == sorted(worse, reverse=True)
    assert paired.permutation_p(tally(np.ones(5000))) == paired.FLOOR


def test_under_the_null_p_is_uniform(rng):
    """Signs drawn at random: p <= 0.05 for about one draw in twenty."""
    sizes = rng.choice([0.3869, 0.5, 0.6309, 1.0], 60)
    p = [paired.permutation_p(tally(sizes * rng.choice([-1, 1], 60))) for _ in range(400)]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.035)
    assert np.mean(np.array(p) <= 0.5) == pytest.approx(0.5, abs=0.08)


def test_holm_by_hand():
    """Sorted: 0.01 x 4, 0.02 x 3, 0.03 x 2 (no less than 0.06), 0.5 x 1."""
    assert paired.holm(np.array([0.03, 0.01, 0.5, 0.02])).tolist() == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert paired.holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    for order in itertools.permutations([0.001, 0.04, 0.04]):
        assert sorted(paired.holm(np.array(order))) == pytest.approx([0.003, 0.08, 0.08])


def test_a_mean_of_nought_has_p_one_though_its_differences_are_rounded():
    assert paired.permutation_p(tally(np.array([-2, 0, 1, -2, 1, 1, 1]) / 3), unit=1 / 3) == 1


def test_an_interval_stays_where_the_differences_are():
    low, high = paired.interval(tally(np.array([1.0] + [0.0] * 99)))
    assert low == 0
    assert 0.01 < high < 0.05
