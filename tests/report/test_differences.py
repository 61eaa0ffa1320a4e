"""Each row against the strongest baseline: by hand, and what must not be compared."""

import math

import numpy as np
import pytest
from scipy import stats

from bench.report.boards import Ranked
from bench.report.differences import comparisons, measures, seed_error
from bench.report.sections import comparison
from tests.report import made
from tests.report.made import record, stored, unfinished

WEAK = [1, 1, 50, 50, 50, 50, 50, 50]
STRONG = [1, 1, 1, 1, 1, 1, 1, 1]
NDCG_3 = 1 / math.log2(3 + 1)


def evidence(folder, *records):
    return made.evidence(*records, folder=folder)


def held(found, row, metric):
    (line,) = found[(found["row"] == row) & (found["metric"] == metric)].to_dict("records")
    return line


def test_six_gains_in_eight_cases_by_hand(duel):
    """All six differences point one way: 2 of 2^6 signs; family of two rows x four metrics."""
    line = held(comparisons(duel), "MCLN", "hr@5")
    assert (line["vs"], line["n_cases"], line["n_differing"], line["n_tests"]) == ("BPRMF", 8, 6, 8)
    assert line["difference"] == pytest.approx(6 / 8)
    assert line["p_permutation"] == pytest.approx(2 / 2**6)
    assert line["p_wilcoxon"] == pytest.approx(2 / 2**6)
    assert line["p_holm"] == pytest.approx(8 * 2 / 2**6)
    assert line["r"] == 1.0
    assert line["d_z"] == pytest.approx(0.75 / math.sqrt(8 / 7 * 0.75 * 0.25))
    assert math.isnan(line["se_seeds"])


def test_a_loss_is_negative(duel):
    line = held(comparisons(duel), "VBPR", "ndcg@5")
    assert line["difference"] == pytest.approx((NDCG_3 - 1 - 1) / 8)
    assert line["low"] < line["difference"] < line["high"]
    assert line["r"] == -1.0


def test_the_difference_is_that_of_table_2(duel):
    means = comparison.pages(duel)[1].data.set_index(["row", "metric"])["mean"]
    for line in comparisons(duel).to_dict("records"):
        expected = means[line["row"], line["metric"]] - means[line["vs"], line["metric"]]
        assert line["difference"] == pytest.approx(expected, abs=1e-12)


def test_the_strongest_baseline_is_chosen_metric_by_metric_and_is_never_mcln_or_a_floor(tmp_path):
    found = comparisons(
        evidence(
            tmp_path,
            stored(tmp_path, [1, 50, 50]),
            stored(tmp_path, [5, 5, 50], "VBPR"),
            stored(tmp_path, [1, 1, 1], "Pop"),
            stored(tmp_path, [1, 1, 1], "MCLN"),
        )
    )
    assert held(found, "MCLN", "ndcg@5")["vs"] == "BPRMF"  # 1 against 2 / log2(6) = 0.774
    assert held(found, "MCLN", "hr@5")["vs"] == "VBPR"
    assert held(found, "Pop", "hr@5")["vs"] == "VBPR"
    assert found["n_tests"].eq(4 + 4 + 2 + 2).all()  # each baseline against the other where that is stronger


def test_of_baselines_with_equal_means_that_with_the_better_ndcg_at_10_is_the_strongest(tmp_path):
    rows = [
        stored(tmp_path, ranks, model) for model, ranks in (("BPRMF", [5, 50]), ("VBPR", [1, 50]), ("MCLN", [1, 1]))
    ]
    found = comparisons(evidence(tmp_path, *rows))
    assert held(found, "MCLN", "hr@5")["vs"] == "VBPR"


def test_values_are_averaged_over_the_seeds_and_seed_error_stands_apart(tmp_path):
    """Gains of MCLN by seed: 3/4 and 1/4; by case: 1, 1/2, 1/2, 0."""
    places = {"BPRMF": ([50, 50, 50, 50],) * 2, "MCLN": ([1, 1, 1, 50], [1, 50, 50, 50])}
    records = [
        stored(tmp_path, ranks, model, seed=seed) for model, both in places.items() for seed, ranks in enumerate(both)
    ]
    line = held(comparisons(evidence(tmp_path, *records)), "MCLN", "hr@10")
    assert (line["n_seeds"], line["n_cases"], line["n_differing"]) == (2, 4, 3)
    assert line["difference"] == pytest.approx(0.5)
    assert line["se_cases"] == pytest.approx(math.sqrt((0.25 + 0 + 0 + 0.25) / 3 / 4))
    assert line["se_seeds"] == pytest.approx(math.sqrt(2 * 0.25**2) / math.sqrt(2))
    assert line["p_permutation"] == pytest.approx(2 / 2**3)


