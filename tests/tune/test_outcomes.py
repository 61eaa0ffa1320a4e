"""How a trial ended, and by which ranking it is judged."""

import pytest

from bench.tune import outcomes
from tests.report.made import record


def test_a_trial_is_judged_by_the_full_ranking_where_there_is_one():
    both = [{"epoch": 5, "sampled.ndcg@10": 0.5, "full.ndcg@10": 0.125}]
    assert outcomes.curve(record("BPRMF", curve=both)) == {5: 0.125}
    assert outcomes.curve(record("MCLN", curve=[{"epoch": 5, "sampled.ndcg@10": 0.5}])) == {5: 0.5}


@pytest.mark.parametrize(
    ("status", "curve", "ended"),
    [("skipped", [], "skipped"), ("skipped", [{"epoch": 5, "full.ndcg@10": 0.1}], "pruned"), ("failed", [], "failed")],
)
def test_a_trial_that_was_pruned_has_a_curve(status, curve, ended):
    assert outcomes.outcome(record("BPRMF", curve=curve).model_copy(update={"status": status})) == ended
