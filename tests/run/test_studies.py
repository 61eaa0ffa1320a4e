"""The declared studies: the paper's rows, settings that their models have, names."""

import pytest

from bench import registry
from bench.registry import cards
from bench.run.studies import STUDIES, find
from bench.spec import NEWER_MODELS, BenchError
from tests.run import made


def test_the_tables_have_the_papers_rows():
    assert STUDIES["table3"].labels == [
        "Base", "w/ V", "w/ V&CL", "w/ V&ID&CL", "w/ T", "w/ T&CL", "w/ T&ID&CL", "w/ V&T", "w/ V&T&CL", "MCLN",
    ]  # fmt: skip
    titles = list(STUDIES["table3"].titles.values())
    assert titles == [
        "(1) Base", "(2) Base w/ V", "(3) Base w/ V&CL", "(4) Base w/ V&ID&CL", "(5) Base w/ T", "(6) Base w/ T&CL",
        "(7) Base w/ T&ID&CL", "(8) Base w/ V&T", "(9) Base w/ V&T&CL", "(10) MCLN",
    ]  # fmt: skip
    assert [len(STUDIES[name].variants) for name in ("table2", "table4", "table5", "figure4")] == [0, 4, 5, 6]


@pytest.mark.parametrize("study", list(STUDIES.values()), ids=list(STUDIES))
def test_every_variant_sets_what_its_model_has_and_no_two_are_the_same(study):
    for model in study.models:
        variants = study.variants_of(model)
        assert [v.label for v in variants] == study.labels
        assert len({str(sorted(study.full(v).items())) for v in variants}) == len(variants)
        for one in variants:
            registry.settings(cards()[model], "default", dataset="beauty", hyper=study.full(one))


def test_studies_are_found_by_name_once_and_near_misses_named():
    assert [study.name for study in find(["table5", "table3", "table5"])] == ["table5", "table3"]
    assert find(["all"]) == list(STUDIES.values())
    with pytest.raises(BenchError, match="unknown study 'figure3'; did you mean figure4"):
        find(["figure3"])


def test_a_study_for_all_takes_each_model_unless_some_are_named(folder):
    every = made.planned(folder, models=None, studies=["sampler"])
    assert {one.job.model for one in every} == set(STUDIES["sampler"].models)
    assert len(every) == 2 * len(STUDIES["sampler"].models)
    newer = made.planned(folder, models=["newer", "BPRMF"], studies=["sampler"])
    assert {one.job.model for one in newer} == {*NEWER_MODELS, "BPRMF"}
    runs = [one.job.run for one in made.planned(folder, models=["BPRMF", "LightGCN"], studies=["sampler"])]
    assert runs == ["BPRMF", "BPRMF (sampling=user)", "LightGCN (sampling=interaction)", "LightGCN"]
