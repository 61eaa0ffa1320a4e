"""Paired tests, intervals and effect sizes: by hand, by drawing, and on either side of where drawing ends."""

import itertools
import math
import sys

import numpy as np
import pytest
from scipy import stats

from bench.report import paired
from bench.spec import BenchError


def permutations_p(differences) -> float:
    """The sign-flip test with every sign weighed, one by one."""
    total, n = abs(differences.sum()), 0
    signs = list(itertools.product([-1, 1], repeat=len(differences)))
    for sign in signs:
        n += abs(np.dot(sign, differences)) >= total - 1e-9
    return n / len(signs)


@pytest.fixture
def gains(rng):
    """Differences of NDCG@10 of 400 cases, more of them up than down."""
    values = np.concatenate([1 / np.log2(np.arange(2, 12)), np.zeros(15)])
    return np.round(rng.choice(values, 400) - rng.choice(np.append(values, [0, 0, 0]), 400), 12)


def test_three_differences_by_hand():
    """3, -1, 2: the sum 4 is reached or passed by +++ (6) and +-+ (4), and their reverses: 4 of 8 signs.

    Ranks 3, -1, 2 are the same numbers. r is (5 - 1) / 6. The mean is 4/3, the variance
    ((5/3)^2 + (7/3)^2 + (2/3)^2) / 2 = 13/3.
    """
    found = np.array([3.0, -1.0, 2.0])
    assert paired.permutation_p(found) == pytest.approx(4 / 8)
    assert paired.wilcoxon_p(found) == pytest.approx(4 / 8)
    assert paired.rank_biserial(found) == pytest.approx(4 / 6)
    assert paired.cohen_dz(found) == pytest.approx(4 / 3 / math.sqrt(13 / 3))
    assert paired.standard_error(found) == pytest.approx(math.sqrt(13 / 3 / 3))


def test_nothing_differs():
    found = np.zeros(5)
    assert (paired.permutation_p(found), paired.wilcoxon_p(found)) == (1.0, 1.0)
    assert math.isnan(paired.rank_biserial(found))
    assert math.isnan(paired.cohen_dz(found))
    assert paired.interval(found) == (0.0, 0.0)


@pytest.mark.parametrize("n", [3, 7, 51])
def test_equal_differences_have_no_error_and_no_effect_size(n):
    """All test items move from rank 2 to rank 1: the mean of n equal numbers is rounded and may be another number."""
    found = paired.differences(np.ones((1, n)), np.full((1, n), 1 / math.log2(3)), np.arange(n))
    assert found.std() > 0
    assert math.isnan(paired.cohen_dz(found))
    assert paired.standard_error(found) == 0.0


def test_the_cases_of_a_user_count_as_one():
    """Of five cases, user 0 has three, of which two are gained; their mean over users is the 3 / 5 of the cases."""
    ours, theirs, user = np.ones((1, 5)), np.array([[0.0, 0.0, 1.0, 0.0, 1.0]]), np.array([0, 1, 0, 0, 2])
    found = paired.differences(ours, theirs, user)
    assert found == pytest.approx(np.array([2, 1, 0]) * 3 / 5)
    assert found.mean() == pytest.approx(3 / 5)


def test_copies_of_all_cases_make_nothing_surer():
    draw = np.random.default_rng(0)
    once = draw.normal(size=(2, 1, 300))
    twice, user = np.repeat(once, 2, axis=2), np.repeat(np.arange(300), 2)
    found, copied = paired.differences(*once, np.arange(300)), paired.differences(*twice, user)
    assert copied == pytest.approx(found)
    assert paired.permutation_p(copied) == pytest.approx(paired.permutation_p(found))


def test_a_single_case_has_no_error_no_effect_size_and_no_interval():
    found = np.array([0.5])
    assert math.isnan(paired.standard_error(found))
    assert math.isnan(paired.cohen_dz(found))
    assert all(map(math.isnan, paired.interval(found)))


def test_hits_are_tested_by_the_exact_binomial():
    """52 up of 83 that differ: the chance of 52 or more heads, twice, the 500 that do not differ left out."""
    found = np.repeat([-1.0, 0.0, 1.0], [31, 500, 52])
    tail = sum(math.comb(83, k) for k in range(52, 84)) / 2**83
    assert paired.permutation_p(found) == pytest.approx(2 * tail, rel=1e-9)


def test_few_differences_are_tested_with_every_sign(rng):
    found = np.round(rng.normal(0.4, 1, size=11), 1)
    assert paired.permutation_p(np.append(found, np.zeros(900))) == pytest.approx(permutations_p(found), rel=1e-9)


@pytest.mark.parametrize("n", [paired.FEW, paired.FEW + 1])
def test_both_sides_of_where_drawing_ends_agree_with_drawn_signs(rng, n):
    found = rng.choice([0.3869, 0.5, 0.6309, 1.0], n) * rng.choice([-1, -1, 1, 1, 1], n)
    drawn = (np.abs(rng.choice([-1, 1], (100_000, n)) @ found) >= abs(found.sum())).mean()
    assert 0.0001 < drawn < 0.9
    assert paired.permutation_p(found) == pytest.approx(drawn, abs=0.006)


