"""Means, marks and empty cells, by hand."""

import math

import pytest

from bench.report.summary import blocks, cells, improvement, leaderboard, order, standing
from bench.store.store import frame
from tests.report.made import record, unfinished

H5 = "sampled.hr@5"


def board(*records, seeds=1):
    return leaderboard(frame(list(records)), [H5], seeds).droplevel(["metric", "dataset", "features"])


def test_mean_and_sample_deviation_over_seeds():
    row = board(*(record(value=v, seed=s) for s, v in enumerate((0.1, 0.2, 0.6))), seeds=3).loc["BPRMF"]
    assert row["mean"] == pytest.approx((0.1 + 0.2 + 0.6) / 3)
    assert row["std"] == pytest.approx(math.sqrt((0.2**2 + 0.1**2 + 0.3**2) / 2))


def test_a_cell_short_of_seeds_is_empty_and_has_no_mark():
    found = board(record("VBPR", 0.9), record(seed=0), record(seed=1), seeds=2)
    assert math.isnan(found.loc["VBPR", "mean"])
    assert not found.loc["VBPR", "best"]
    assert not found["second"].any()


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
    found = leaderboard(frame([record("BPRMF", 0.4), record("NGCF", 0.3), *apart]), [H5], 1)
    assert found.index[found["best"]].tolist() == [(H5, "beauty", "entities", "BPRMF")]


def test_the_newest_record_stands_whatever_its_time_zone():
    old = record(value=0.9, source="old", start="2024-01-02T01:00:00+02:00")
    new = record(value=0.1, source="new", start="2024-01-02T00:30:00+00:00")
    stands = standing(frame([new, old]))
    assert stands[[H5, "superseded"]].values.tolist() == [[0.1, 1]]
    assert standing(stands) is stands


def test_a_newer_failure_stands_before_an_older_success():
    records = [record(start="2023-01-01T00:00:00+00:00", source="old"), unfinished()]
    assert standing(frame(records))["status"].tolist() == ["failed"]


def test_the_released_preset_is_the_papers_row_and_overrides_are_named():
    records = [
        record("MCLN", preset="released"),
        record("MCLN", preset="itemwise"),
        record(hyper={"reg_weight": 0.01, "embedding_size": 8}),
    ]
    rows = standing(frame(records))["row"].tolist()
    assert rows == ["BPRMF (embedding_size=8, reg_weight=0.01)", "MCLN", "MCLN:itemwise"]


def test_improvement_is_over_the_best_paper_baseline_and_needs_both():
    rest = {"BPRMF": 0.3, "VBPR": 0.4, "LightGCN": math.nan, "EASE": 0.9, "MCLN:itemwise": 0.8}
    assert improvement({"MCLN": 0.5, **rest}) == pytest.approx(100 * (0.5 - 0.4) / 0.4)
    assert math.isnan(improvement(rest))
    assert math.isnan(improvement({"MCLN": math.nan, **rest}))
    assert math.isnan(improvement({"MCLN": 0.5, "EASE": 0.9}))
    assert math.isnan(improvement({"MCLN": 0.5, "BPRMF": 0.0}))


def test_order_is_floors_then_the_papers_rows_then_ours_then_others():
    rows = ["Zeta", "EASE", "MCLN:itemwise", "MCLN", "Pop", "BPRMF", "BM3"]
    assert order(rows) == ["Pop", "EASE", "BPRMF", "MCLN", "MCLN:itemwise", "BM3", "Zeta"]


def test_data_sets_stand_in_the_papers_order_and_folders_go_by_their_name():
    names = ("taobao", "some/where/mine", "art", "beauty-sim", "beauty")
    found = blocks(frame([record(dataset=name) for name in names]))
    assert [name for name, _ in found] == ["beauty", "art", "taobao", "beauty-sim", "mine"]


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
    found = cells(frame([record(), *records]), ranking, {})
    assert found.set_index(["row", "metric"]).loc[("MCLN", "hr@5"), "note"] == reason


def test_an_empty_cell_names_its_seeds():
    records = [*(record(seed=s) for s in range(3)), record("MCLN", seed=0), unfinished("MCLN", seed=2)]
    found = cells(frame(records), "sampled", {})
    notes = set(found.loc[found["row"] == "MCLN", "note"])
    assert notes == {"seed 2 failed: killed by signal 9; not run with seed 1"}


def test_the_papers_value_and_the_difference_stand_beside_sampled_values_only():
    paper = {("table2", "beauty", "BPRMF", "hr@5"): 0.45}
    sampled, full = (cells(frame([record(value=0.4)]), ranking, paper) for ranking in ("sampled", "full"))
    first = sampled[(sampled["row"] == "BPRMF") & (sampled["metric"] == "hr@5")].iloc[0]
    assert (first["paper"], first["difference"]) == (0.45, pytest.approx(-0.05))
    assert sampled["paper"].count() == 1
    assert full["paper"].count() == 0


def test_another_preset_is_another_row_and_a_baseline_all_the_same():
    later = {"start": "2024-01-02T00:00:00+00:00"}
    records = [record("DMRL", 0.1), record("DMRL", 0.9, preset="released", **later), record("MCLN", 0.8)]
    found = cells(frame(records), "sampled", {}).set_index(["row", "metric"])["mean"]
    assert found["DMRL", "hr@5"] == 0.1
    assert found["DMRL:released", "hr@5"] == 0.9
    assert improvement({"MCLN": 0.9, "DMRL": 0.1, "DMRL:released": 0.6}) == pytest.approx(50)
