"""Records in one form, whatever form they were written in."""

from bench.spec import PROTOCOLS
from tests.report.made import OLD_CLEAN, evidence, record, unfinished


def test_data_sets_of_one_name_are_told_apart():
    """The latest has the name alone; no record of another is superseded by it, or compared with it."""
    old = [record(model, 0.9, data_hash="0123456789", dataset="toy") for model in ("BPRMF", "VBPR")]
    new = record(value=0.2, data_hash="abcdefghij", dataset="toy", start="2024-02-01T00:00:00+00:00")
    frame = evidence(*old, new).frame
    assert frame[["dataset", "row", "sampled.hr@5", "superseded"]].values.tolist() == [
        ["toy", "BPRMF", 0.2, 0],
        ["toy@01234567", "BPRMF", 0.9, 0],
        ["toy@01234567", "VBPR", 0.9, 0],
    ]
    assert set(frame["folder"]) == {"toy"}
    other = record(features="none", data_hash="cdefg", dataset="toy")  # content is part of the hash
    assert set(evidence(new, other).frame["dataset"]) == {"toy"}


def test_a_knock_out_stands_with_the_data_that_it_was_made_from():
    """Content was shuffled before the content changed: no gain may be told from the two."""
    old, new = {"base_hash": "0123456789"}, {"base_hash": "abcdefghij"}
    asked = {"dataset": "toy", "features": "npy,shuffled"}
    shuffled = [record(data_hash="k0", facts=old, **asked), record("VBPR", data_hash="k1", facts=new, **asked)]
    real = [
        record(dataset="toy", features="npy", data_hash="0123456789"),
        record(dataset="toy", features="npy", data_hash="abcdefghij", start="2024-02-01T00:00:00+00:00"),
    ]
    assert evidence(*real, *shuffled).every["dataset"].tolist() == ["toy@01234567", "toy", "toy@01234567", "toy"]
    unsaid = record(data_hash="k2", **asked)  # by an earlier version of the program
    assert evidence(real[1], unsaid).every["dataset"].tolist() == ["toy", "toy"]
    assert evidence(*real, unsaid).every["dataset"].tolist() == ["toy@01234567", "toy", "toy@k2"]


def test_one_choice_held_for_both_rankings_before_each_had_its_own():
    """Under clean, full ranking chose; a model that scores an item among its candidates was chosen by these, and has no
    full ranking that could be chosen."""
    frame = evidence(*(record(model, protocol=OLD_CLEAN) for model in ("BPRMF", "MCLN"))).frame
    frame = frame.set_index("row")
    assert frame.loc["BPRMF", ["chosen_by.sampled", "chosen_by.full"]].tolist() == ["valid full.ndcg@10"] * 2
    assert frame.loc["MCLN", "chosen_by.sampled"] == "valid sampled.ndcg@10"
    assert frame.loc["MCLN", ["chosen_by.full", "best_epoch.full"]].isna().all()
    assert frame.loc["BPRMF", ["best_epoch.sampled", "best_epoch.full"]].tolist() == [1, 1]


def test_each_ranking_has_its_own_choice_since():
    both = {"best_epoch": None, "best_epoch.sampled": 10, "best_epoch.full": 25}
    frame = evidence(
        *(record(model, protocol=PROTOCOLS["clean"], facts=both) for model in ("BPRMF", "MCLN"))
    ).frame.set_index("row")
    assert frame.loc["BPRMF", "chosen_by.sampled"] == "valid sampled.ndcg@10"
    assert frame.loc["BPRMF", "chosen_by.full"] == "valid full.ndcg@10"
    assert frame.loc["BPRMF", ["best_epoch.sampled", "best_epoch.full"]].tolist() == [10, 25]
    assert frame.loc["MCLN", ["chosen_by.full", "best_epoch.full"]].isna().all()


def test_what_did_not_finish_was_chosen_by_nothing():
    assert evidence(record(), unfinished("VBPR")).frame.set_index("row").loc["VBPR"].isna()["chosen_by.sampled"]


def test_features_are_a_base_and_what_became_of_it():
    names = ("entities", "entities,shuffled", "none", "entities,visual=noise")
    frame = evidence(*(record(features=name) for name in names)).every
    assert frame[["base", "content", "is_knocked_out"]].values.tolist() == [
        ["entities", "real", False],
        ["entities", "shuffled", True],
        ["none", "none", False],
        ["entities", "visual=noise", True],
    ]