def test_many_differences_agree_with_drawn_signs(gains, rng):
    drawn = (np.abs(rng.choice([-1, 1], (20_000, len(gains))) @ gains) >= abs(gains.sum())).mean()
    p = paired.permutation_p(gains)
    assert 0.01 < p < 0.9
    assert p == pytest.approx(drawn, abs=4 * math.sqrt(p / 20_000))


def test_a_mean_of_zero_has_p_one_though_its_differences_are_rounded():
    assert paired.permutation_p(np.round(np.array([-2, 0, 1, -2, 1, 1, 1]) / 3, 12)) == 1


def test_signed_ranks_are_every_sign_of_the_ranks(rng):
    few = rng.permutation(np.arange(1, 11)) * rng.choice([-1, 1, 1], 10).astype(float)
    assert paired.wilcoxon_p(few) == pytest.approx(permutations_p(few))


def test_rank_biserial_counts_pairs_by_hand(gains):
    """W+ less W- over their sum, the ranks from a plain sort."""
    kept = gains[gains != 0]
    rank = {size: np.mean([n for n, one in enumerate(sorted(abs(kept)), 1) if one == size]) for size in set(abs(kept))}
    signed = [rank[abs(one)] * np.sign(one) for one in kept]
    assert paired.rank_biserial(gains) == pytest.approx(sum(signed) / sum(map(abs, signed)))


def test_the_interval_is_the_percentile_bootstrap(gains, rng):
    """Skewed on purpose: few gains of 1 among many small losses."""
    skewed = np.concatenate([np.ones(4), np.full(16, -0.1), np.zeros(30)])
    for differences in (gains, skewed):
        drawn = rng.choice(differences, (40_000, len(differences))).mean(axis=1)
        spread = differences.std() / math.sqrt(len(differences))
        assert paired.interval(differences) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.05 * spread)
    low, high = paired.interval(skewed)
    assert high - skewed.mean() > 1.05 * (skewed.mean() - low)


def test_p_is_even_under_exchange_and_falls_with_the_difference(gains):
    assert paired.permutation_p(gains) == pytest.approx(paired.permutation_p(-gains))
    worse = [paired.permutation_p(gains + shift) for shift in (0.0, 0.05, 0.1)]
    assert worse == sorted(worse, reverse=True)
    assert paired.permutation_p(np.ones(5000)) < 1e-12


@pytest.mark.parametrize("n", [12, 60])
def test_under_the_null_p_is_uniform(rng, n):
    """Signs drawn at random: p <= 0.05 for about one draw in twenty."""
    sizes = rng.choice([0.3869, 0.5, 0.6309, 1.0], n)
    p = np.array([paired.permutation_p(sizes * rng.choice([-1, 1], n)) for _ in range(400)])
    assert np.mean(p <= 0.05) == pytest.approx(0.05, abs=0.035)
    assert np.mean(p <= 0.5) == pytest.approx(0.5, abs=0.08)


def test_without_statsmodels_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.stats.multitest", None)
    with pytest.raises(BenchError, match="pip install statsmodels, then --report makes them; all records stand"):
        paired.holm(np.array([0.03, 0.01]))


@pytest.mark.parametrize("values", [[-1, 0, 1], [-0.5, -0.3869, 0, 0.6309, 1]])
def test_short_ways_give_what_scipy_gives_the_long_way(rng, values):
    """Hits and gains of 900 cases; zero differences given or not."""
    found = rng.choice(np.array(values, dtype=float), 900)
    if set(values) == {-1, 0, 1}:
        exact = stats.binomtest(int((found > 0).sum()), np.count_nonzero(found)).pvalue
        assert paired.permutation_p(found) == pytest.approx(exact, rel=1e-12)
    assert paired.standard_error(found) == pytest.approx(stats.sem(found), rel=1e-15)
    assert paired.interval(found) == pytest.approx(stats.norm.interval(0.95, found.mean(), stats.sem(found)), rel=1e-12)


def test_as_many_up_as_down_have_p_one():
    assert paired.permutation_p(np.repeat([-1.0, 0.0, 1.0], [30, 9, 30])) == 1
    assert paired.permutation_p(np.repeat([-1.0, 1.0], [30, 31])) == pytest.approx(1)


def test_holm_by_hand():
    """Sorted: 0.01 x 4, 0.02 x 3, 0.03 x 2 (no less than 0.06), 0.5 x 1."""
    assert paired.holm(np.array([0.03, 0.01, 0.5, 0.02])).tolist() == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert paired.holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert paired.holm(np.array([math.nan, 0.02, 0.01])).tolist() == pytest.approx([math.nan, 0.02, 0.02], nan_ok=True)
    for order in itertools.permutations([0.001, 0.04, 0.04]):
        assert sorted(paired.holm(np.array(order))) == pytest.approx([0.003, 0.08, 0.08])


def test_equal_differences_give_equal_numbers_every_time(gains):
    few = gains[:40]
    assert paired.permutation_p(few) == paired.permutation_p(few.copy())
    assert paired.interval(few) == paired.interval(few.copy())
