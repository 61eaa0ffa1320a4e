"""The verdicts, by hand, and what cannot have one."""

import pytest

from bench.report.answers import answers, verdict_of
from bench.report.sections import reproduction
from bench.spec import BUDGETS, PROTOCOLS
from tests.report import made
from tests.report.conftest import ALL, HALF, NONE
from tests.report.made import stored


def evidence(folder, *records, **more):
    return made.evidence(*records, folder=folder, **more)


def verdicts(found):
    return {(one.dataset, one.ranking, one.row): one.text for one in answers(found)}


def test_beats_level_and_loses(three):
    """20 of 40 cases differ, all one way: p = 2 / 2^20, the smallest of the tests' p, times their number, 8.

    The interval is the binomial's: 14 and 26 of 40.
    """
    assert verdicts(three) == {
        ("beauty", "sampled", "MCLN"): "beats BPRMF",
        ("art", "sampled", "MCLN"): "shows no clear difference from BPRMF",
        ("taobao", "sampled", "MCLN"): "loses to BPRMF",
    }
    first = answers(three)[0]
    assert first.tests["hr@5"]["difference"] == pytest.approx(0.5)
    assert first.tests["hr@5"]["p_holm"] == pytest.approx(8 * 2 / 2**20, rel=1e-3)
    assert (first.n_baselines, first.n_seeds, first.settings) == (2, 1, "not tuned")
    assert [one.above for one in answers(three)] == ["0 of 2", "0 of 2", "2 of 2"]  # on Art all are equal


def test_metrics_that_differ_are_told_apart():
    def test(vs, difference, p, unequal=""):
        return {"vs": vs, "difference": difference, "p_holm": p, "unequal": unequal}

    assert verdict_of({"ndcg@10": test("A", 0.1, 0.01), "hr@5": test("B", 0.1, 0.01)}) == (
        "beats", "beats A in N@10, beats B in H@5",
    )  # fmt: skip
    assert verdict_of({"ndcg@10": test("A", 0.1, 0.01), "hr@5": test("A", 0.1, 0.2)}) == (
        "differs by metric", "beats A in N@10, shows no clear difference from A in H@5",
    )  # fmt: skip
    assert verdict_of({"ndcg@10": test("A", -0.1, 0.01), "hr@5": test("A", -0.1, 0.01)})[1] == "loses to A"
    assert verdict_of({"ndcg@10": test("A", 0.1, 0.01), "hr@5": test("B", 0.1, 0.01, "data")}) == (
        "beats", "beats A in N@10, beats B in H@5 ‡",
    )  # fmt: skip


def test_the_budget_with_the_most_baselines_answers_then_the_longest(tmp_path):
    def runs(budget, *models):
        return [stored(tmp_path, HALF, model, budget=BUDGETS[budget]) for model in (*models, "MCLN")]

    records = [*runs("quick", "BPRMF", "VBPR"), *runs("standard", "BPRMF", "VBPR"), *runs("full", "LightGCN")]
    assert [one.budget for one in answers(evidence(tmp_path, *records))] == ["standard", "", ""]
    clean = stored(tmp_path, HALF, protocol=PROTOCOLS["clean"])
    asked = answers(evidence(tmp_path, clean, *runs("quick", "BPRMF")))
    assert [one.protocol for one in asked] == ["paper", "clean", "", ""]


def test_a_budget_with_a_row_under_study_answers_before_one_with_more_baselines(tmp_path):
    """Nor does MCLN's comparison with the paper's values go. Of another model's budgets those count that it has."""
    smoke = [stored(tmp_path, HALF, model) for model in ("BPRMF", "VBPR", "LightGCN")]
    quick = [stored(tmp_path, HALF, model, budget=BUDGETS["quick"]) for model in ("NGCF", "MCLN")]
    found = evidence(tmp_path, *smoke, *quick)
    assert (answers(found)[0].budget, answers(found)[0].text) == ("quick", "shows no clear difference from NGCF")
    about_another = evidence(tmp_path, *smoke, *quick, ours="VBPR")
    other = answers(about_another)[0]
    assert (other.budget, other.text) == ("smoke", "shows no clear difference from BPRMF")
    for one in (found, about_another):
        assert set(reproduction.pages(one)[0].data.budget) == {"quick"}


