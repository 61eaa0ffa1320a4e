"""The paper's claims held against made-up records: which are judged, and by which cells."""

from collections import Counter

import pytest

from bench.report.claims import verdict
from bench.report.sections.claims import cells_of, judged_by, pages, sentences
from bench.spec import BUDGETS, PROTOCOLS
from tests.report.made import evidence, record, stored, unfinished

FIRST, TENTH, BELOW = [1] * 20, [10] * 20, [11] * 20  # places of twenty test items


def test_records_judge_what_they_can(tmp_path):
    """LightGCN beats NGCF on Beauty; on Art SVD++ beats VBPR, and CL adds to V."""
    visual = {"modalities": "visual"}
    found = evidence(
        stored(tmp_path, FIRST, "LightGCN"),
        stored(tmp_path, BELOW, "NGCF"),
        stored(tmp_path, TENTH, "VBPR", dataset="art"),
        stored(tmp_path, FIRST, "SVDPP", dataset="art"),
        stored(tmp_path, FIRST, "MCLN", dataset="art", hyper={**visual, "use_id": False}),
        stored(tmp_path, BELOW, "MCLN", dataset="art", hyper={**visual, "use_cl": False}),
        folder=tmp_path,
    )
    verdicts = {claim.text: verdict(cases) for claim, cases in judged_by(found)}
    assert Counter(verdicts.values()) == {"supported": 2, "refuted": 1, "cannot be judged": 7}
    assert verdicts["LightGCN beats NGCF, MMGCN and MGAT."] == "supported"
    assert verdicts["Counterfactual learning (CL) adds to every combination of modalities."] == "supported"
    assert verdicts["Models with content beat BPRMF and SVD++."] == "refuted"
    (page,) = pages(found)
    assert page.caption == sentences(found)[0]
    assert page.caption.endswith("2 supported, 1 refuted, 7 cannot be judged.")
    assert page.blocks[0].lines[0].texts == [
        "Models with content beat BPRMF and SVD++.", "refuted", "0", "2", "0", "58",
        "Art H@5: VBPR 0.0000, SVD++ 1.0000",
    ]  # fmt: skip
    assert [line.texts[1:] for line in page.blocks[1].lines[:1]] == [
        ["Art", "H@5", "VBPR", "0.0000", "SVD++", "1.0000", "<0.0001", "against"],
    ]  # fmt: skip
    assert set(page.keys) == {one.key for one in found.records}


def test_a_pairs_p_is_that_of_its_cases_corrected_for_the_claims_other_pairs(tmp_path):
    """LightGCN wins six of six cases that differ from NGCF's: p = 2 / 2**6 in hits, twice that in a family of two."""
    ours, theirs = [1] * 6 + [11] * 4, [11] * 10
    found = evidence(stored(tmp_path, ours, "LightGCN"), stored(tmp_path, theirs, "NGCF"), folder=tmp_path)
    [cases] = [cases for claim, cases in judged_by(found) if claim.text.startswith("LightGCN beats NGCF")]
    known = [case for case in cases if case.is_known]
    assert [(case.metric, case.p) for case in known] == [("hr@5", 4 / 64), ("ndcg@5", 4 / 64)]
    assert verdict(cases) == "undecided"
    assert sentences(found)[0].endswith("1 undecided, 9 cannot be judged.")


def test_pairs_that_were_tested_on_other_cases_or_have_no_ranks_are_undecided(tmp_path):
    other_users = evidence(
        stored(tmp_path, FIRST, "LightGCN"), stored(tmp_path, BELOW, "NGCF", users=range(100, 120)), folder=tmp_path
    )
    for found in (other_users, evidence(record("LightGCN", 0.5), record("NGCF", 0.4))):
        (page,) = pages(found)
        assert page.blocks[0].lines[2].texts[1:-1] == ["undecided", "0", "0", "2", "16"]
        assert [line.texts[-2:] for line in page.blocks[1].lines] == [["—", "no more than chance"]] * 2


def test_a_pair_is_tested_by_the_seeds_that_finished(tmp_path):
    rows = [stored(tmp_path, FIRST, "LightGCN"), stored(tmp_path, BELOW, "NGCF")]
    (page,) = pages(evidence(*rows, unfinished("LightGCN", seed=1), folder=tmp_path))
    assert {line.texts[-1] for line in page.blocks[1].lines} == {"for"}


