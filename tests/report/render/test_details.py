"""What the page knows of each record."""

import json

from bench.report.render.details import details
from tests.report.made import evidence, record, unfinished

CURVE = [
    {"epoch": 5.0, "loss": 0.7, "seconds": 1.0, "sampled.ndcg@10": 0.123456},
    {"epoch": 10.0, "loss": 0.5, "seconds": 2.0, "sampled.ndcg@10": 0.2},
]


def test_a_record_tells_its_run_values_settings_cost_curve_and_provenance():
    one = record(
        "LightGCN",
        0.25,
        settings={"n_layers": 3, "reg_weight": 1e-4},
        curve=CURVE,
        facts={"best_epoch": 10, "epochs": 10},
        provenance={"torch": "2.6.0"},
    )
    found = details(evidence(one), {one.key: "a/b.json"})
    about = found["records"][one.key]
    assert (about["title"], about["path"]) == ("LightGCN, Beauty (entities)", "a/b.json")
    groups = {name: found["shared"][place] for name, place in about["groups"].items()}
    assert groups["Run"] == {"protocol": "paper, version 2", "budget": "smoke", "seed": "0", "status": "done"}
    assert groups["Values"]["N@10, full"] == "0.2500"
    assert groups["Settings"] == {"n_layers": "3", "reg_weight": "0.0001"}
    assert groups["Cost"]["train, seconds"] == "2.0"
    assert groups["Provenance"]["torch"] == "2.6.0"
    (curve,) = about["curves"]
    assert curve == {"name": "N@10, sampled, on the test set", "x": [5, 10], "y": [0.1235, 0.2], "best": 10}


def test_what_records_share_stands_once():
    both = [record(seed=seed, settings={"n_layers": 3}) for seed in (0, 1)]
    found = details(evidence(*both), {one.key: "" for one in both})
    first, second = found["records"].values()
    assert first["groups"]["Settings"] == second["groups"]["Settings"]
    assert first["groups"]["Run"] != second["groups"]["Run"]


def test_a_failed_record_says_why_and_no_number_is_unsaid():
    one = unfinished("MCLN", reason="out of memory")
    odd = record(curve=[{**entry, "epoch": n} for n, entry in enumerate(CURVE)], facts={"best_epoch": None})
    found = details(evidence(one, odd), {one.key: "", odd.key: ""})
    json.dumps(found, allow_nan=False)
    assert found["shared"][found["records"][one.key]["groups"]["Run"]]["reason"] == "out of memory"
    assert "best" not in found["records"][odd.key]["curves"][0]
