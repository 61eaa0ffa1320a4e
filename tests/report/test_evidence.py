"""Which record of a run stands, which rows are baselines and variants, and what is kept with the evidence."""

import gc
import weakref

import pytest

from bench.report.evidence import Evidence, remember
from bench.run.studies import STUDIES
from tests.report.made import evidence, record, unfinished


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


def test_the_row_under_study_is_in_table_2_even_where_it_is_a_variant():
    """Else the answer would say of it that it was not run."""
    records = [record("MCLN", hyper={"n_layers": n}) for n in (1, 3)]
    assert list(evidence(*records).main["row"]) == []
    made = evidence(*records, ours="MCLN (n_layers=1)")
    assert list(made.main["row"]) == ["MCLN (n_layers=1)"]
    assert len(made.variants(STUDIES["figure4"])) == 2


def test_a_variant_without_its_content_is_no_variant():
    made = evidence(*(record("MCLN", hyper={"use_cl": False}, features=f"entities{what}") for what in ("", ",noise")))
    assert list(made.variants(STUDIES["table4"])["features"]) == ["entities"]


def test_a_run_that_the_table_of_its_study_does_not_show_stands_in_table_2():
    """The sampler's table shows models under both; Table 3 has no visual variant where there is nothing else."""
    users = [record(model, hyper={"sampling": "user"}, settings={"sampling": "user"}) for model in ("BPRMF", "VBPR")]
    assert list(evidence(*users).main["row"]) == ["BPRMF (sampling=user)", "VBPR (sampling=user)"]
    both = record("BPRMF", settings={"sampling": "interaction"})
    assert list(evidence(*users, both).main["row"]) == ["BPRMF", "VBPR (sampling=user)"]
    visual = record("MCLN", hyper={"modalities": "visual"}, facts={"modalities": "visual"})
    assert list(evidence(visual).main["row"]) == ["MCLN (modalities=visual)"]


def test_a_search_that_finds_the_settings_of_a_variant_finds_no_variant():
    """MCLN without the contrastive loss is a variant of Table 3, and a row of Table 2 where a search found it."""
    made = evidence(record("MCLN", hyper={"use_cl": False}, facts={"tuning.trials": 12}))
    assert not made.frame["is_variant"].any()
    assert list(made.main["row"]) == ["MCLN (tuned)"]


def test_no_records_are_no_rows():
    assert evidence().main.empty
    assert evidence().baselines == set()


def test_what_is_computed_of_an_evidence_is_kept_as_long_as_the_evidence_is():
    calls = []

    @remember
    def rows(evidence, status):
        calls.append(status)
        return evidence.frame[evidence.frame["status"] == status]

    one, other = evidence(record()), evidence(record(), record("VBPR"))
    assert rows(one, "done") is rows(one, "done")
    assert (len(rows(one, "done")), len(rows(other, "done")), len(rows(one, "failed"))) == (1, 2, 0)
    assert calls == ["done", "done", "failed"]
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None
