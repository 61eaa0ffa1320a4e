"""What the page knows of each record."""

import json

from bench.report.render.details import details
from tests.report.made import evidence, record, unfinished

CURVE = [
    {"epoch": 5.0, "loss": 0.7, "seconds": 1.0, "sampled.ndcg@10": 0.123456},
    {"epoch": 10.0, "loss": 0.5, "seconds": 2.0, "sampled.ndcg@10": 0.2},
]


def told(found, place=0) -> tuple[str, dict, list]:
    """Title, groups and curves of one record, as the page's script reads them."""
    record, texts = found["records"][place], found["texts"]
    groups = {}
    for column, *values in record["groups"]:
        name, *terms = found["columns"][column]
        said = [texts[value] if isinstance(value, int) else value for value in values]
        groups[name] = dict(zip(terms, said, strict=True))
    title = record["title"]
    return texts[title] if isinstance(title, int) else title, groups, record.get("curves", [])


def test_a_record_tells_its_run_values_settings_cost_curve_and_provenance():
    one = record(
        "LightGCN",
        0.25,
        settings={"n_layers": 3, "reg_weight": 1e-4},
        curve=CURVE,
        facts={"best_epoch": 10, "epochs": 10},
        provenance={"torch": "2.6.0"},
    )
    found = details(evidence(one))
    assert found["records"][0]["key"] == one.key
    title, groups, (curve,) = told(found)
    assert title == "LightGCN, Beauty (entities)"
    assert groups["Run"] == {"protocol": "paper, version 2", "budget": "smoke", "seed": "0", "status": "done"}
    assert groups["Values"]["N@10, full"] == "0.2500"
    assert groups["Settings"] == {"n_layers": "3", "reg_weight": "0.0001"}
    assert groups["Cost"]["train, seconds"] == "2.0"
    assert groups["Provenance"]["torch"] == "2.6.0"
    extent = {"low": 0.1235, "high": 0.2, "y": "00zz"}
    assert curve == {"name": "N@10, sampled, on the test set", "first": 5, "step": 5, **extent, "best": 10}


def test_what_records_share_stands_once():
    """Titles, heads and long texts; a text of three letters is as short as its place."""
    both = [record(seed=seed, settings={"n_layers": 3, "sampling": "user-wise"}) for seed in (0, 1)]
    found = details(evidence(*both))
    first, second = found["records"]
    assert first["title"] == second["title"] == found["texts"].index("BPRMF, Beauty (entities)")
    assert first["groups"][2] == second["groups"][2] == [2, "3", found["texts"].index("user-wise")]
    assert found["columns"][2] == ("Settings", "n_layers", "sampling")
    assert sorted(told(found, place)[1]["Run"]["seed"] for place in (0, 1)) == ["0", "1"]


def test_a_course_is_levels_of_two_digits_and_epochs_where_they_are_uneven():
    """0.5 lies a quarter between 0.4 and 0.8: 324 of 1295 is 9 * 36 + 0."""
    values = {1: 0.4, 2: 0.5, 4: 0.8}
    curve = [{"epoch": n, "loss": 1.0, "seconds": n, "sampled.ndcg@10": value} for n, value in values.items()]
    (found,) = told(details(evidence(record(curve=curve))))[2]
    assert (found["x"], found["y"], found["low"], found["high"]) == ([1, 2, 4], "0090zz", 0.4, 0.8)


def test_a_level_course_is_level():
    curve = [{"epoch": n, "loss": 1.0, "seconds": n, "sampled.ndcg@10": 0.4} for n in (1, 2)]
    (found,) = told(details(evidence(record(curve=curve))))[2]
    assert (found["y"], found["low"], found["high"]) == ("0000", 0.4, 0.4)


def test_a_failed_record_says_why_and_no_number_is_unsaid():
    one = unfinished("MCLN", reason="out of memory")
    odd = record(curve=[{**entry, "epoch": n} for n, entry in enumerate(CURVE)], facts={"best_epoch": None})
    found = details(evidence(one, odd))
    json.dumps(found, allow_nan=False)
    places = {record["key"]: place for place, record in enumerate(found["records"])}
    assert told(found, places[one.key])[1]["Run"]["reason"] == "out of memory"
    assert "best" not in told(found, places[odd.key])[2][0]
