"""Means, marks and empty cells, by hand."""

import math

import pandas as pd
import pytest

from bench.report.leaderboard import comparison, improvement, leaderboard, seen
from bench.spec import BUDGETS
from tests.report.made import evidence, record, unfinished


def cells(*records, ranking="sampled"):
    """H@5 by row, of records of one protocol and budget."""
    data = comparison(evidence(*records).main, ranking)
    return data[(data["metric"] == "hr@5") & data["is_run"]]


OURS = "MCLN"


def board(*records):
    return cells(*records).set_index("row")


def test_mean_and_sample_deviation_over_seeds():
    row = board(*(record(value=v, seed=s) for s, v in enumerate((0.1, 0.2, 0.6)))).loc["BPRMF"]
    assert row["mean"] == pytest.approx((0.1 + 0.2 + 0.6) / 3)
    assert row["std"] == pytest.approx(math.sqrt((0.2**2 + 0.1**2 + 0.3**2) / 2))


def test_a_cell_has_the_seeds_that_its_row_has():
    found = board(record("VBPR", 0.9), record(value=0.1, seed=0), record(value=0.3, seed=1))
    assert found["mean"].dropna().to_dict() == {"BPRMF": pytest.approx(0.2), "VBPR": 0.9}
    assert found[["n_seeds", "n_wanted"]].loc[["BPRMF", "VBPR"]].values.tolist() == [[2, 2], [1, 2]]
    assert math.isnan(found.loc["VBPR", "std"])
    assert list(found.index[found["best"]]) == ["VBPR"]
    assert found.loc["VBPR", "note"] == ""


def test_best_and_second_go_by_the_unrounded_value():
    found = board(record("BPRMF", 0.40001), record("VBPR", 0.40002), record("NGCF", 0.1))
    assert list(found.index[found["best"]]) == ["VBPR"]
    assert list(found.index[found["second"]]) == ["BPRMF"]


def test_equal_values_share_a_mark_and_a_lone_one_has_none():
    found = board(record("BPRMF", 0.4), record("VBPR", 0.4), record("NGCF", 0.3))
    assert list(found.index[found["best"]]) == ["BPRMF", "VBPR"]
    assert list(found.index[found["second"]]) == ["NGCF"]
    assert not board(record())["best"].any()


def test_marks_hold_within_a_data_set_and_its_features():
    apart = [record("VBPR", 0.9, dataset="art"), record("VBPR", 0.9, features="deep")]
    found = cells(record("BPRMF", 0.4), record("NGCF", 0.3), *apart)
    assert found.loc[found["best"], ["dataset", "features", "row"]].values.tolist() == [["beauty", "entities", "BPRMF"]]


def test_improvement_is_over_the_best_paper_baseline_and_needs_both():
    rest = {"BPRMF": 0.3, "VBPR": 0.4, "LightGCN": math.nan, "EASE": 0.9, "MCLN:itemwise": 0.8}
    assert improvement(ours=OURS, means={"MCLN": 0.5, **rest}) == pytest.approx(100 * (0.5 - 0.4) / 0.4)
    assert math.isnan(improvement(rest, OURS))
    assert math.isnan(improvement(ours=OURS, means={"MCLN": math.nan, **rest}))
    assert math.isnan(improvement(ours=OURS, means={"MCLN": 0.5, "EASE": 0.9}))
    assert math.isnan(improvement(ours=OURS, means={"MCLN": 0.5, "BPRMF": 0.0}))


@pytest.mark.parametrize(
    ("records", "ranking", "reason"),
    [
        ([], "sampled", "not run"),
        ([unfinished("MCLN")], "sampled", "failed: killed by signal 9"),
        ([unfinished("MCLN", "skipped", "no features")], "sampled", "skipped: no features"),
        ([unfinished("MCLN", reason="")], "sampled", "failed: no reason recorded"),
        ([record("MCLN")], "full", "full ranking is not defined: a score depends on the other candidates"),
        ([record("MCLN", math.nan, preset="released")], "full", "recorded without full.hr@5"),
    ],
)
def test_an_empty_cell_says_why(records, ranking, reason):
    data = comparison(evidence(record(), *records).main, ranking)
    assert data.set_index(["row", "metric"]).loc[("MCLN", "hr@5"), "note"] == reason