def test_rows_of_unlike_numbers_of_seeds_are_paired_by_case(tmp_path):
    """BPRMF by case: 1, 1/2, 0; MCLN's one seed hits in all. A failed seed counts for nothing."""
    failed = unfinished("MCLN", seed=1)
    records = [stored(tmp_path, [1, 1, 50], seed=0), stored(tmp_path, [1, 50, 50], seed=1)]
    records += [stored(tmp_path, [1, 1, 1], "MCLN"), failed]
    line = held(comparisons(evidence(tmp_path, *records)), "MCLN", "hr@5")
    assert line["difference"] == pytest.approx((0 + 0.5 + 1) / 3)
    assert (line["n_seeds"], line["n_differing"]) == (1, 2)
    assert math.isnan(line["se_seeds"])


def test_the_error_over_seeds_of_unlike_numbers_by_hand():
    """Means 1, 3 have the error 1, and 0, 3, 6 have 3 / sqrt(3)."""
    ours, theirs = np.array([1.0, 3.0]), np.array([0.0, 3.0, 6.0])
    assert seed_error(ours, theirs, is_paired=False) == pytest.approx(math.sqrt(1 + 3))
    assert seed_error(theirs + 1, theirs, is_paired=True) == 0
    assert math.isnan(seed_error(ours[:1], theirs, is_paired=False))


@pytest.mark.parametrize(("seeds", "error"), [((0, 1), 0.25), ((1, 2), math.hypot(0.125, 0.125))])
def test_only_equal_seeds_are_paired(tmp_path, seeds, error):
    """H@5 by seed: BPRMF .25 and .5, MCLN 1 and .75, so that the differences are .75 and .25."""
    theirs = zip((0, 1), ([1, 9, 9, 9], [1, 1, 9, 9]), strict=True)
    ours = zip(seeds, ([1, 1, 1, 1], [1, 1, 1, 9]), strict=True)
    records = [stored(tmp_path, places, seed=seed) for seed, places in theirs]
    records += [stored(tmp_path, places, "MCLN", seed=seed) for seed, places in ours]
    line = held(comparisons(evidence(tmp_path, *records)), "MCLN", "hr@5")
    assert line["se_seeds"] == pytest.approx(error)


def test_hits_of_many_cases_are_tested_as_exactly_as_those_of_few():
    places = (np.repeat([row], [5000, 5300], axis=1).astype(np.uint8) for row in ([0, 10], [10, 0]))
    found = measures(*(Ranked("c", place, np.arange(10_300)) for place in places), "hr@10")
    exact = stats.binomtest(5000, 10_300).pvalue
    assert found["p_permutation"] == pytest.approx(exact, rel=1e-6)
    assert found["p_wilcoxon"] == pytest.approx(exact, rel=0.05)  # by the normal distribution


def test_several_test_items_of_a_user_count_as_one(tmp_path):
    """Of eight cases of two users, four are gained, all by one user: that is one difference, and two equal signs."""
    users = np.repeat([0, 1], 4)
    rows = [([50] * 8, "BPRMF"), ([1] * 4 + [50] * 4, "MCLN")]
    found = comparisons(evidence(tmp_path, *(stored(tmp_path, ranks, model, users=users) for ranks, model in rows)))
    line = held(found, "MCLN", "hr@5")
    assert (line["n_cases"], line["n_differing"], line["difference"]) == (8, 1, 0.5)
    assert line["p_permutation"] == 1.0


def test_seeds_on_other_cases_are_a_reason(tmp_path):
    records = [
        *(stored(tmp_path, WEAK, seed=seed) for seed in (0, 1)),
        *(stored(tmp_path, STRONG, "MCLN", seed=seed, users=np.arange(8) + seed) for seed in (0, 1)),
    ]
    found = comparisons(evidence(tmp_path, *records))
    assert set(found["note"]) == {"not comparable: the seeds of MCLN were tested on different cases"}


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_ranks_that_cannot_be_read_are_a_reason(tmp_path, damage):
    records = [stored(tmp_path, WEAK, key="b"), record("MCLN", key="m")]
    if damage == "broken":
        records[1] = stored(tmp_path, STRONG, "MCLN", key="m")
        next((tmp_path / "beauty" / "MCLN").glob("*.parquet")).write_bytes(b"half")
    found = comparisons(evidence(tmp_path, *records))
    assert set(found["note"]) == {"not comparable: the ranks of record m are missing or broken"}
