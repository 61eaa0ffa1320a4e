"""Records in one form, whatever form they were written in, and which of them stands."""

import pytest

from bench.report.evidence import Evidence
from bench.run.studies import STUDIES
from bench.spec import PROTOCOLS
from tests.report.made import OLD_CLEAN, evidence, record, unfinished


def test_the_newest_record_stands_whatever_its_time_zone():
    old = record(value=0.9, source="old", start="2024-01-02T01:00:00+02:00")
    new = record(value=0.1, source="new", start="2024-01-02T00:30:00+00:00")
    stands = evidence(new, old).frame
    assert stands[["sampled.hr@5", "superseded"]].values.tolist() == [[0.1, 1]]


def test_a_newer_failure_stands_before_an_older_success():
    records = [record(start="2023-01-01T00:00:00+00:00", source="old"), unfinished()]
    assert evidence(*records).frame["status"].tolist() == ["failed"]


def test_the_released_preset_is_the_papers_row_and_overrides_are_named():
    records = [
        record("MCLN", preset="released"),
        record("MCLN", preset="itemwise"),
        record(hyper={"reg_weight": 0.01, "embedding_size": 8}),
    ]
    rows = evidence(*records).frame["row"].tolist()
    assert rows == ["BPRMF (embedding_size=8, reg_weight=0.01)", "MCLN", "MCLN:itemwise"]


def test_the_newer_engine_stands_whatever_was_started_later():
    old = record(value=0.9, engine=1, start="2024-02-01T00:00:00+00:00")
    new = record(value=0.1, engine=2, start="2024-01-01T00:00:00+00:00")
    later = record(value=0.2, engine=2, source="changed", start="2024-01-02T00:00:00+00:00")
    assert evidence(new, old).frame["sampled.hr@5"].tolist() == [0.1]
    assert evidence(later, new, old).frame[["sampled.hr@5", "superseded"]].values.tolist() == [[0.2, 2]]


def test_the_code_that_is_here_stands_whatever_came_later():
    """A model was changed, run, and changed back: a run then finds its record and starts nothing."""
    here = record(value=0.3, source="here", start="2024-01-01T00:00:00+00:00")
    tried = record(value=0.9, source="tried", start="2024-02-01T00:00:00+00:00")
    failed = unfinished(source="broken")
    known = {"is_installed": lambda job: job.source == "here"}
    stands = evidence(tried, here, failed, **known).frame
    assert stands[["sampled.hr@5", "superseded"]].values.tolist() == [[0.3, 2]]
    assert evidence(tried, record("VBPR", source="here"), **known).frame["sampled.hr@5"].tolist() == [0.9, 0.4]
    assert evidence(tried, here).frame["sampled.hr@5"].tolist() == [0.9]


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


def test_a_baseline_is_one_whatever_its_settings_and_mcln_where_another_is_under_study():
    records = [
        *(record(model) for model in ("BPRMF", "SVDPP", "FREEDOM", "Mine", "Pop", "MCLN")),
        record("VBPR", hyper={"reg_weight": 0.1}),
        record("MCLN", preset="itemwise"),
    ]
    named = {"BPRMF", "SVD++", "FREEDOM", "VBPR (reg_weight=0.1)"}
    assert evidence(*records).baselines == named
    assert evidence(*records, ours="Mine").baselines == named | {"MCLN", "MCLN:itemwise"}
    assert evidence(*records, ours="FREEDOM").baselines == named - {"FREEDOM"} | {"MCLN", "MCLN:itemwise"}


@pytest.mark.parametrize("ours", ["SVD++", "SVD++:released", "SVD++ (tuned)", "SVD++ (lr=0.1)"])
def test_no_row_of_the_model_under_study_is_its_baseline(ours):
    tuned = record("SVDPP", hyper={"lr": 0.2}, facts={"tuning.trials": 12})
    made = evidence(record("SVDPP"), record("SVDPP", hyper={"lr": 0.1}), tuned, record("BPRMF"), ours=ours)
    assert made.studied == {"SVD++", "SVD++ (lr=0.1)", "SVD++ (tuned)"}
    assert made.baselines == {"BPRMF"}


@pytest.mark.parametrize("hyper", [{}, {"use_cl": False}, {"alpha": 0.5}])
def test_main_runs_are_neither_variants_nor_knock_outs(hyper):
    made = evidence(record("MCLN", hyper=hyper), record(features="entities,noise"))
    assert len(made.main) == (hyper != {"use_cl": False})
    assert len(Evidence(made.records, made.results).main) == 1  # no study asks for variants


def test_a_variant_without_its_content_is_no_variant():
    made = evidence(*(record("MCLN", hyper={"use_cl": False}, features=f"entities{what}") for what in ("", ",noise")))
    assert list(made.variants(STUDIES["table4"])["features"]) == ["entities"]


def test_a_search_that_finds_the_settings_of_a_variant_finds_no_variant():
    """MCLN without the contrastive loss is a variant of Table 3, and a row of Table 2 where a search found it."""
    made = evidence(record("MCLN", hyper={"use_cl": False}, facts={"tuning.trials": 12}))
    assert not made.frame["is_variant"].any()
    assert list(made.main["row"]) == ["MCLN (tuned)"]


def test_no_records_are_no_rows():
    assert evidence().main.empty
    assert evidence().baselines == set()
