"""Studies: their variants, and which run is which, of those that are declared."""

import pytest

from bench.registry import cards
from bench.run.studies import STUDIES, find
from bench.spec import BenchError
from bench.study import differing

FULL = {"modalities": "all", "use_cl": True, "use_id": True, "use_intra": True, "n_layers": 4, "n_attention_layers": 2}


def variant(study, overrides, settings=None):
    found = STUDIES[study].variant("MCLN", overrides, settings or {})
    return found.label if found else None


def test_the_tables_have_the_papers_rows():
    assert STUDIES["table3"].labels == [
        "Base", "w/ V", "w/ T", "w/ V&T", "w/ V&CL", "w/ T&CL", "w/ V&T&CL", "w/ V&ID&CL", "w/ T&ID&CL", "MCLN",
    ]  # fmt: skip
    assert [len(STUDIES[name].variants) for name in ("table2", "table4", "table5", "figure4")] == [0, 4, 5, 6]


@pytest.mark.parametrize("study", list(STUDIES.values()), ids=list(STUDIES))
def test_every_variant_sets_what_its_model_has_and_no_two_are_the_same(study):
    from bench import registry

    for model in study.models:
        variants = study.variants_of(model)
        assert [v.label for v in variants] == study.labels
        assert len({str(sorted(study.full(v).items())) for v in variants}) == len(variants)
        for one in variants:
            registry.settings(cards()[model], "default", dataset="beauty", hyper=study.full(one))


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        (FULL, "MCLN"),
        ({**FULL, "modalities": "none", "use_cl": False}, "Base"),
        ({**FULL, "modalities": "textual", "use_cl": False}, "w/ T"),
        ({**FULL, "use_id": False}, "w/ V&T&CL"),
        ({**FULL, "modalities": "visual"}, "w/ V&ID&CL"),
        ({**FULL, "modalities": "visual", "use_cl": False, "use_id": False}, None),
    ],
)
def test_a_finished_run_goes_by_its_settings(settings, label):
    overrides = dict(differing({key: settings[key] for key in STUDIES["table3"].base}, FULL))
    assert variant("table3", overrides, settings) == label


def test_a_run_that_did_not_finish_goes_by_its_overrides():
    assert variant("table3", {"use_cl": False}) == "w/ V&T"
    assert variant("table3", {}) == "MCLN"
    assert variant("table5", {"n_attention_layers": 3}) == "3 layers"
    assert variant("table5", {}) is None  # the depth that a data set has by default is not known without settings


def test_other_overrides_belong_to_no_study():
    assert variant("table5", {"n_attention_layers": 3, "alpha": 0.0}, {**FULL, "n_attention_layers": 3}) is None
    assert variant("table5", {"n_attention_layers": 7}, {**FULL, "n_attention_layers": 7}) is None
    assert STUDIES["table5"].variant("BPRMF", {}, FULL) is None


def test_tuples_are_lists_as_in_a_record():
    assert STUDIES["figure4"].variant("NGCF", {}, {"layer_sizes": (64, 64)}).label == "2 layers"
    assert differing({"a": [1], "b": True}, {"a": (1,), "b": 1}) == {"b": True}


def test_why_a_variant_is_not_formed():
    study = STUDIES["table3"]
    both, base = study.variants[3], study.variants[0]
    assert study.why_not(both, "toy", ["textual"]) == "toy has no visual features"
    assert study.why_not(both, "toy", []) == "toy has no visual and no textual features"
    assert study.why_not(both, "toy", ["textual", "visual"]) == ""
    assert study.why_not(both, "toy", None) == ""
    assert study.why_not(base, "toy", []) == ""
    assert study.why_not(base, "taobao-sim", None).startswith("Taobao has one modality")


def test_studies_are_found_by_name_once_and_near_misses_named():
    assert [study.name for study in find(["table5", "table3", "table5"])] == ["table5", "table3"]
    assert find(["all"]) == list(STUDIES.values())
    with pytest.raises(BenchError, match="unknown study 'figure3'; did you mean figure4"):
        find(["figure3"])
