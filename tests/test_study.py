"""Studies: their variants, and which run is which, of those that are declared."""

import math

import pytest

from bench.run.studies import STUDIES
from bench.study import can_be_kept, differing

FULL = {"modalities": "all", "use_cl": True, "use_id": True, "use_intra": True, "n_layers": 4, "n_attention_layers": 2}


def variant(study, overrides, settings=None):
    found = STUDIES[study].variant("MCLN", overrides, settings or {})
    return found.label if found else None


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


def test_a_whole_number_is_the_same_with_a_point():
    assert differing({"a": 0, "b": 1.0, "c": 2}, {"a": 0.0, "b": 1, "c": 2.5}) == {"c": 2}
    assert differing({"a": 0.0, "b": False}, {"a": False, "b": 0.0}) == {"a": 0.0, "b": False}


def test_why_a_variant_is_not_formed():
    study = STUDIES["table3"]
    base, with_id, both = (study.variants[n] for n in (0, 3, 7))
    assert study.why_not(both, "toy", ["textual"]) == "toy has no visual features"
    assert study.why_not(both, "toy", []) == "toy has no visual and no textual features"
    assert study.why_not(both, "toy", ["textual", "visual"]) == ""
    assert study.why_not(both, "toy", None) == ""
    assert study.why_not(base, "toy", []) == ""
    assert study.why_not(with_id, "toy", ["visual"]) == "toy has visual features only, with which this is MCLN"
    assert study.why_not(with_id, "toy", ["textual", "visual"]) == ""


def test_a_row_of_both_modalities_is_not_formed_where_it_would_take_a_third():
    third = ["textual", "visual", "acoustic"]
    reasons = {one.label: STUDIES["table3"].why_not(one, "toy", third) for one in STUDIES["table3"].variants}
    reason = "toy has acoustic features, too, which this would take"
    assert {label: why for label, why in reasons.items() if why} == {"w/ V&T": reason, "w/ V&T&CL": reason}


def test_without_content_a_fusion_of_modalities_is_not_formed():
    reasons = {one.label: STUDIES["table4"].why_not(one, "toy", []) for one in STUDIES["table4"].variants}
    empty = "toy has no item features, without which this is"
    assert reasons == {"Base": "", "w/ intra-modal": f"{empty} Base", "w/ inter-modal": f"{empty} MCLN", "MCLN": ""}
    assert not any(STUDIES["table4"].why_not(one, "toy", ["visual"]) for one in STUDIES["table4"].variants)


def test_without_diffusion_the_causal_model_is_itself_on_a_single_modality():
    part = next(one for one in STUDIES["causal"].variants if one.label == "w/o diffusion")
    reason = "toy has visual features only, with which this is CausalMMRec"
    assert STUDIES["causal"].why_not(part, "toy", ["visual"]) == reason
    assert STUDIES["causal"].why_not(part, "toy", ["visual", "textual"]) == ""


def test_a_study_changes_what_any_of_its_variants_changes():
    assert STUDIES["table4"].changed == {"modalities", "use_cl", "use_intra"}
    assert STUDIES["figure4"].changed == {"n_layers", "layer_sizes"}  # NGCF's have another name


def test_what_a_record_can_hold():
    assert all(map(can_be_kept, (1, True, None, "x", 1e300, 2**63 - 1, -(2**63), [1, (2.5, "x")])))
    assert not any(map(can_be_kept, (math.inf, -math.inf, math.nan, 2**63, 1j, b"x", {"a": 1}, [1, [math.nan]])))
