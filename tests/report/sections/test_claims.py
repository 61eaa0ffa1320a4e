"""The paper's claims held against made-up records: which are judged, and by which cells."""

from collections import Counter

from bench.report.claims import judge, verdict
from bench.report.sections.claims import cells_of, pages, sentences
from bench.spec import BUDGETS, PROTOCOLS
from tests.report.made import evidence, record


def test_records_judge_what_they_can():
    """LightGCN beats NGCF on Beauty; on Art SVD++ beats VBPR, and CL adds to V."""
    visual = {"modalities": "visual"}
    found = evidence(
        record("LightGCN", 0.5),
        record("NGCF", 0.4),
        record("VBPR", 0.3, dataset="art"),
        record("SVDPP", 0.4, dataset="art"),
        record("MCLN", 0.6, dataset="art", hyper={**visual, "use_id": False}),
        record("MCLN", 0.5, dataset="art", hyper={**visual, "use_cl": False}),
    )
    verdicts = {claim.text: verdict(cases) for claim, cases in judge(cells_of(found)["mean"].to_dict())}
    assert Counter(verdicts.values()) == {"supported": 2, "refuted": 1, "cannot be judged": 7}
    assert verdicts["LightGCN beats NGCF, MMGCN and MGAT."] == "supported"
    assert verdicts["Counterfactual learning (CL) adds to every combination of modalities."] == "supported"
    assert verdicts["Models with content beat BPRMF and SVD++."] == "refuted"
    (page,) = pages(found)
    assert page.caption == sentences(found)[0]
    assert page.caption.endswith("2 supported, 1 refuted, 7 cannot be judged.")
    assert page.blocks[0].lines[0].texts == [
        "Models with content beat BPRMF and SVD++.", "refuted", "0", "2", "58", "Art H@5: VBPR 0.3000, SVD++ 0.4000",
    ]  # fmt: skip
    assert [line.texts[1:] for line in page.blocks[1].lines[:1]] == [
        ["Art", "H@5", "VBPR", "0.3000", "SVD++", "0.4000", "no"],
    ]  # fmt: skip
    assert set(page.keys) == {one.key for one in found.records}


def test_the_papers_protocol_and_its_data_sets_alone_are_judged():
    pair = ("LightGCN", "NGCF")
    assert pages(evidence(*(record(model, protocol=PROTOCOLS["clean"]) for model in pair))) == []
    assert pages(evidence(*(record(model, dataset="toy") for model in pair))) == []


def test_the_budget_with_the_most_cells_is_judged():
    quick = [record("LightGCN", 0.4), record("NGCF", 0.5), record("MMGCN", 0.3)]
    full = [record("LightGCN", 0.5, budget=BUDGETS["full"]), record("NGCF", 0.4, budget=BUDGETS["full"])]
    cells = cells_of(evidence(*quick, *full))["mean"]
    assert cells["table2", "beauty", "NGCF", "hr@5"] == 0.5
    assert cells_of(evidence(*quick[:2], *full))["mean"]["table2", "beauty", "NGCF", "hr@5"] == 0.4