def test_a_baseline_counts_once_whatever_its_settings(tmp_path):
    """Smoke has four rows of two baselines, and quick has three baselines."""
    smoke, quick = BUDGETS["smoke"], BUDGETS["quick"]
    own = [stored(tmp_path, HALF, model, budget=smoke) for model in ("BPRMF", "VBPR", "MCLN")]
    own += [stored(tmp_path, HALF, model, hyper={"n_layers": 9}, budget=smoke) for model in ("BPRMF", "VBPR")]
    own += [stored(tmp_path, HALF, model, budget=quick) for model in ("BPRMF", "VBPR", "LightGCN", "MCLN")]
    found = answers(evidence(tmp_path, *own))[0]
    assert (found.budget, found.n_baselines) == ("quick", 3)


def test_a_baseline_is_above_once_whatever_its_settings(tmp_path):
    """Both rows of BPRMF are above MCLN, and only the second of VBPR's; Pop, a floor above it, is no baseline."""
    other = {"hyper": {"n_layers": 9}}
    records = [stored(tmp_path, HALF, "MCLN"), stored(tmp_path, ALL, "Pop"), stored(tmp_path, NONE, "LightGCN")]
    records += [stored(tmp_path, ALL), stored(tmp_path, ALL, **other)]
    records += [stored(tmp_path, NONE, "VBPR"), stored(tmp_path, ALL, "VBPR", **other)]
    assert answers(evidence(tmp_path, *records))[0].above == "2 of 3"


def test_a_baseline_that_was_tuned_is_named_by_its_metric(tmp_path):
    """LightGCN, tuned, is the strongest in H@5, and BPRMF in N@10."""
    tuned = {"hyper": {"n_layers": 9}, "facts": {"tuning.trials": 12}}
    baselines = stored(tmp_path, [5] * 24 + [50] * 16, "LightGCN", **tuned), stored(tmp_path, HALF)
    found = answers(
        evidence(tmp_path, *baselines, stored(tmp_path, NONE, "MCLN"), stored(tmp_path, ALL, "MCLN", **tuned))
    )
    assert [one.settings for one in found if one.tests] == [
        "not tuned, the baseline in H@5 is", "tuned, the baseline in N@10 is not",
    ]  # fmt: skip


def test_tuned_rows_answer_for_themselves(tmp_path):
    tuned = stored(tmp_path, ALL, "MCLN", hyper={"n_layers": 9}, facts={"tuning.trials": 12})
    found = answers(evidence(tmp_path, stored(tmp_path, HALF), stored(tmp_path, HALF, "MCLN"), tuned))
    assert [(one.row, one.settings) for one in found[:2]] == [
        ("MCLN", "not tuned"), ("MCLN (tuned)", "tuned, the baseline is not"),
    ]  # fmt: skip


def test_another_model_may_be_asked_about(tmp_path):
    found = evidence(tmp_path, stored(tmp_path, HALF), stored(tmp_path, ALL, "VBPR"), ours="VBPR")
    assert verdicts(found)["beauty", "sampled", "VBPR"] == "beats BPRMF"


def test_a_verdict_needs_the_ranks_of_the_strongest_in_either_metric(tmp_path):
    """LightGCN is the strongest in H@5 alone, and its ranks are gone."""
    rows = {"BPRMF": [1] * 20 + [50] * 20, "LightGCN": [5] * 25 + [50] * 15, "MCLN": ALL}
    found = evidence(tmp_path, *(stored(tmp_path, places, model) for model, places in rows.items()))
    for path in tmp_path.glob("*/LightGCN/*.parquet"):
        path.unlink()
    assert verdicts(found)["beauty", "sampled", "MCLN"].startswith("has no answer: not comparable: the ranks of record")