def test_a_pair_under_unequal_conditions_is_marked(tmp_path):
    found = evidence(
        stored(tmp_path, FIRST, "LightGCN", facts={"candidate_hash": "other"}), stored(tmp_path, BELOW, "NGCF"),
        folder=tmp_path,
    )  # fmt: skip
    (page,) = pages(found)
    assert {line.texts[-1] for line in page.blocks[1].lines} == {"for ‡"}
    assert set(page.data["unequal"]) == {"candidates"}
    verdicts = {line.texts[1] for line in page.blocks[0].lines}
    assert verdicts == {"supported ‡", "cannot be judged"}
    assert sentences(found)[0].endswith(
        "1 supported (1 ‡), 9 cannot be judged. ‡ Some records that decide it were not made under equal conditions."
    )


def test_the_claim_about_every_baseline_is_spelt_out(tmp_path):
    """In H@5 and N@5, of three data sets and nine baselines; only one baseline was run, on one data set."""
    found = evidence(stored(tmp_path, FIRST, "MCLN"), stored(tmp_path, BELOW, "NGCF"), folder=tmp_path)
    assert sentences(found)[0].endswith(
        "MCLN beats every baseline of the paper: supported; pairs of cells: 2 for, 0 against, "
        "0 no more than chance, 52 not known."
    )


def test_a_verdict_is_marked_by_the_pairs_that_decide_it(tmp_path):
    """LightGCN loses to NGCF, of its engine, and beats MMGCN, of another: refuted, whatever the latter's worth."""
    rows = [stored(tmp_path, FIRST, "NGCF"), stored(tmp_path, TENTH, "LightGCN")]
    found = evidence(*rows, stored(tmp_path, BELOW, "MMGCN", engine=9), folder=tmp_path)
    lines = {line.texts[0]: line.texts[1] for line in pages(found)[0].blocks[0].lines}
    assert lines["LightGCN beats NGCF, MMGCN and MGAT."] == "refuted"
    found = evidence(rows[0], stored(tmp_path, BELOW, "LightGCN", engine=9), folder=tmp_path)
    lines = {line.texts[0]: line.texts[1] for line in pages(found)[0].blocks[0].lines}
    assert lines["LightGCN beats NGCF, MMGCN and MGAT."] == "refuted ‡"


@pytest.mark.parametrize(("rate", "told"), [(0.1, ""), (0.2, "learning_rate")])
def test_variants_of_a_study_that_differ_in_more_than_it_changes_are_unequal(tmp_path, rate, told):
    whole = {"use_cl": True, "use_id": False, "modalities": "visual", "learning_rate": 0.1}
    part = {**whole, "use_cl": False, "use_id": True, "learning_rate": rate}
    keys = ("use_cl", "use_id", "modalities")
    runs = [
        stored(tmp_path, places, "MCLN", hyper={key: own[key] for key in keys if own[key] is not True}, settings=own)
        for places, own in ((FIRST, whole), (BELOW, part))
    ]
    (page,) = pages(evidence(*runs, folder=tmp_path))
    assert set(page.data["unequal"]) == {told}


def test_the_papers_protocol_and_its_data_sets_alone_are_judged():
    pair = ("LightGCN", "NGCF")
    assert pages(evidence(*(record(model, protocol=PROTOCOLS["clean"]) for model in pair))) == []
    assert pages(evidence(*(record(model, dataset="toy") for model in pair))) == []


@pytest.mark.parametrize("features", ["entities,shuffled", "none"])
def test_models_without_their_content_judge_no_claim(features):
    rows = [record(model, features=features, facts={"modalities": ""}) for model in ("LightGCN", "NGCF")]
    parts = [record("MCLN", features=features, hyper=hyper) for hyper in ({"use_cl": False}, {"use_intra": False})]
    assert pages(evidence(*rows, *parts)) == []


def test_the_budget_with_the_most_cells_is_judged():
    quick = [record("LightGCN", 0.4), record("NGCF", 0.5), record("MMGCN", 0.3)]
    full = [record("LightGCN", 0.5, budget=BUDGETS["full"]), record("NGCF", 0.4, budget=BUDGETS["full"])]
    cells = cells_of(evidence(*quick, *full))["mean"]
    assert cells["table2", "beauty", "NGCF", "hr@5"] == 0.5
    assert cells_of(evidence(*quick[:2], *full))["mean"]["table2", "beauty", "NGCF", "hr@5"] == 0.4


def test_only_the_studied_model_s_own_figure_4_is_judged():
    """The study may be run for LightGCN, too, whose layers are none of the paper's claim."""
    layered = [record(model, 0.3, hyper={"n_layers": 1}) for model in ("LightGCN", "MCLN")]
    assert "figure4" not in cells_of(evidence(layered[0]))["mean"].index.get_level_values("table")
    assert "figure4" in cells_of(evidence(layered[1]))["mean"].index.get_level_values("table")
