"""The cards of the answer."""

import numpy as np

from bench.report.render.verdicts import cards
from tests.report.made import evidence, record, stored


def test_a_card_has_a_verdict_for_each_way_to_ask_and_the_unasked_last(tmp_path):
    users = np.arange(40)
    good, poor = np.ones(40, dtype=int), np.full(40, 50)
    some = [
        stored(tmp_path, good, "MCLN", users=users),
        stored(tmp_path, poor, "BPRMF", users=users, full=poor),
    ]
    beauty, art, taobao = cards(evidence(*some, folder=tmp_path))
    asked, unasked = beauty["verdicts"]
    assert (beauty["dataset"], beauty["features"], beauty["tags"]["data-dataset"]) == ("Beauty", "entities", "beauty")
    assert (asked["row"], asked["text"], asked["where"], asked["tone"]) == (
        "MCLN",
        "beats BPRMF",
        ["paper, sampled"],
        "good",
    )
    assert asked["details"][0].startswith("N@10 +1.0000 [")
    assert set(asked["records"].split()) == {one.key for one in some}
    assert asked["tags"] == {"data-protocol": "paper", "data-ranking": "sampled", "data-budget": "*best smoke"}
    assert unasked["text"].startswith("has no answer: full ranking is not defined")
    assert (unasked["where"], unasked["tone"], unasked["records"]) == (["paper, full"], "none", "")
    assert [(card["dataset"], card["verdicts"][0]["text"]) for card in (art, taobao)] == [
        ("Art", "has no answer: not run"),
        ("Taobao", "has no answer: not run"),
    ]


def test_one_reason_for_several_ways_to_ask_stands_once(tmp_path):
    (card,) = cards(evidence(record(dataset="toy"), record("BPRMF", 0.2, dataset="toy", seed=1), folder=tmp_path))
    (one,) = card["verdicts"]
    assert (one["text"], one["where"]) == (
        "has no answer: not run under budget smoke",
        ["paper, sampled", "paper, full"],
    )
