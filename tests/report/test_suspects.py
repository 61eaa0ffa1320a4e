"""The alarm: what makes a row suspect, by hand."""

import math

import pytest

from bench.report.boards import ranks_of
from bench.report.leaderboard import comparison
from bench.report.suspects import never_rose, rose_to_the_end, suspects
from bench.spec import BUDGETS
from tests.report.made import OLD_CLEAN, evidence, record, sampled, stored, unfinished


def course(*values, metric="sampled.ndcg@10"):
    return [{"epoch": n, "seconds": n, metric: value} for n, value in enumerate(values, 1)]


def said(*records):
    made = evidence(*records)
    return [note.text for note in suspects(comparison(made.main, "sampled"), made.main, made, "sampled")]


def test_a_row_below_half_of_lightgcn_or_below_pop_is_suspect():
    """Half of 0.5 is 0.25: at it a row is not below it, and the floors are not rows that we doubt."""
    rows = [record("LightGCN", 0.5), record("VBPR", 0.25), record("DMRL", 0.249), record("Pop", 0.1)]
    assert said(*rows) == ["Suspect: DMRL (below half of LightGCN in N@10)."]
    assert said(record("Pop", 0.3), record("VBPR", 0.2), record("NGCF", 0.3)) == ["Suspect: VBPR (below Pop in N@10)."]
    assert said(record("VBPR", 0.2), record("NGCF", 0.9)) == []


def test_a_floor_is_not_doubted_whatever_its_settings():
    """Nor is it a row without the mark of a floor."""
    tuned = record("ItemKNN", 0.1, hyper={"k": 10}, facts={"tuning.trials": 12})
    rows = [record("LightGCN", 0.5), tuned, record("EASE", 0.2, hyper={"reg_weight": 1.0})]
    assert said(*rows) == []
    names = [line.texts[0] for line in sampled(*rows).blocks[0].lines if line.is_run and not line.is_foot]
    assert names == ["LightGCN", "EASE (reg_weight=1.0) (floor)", "ItemKNN (tuned) (floor)"]


def test_a_course_that_never_rose_is_suspect():
    rows = [record("VBPR", curve=course(0.3, 0.2, 0.3)), record("NGCF", curve=course(0.3, 0.2, 0.31))]
    assert said(*rows, record("InvRL", curve=course(0.3))) == ["Suspect: VBPR (its learning curve never rose)."]
    both = said(record("LightGCN", 0.5), record("VBPR", 0.1, curve=course(0.3, 0.2)))
    assert both == ["Suspect: VBPR (below half of LightGCN in N@10, its learning curve never rose)."]


@pytest.mark.parametrize(("ranking", "expected"), [("sampled", True), ("full", False)])
def test_each_ranking_has_its_own_course(ranking, expected):
    curve = [{"epoch": n, "sampled.ndcg@10": 0.5 - n / 10, "full.ndcg@10": n / 10} for n in (1, 2)]
    assert never_rose(record(curve=curve), ranking) is expected


def test_a_run_that_was_best_at_its_end_is_named_where_the_budget_ended_it():
    late = record("VBPR", curve=course(0.1, 0.2, 0.3, 0.4), budget=BUDGETS["quick"], facts={"epochs": 30})
    assert said(late) == ["Best at the end of the budget, so that longer training may help: VBPR."]
    assert rose_to_the_end(late.model_copy(update={"curve": course(0.1, 0.2, 0.4, 0.3)}), "sampled")
    assert not rose_to_the_end(late.model_copy(update={"curve": course(0.1, 0.4, 0.4, 0.3)}), "sampled")
    assert not rose_to_the_end(late.model_copy(update={"facts": {"epochs": 25}}), "sampled")
    assert not rose_to_the_end(late, "full")


def test_equal_scores_that_cost_a_row_something_are_named(tmp_path):
    """Place 2 with one tie is 1 or 2: half of 1 - 1 / log2(3) = 0.3691, over two cases 0.0923 in the mean."""
    runs = [stored(tmp_path, [2, 1], "ItemKNN", ties=[1, 0]), stored(tmp_path, [2, 1], "VBPR", ties=[0, 0])]
    made = evidence(*runs, unfinished("ItemKNN", seed=1), folder=tmp_path)
    (note,) = suspects(comparison(made.main, "sampled"), made.main, made, "sampled")
    assert note.text.endswith("If their order were random, N@10 would be higher by 0.0923 for ItemKNN.")


def test_an_old_record_has_one_course_for_both_rankings():
    """Version 1 chose by the full ranking alone, and its curve holds nothing else."""
    curve = course(0.1, 0.2, 0.3, 0.4, metric="full.ndcg@10")
    old = record("VBPR", curve=curve, budget=BUDGETS["quick"], facts={"epochs": 30}, protocol=OLD_CLEAN)
    assert rose_to_the_end(old, "full")
    assert rose_to_the_end(old, "sampled")


def test_the_ties_of_a_ranking_are_its_own(tmp_path):
    """Nobody ties among the candidates; against all items place 2 is 1 or 2."""
    made = evidence(stored(tmp_path, [2], full=[2], ties_full=1), folder=tmp_path)
    (key,) = made.by_key
    found = ranks_of(made, key)
    assert found["sampled"].lost == 0
    assert found["full"].lost == pytest.approx((1 + 1 / math.log2(3)) / 2 - 1 / math.log2(3))