def test_an_empty_cell_names_its_seeds():
    records = [*(record(seed=s) for s in range(3)), record("MCLN", seed=0), unfinished("MCLN", seed=2)]
    found = board(*records).loc["MCLN"]
    assert (found["n_seeds"], found["note"]) == (1, "seed 2 failed: killed by signal 9")
    found = board(*records[:3], *records[4:]).loc["MCLN"]
    assert (found["n_seeds"], found["note"]) == (0, "seed 2 failed: killed by signal 9; not run with seeds 0, 1")


def test_another_preset_is_another_row_and_a_baseline_all_the_same():
    later = {"start": "2024-01-02T00:00:00+00:00"}
    records = [record("DMRL", 0.1), record("DMRL", 0.9, preset="released", **later), record("MCLN", 0.8)]
    found = board(*records)["mean"]
    assert (found["DMRL"], found["DMRL:released"]) == (0.1, 0.9)
    assert improvement(ours=OURS, means={"MCLN": 0.9, "DMRL": 0.1, "DMRL:released": 0.6}) == pytest.approx(50)


def test_the_leaderboard_holds_every_comparison_and_no_variant_or_knock_out():
    quick = record("VBPR", budget=BUDGETS["quick"])
    others = [record("MCLN", hyper={"use_cl": False}), record("VBPR", features="entities,shuffled")]
    found = leaderboard(evidence(record(), quick, *others))
    assert found.groupby(["protocol", "budget", "ranking"]).ngroups == 4
    assert set(" ".join(found["keys"]).split()) == {record().key, quick.key}


def test_another_model_may_be_the_one_under_study():
    assert improvement({"Mine": 0.6, "MCLN": 0.9, "VBPR": 0.4}, "Mine") == pytest.approx(50)
    themselves = {"VBPR": 0.6, "VBPR:released": 0.7, "VBPR (tuned)": 0.8}
    assert improvement({**themselves, "BPRMF": 0.4}, "VBPR") == pytest.approx(50)  # not over itself


@pytest.mark.parametrize("row", ["VBPR (tuned)", "VBPR (n_layers=2)", "VBPR:released (tuned)", "SVD++ (tuned)"])
def test_rows_of_a_baseline_with_other_settings_count_for_the_improvement(row):
    assert improvement({"MCLN": 0.6, "VBPR": 0.1, row: 0.4}, "MCLN") == pytest.approx(50)


def test_equal_sums_of_hits_are_equal_means():
    """349 + 332 + 399 hits are three times 360, of 12,539 cases; the floating-point means differ in the 17th place."""
    seeds = [record(value=hits / 12_539, seed=seed) for seed, hits in enumerate((349, 332, 399))]
    found = board(*seeds, *(record("VBPR", 360 / 12_539, seed=seed) for seed in range(3)), record(OURS, 0.01))
    assert set(found.index[found["best"]]) == {"BPRMF", "VBPR"}


def test_equal_seeds_have_a_deviation_of_zero():
    """The floating-point mean of three times 0.1 is more than 0.1."""
    assert board(*(record(value=0.1, seed=seed) for seed in range(3)), record(OURS, 0.01)).loc["BPRMF", "std"] == 0.0


def test_how_many_of_the_papers_baselines_have_a_value():
    """A preset is no second one, newer models are none of the paper's, and the model under study is none of its own."""
    rows = [("BPRMF", 0.1), ("MGAT", 0.2), ("MGAT:released", 0.3), ("MEGCF", 0.4), ("NGCF", None), ("MCLN", 0.5)]
    rows += [("VBPR (tuned)", 0.1), ("BPRMF:released", 0.2)]
    data = pd.DataFrame(rows, columns=["row", "mean"]).assign(dataset="art", features="entities")
    assert (seen(data, "MCLN"), seen(data, "BPRMF")) == ("3", "2")
