"""Which jobs a request means: studies share some, and whatever changes a number changes the key."""

import numpy as np
import pytest

from bench.cli.flags import setting
from bench.run import plan
from bench.spec import BenchError
from bench.store.store import Store
from tests.report.made import record

VARIED = ("table3", "table4", "table5", "figure4")


def jobs(folder, *studies, **more):
    more = {"budget": "smoke", "protocols": ["paper"], **more}
    return [work.job for work in plan.jobs(plan.Request(datasets=[str(folder)], studies=studies, **more))]


@pytest.mark.parametrize(("study", "n"), [("table3", 10), ("table4", 4), ("table5", 5), ("figure4", 6)])
def test_every_study_holds_the_model_of_table_2_under_the_same_key(folder, study, n):
    (whole,) = jobs(folder, "table2", models=["MCLN"])
    found = jobs(folder, study)
    assert len({job.key for job in found}) == len(found) == n
    assert [job.hyper for job in found if job.key == whole.key] == [{}]


def test_a_job_of_two_studies_is_planned_once(folder):
    """Table 4's Base and intra-modal are Base and w/ V&T of Table 3; the full MCLN is in all."""
    assert len(jobs(folder, "table2", *VARIED, models=["MCLN"])) == 1 + 9 + 1 + 4 + 5
    assert len(jobs(folder, "cost", "learning-curves", "table2", models=["MCLN", "BPRMF"])) == 2


def test_the_depth_of_a_data_set_by_default_is_no_override():
    request = plan.Request(datasets=["taobao-sim"], studies=["table5"], budget="smoke")
    assert [work.job.hyper for work in plan.jobs(request)] == [
        {"n_attention_layers": 1}, {"n_attention_layers": 2}, {"n_attention_layers": 3}, {}, {"n_attention_layers": 5},
    ]  # fmt: skip


def test_table_3_leaves_out_what_the_data_cannot_form(folder):
    (folder / "image_feat.npy").unlink()
    assert [job.hyper for job in jobs(folder, "table3")] == [
        {"modalities": "none", "use_cl": False},
        {"modalities": "textual", "use_cl": False},
        {"modalities": "textual", "use_id": False},
        {},
    ]


def test_table_3_has_four_rows_on_images_alone(folder):
    (folder / "text_feat.npy").unlink()
    visual = {"modalities": "visual"}
    assert [job.hyper for job in jobs(folder, "table3")] == [
        {"modalities": "none", "use_cl": False}, {**visual, "use_cl": False}, {**visual, "use_id": False}, {},
    ]  # fmt: skip


def test_models_asked_for_choose_among_those_of_a_study(folder):
    def rows(*models, studies=("figure4",)):
        return {job.row for job in jobs(folder, *studies, models=models or None)}

    assert rows() == rows("all") == rows("floors") == {"MCLN"}
    assert rows("NGCF", "MCLN:itemwise", "BPRMF") == {"NGCF", "MCLN:itemwise"}
    assert rows("BPRMF", studies=["all"]) == {"BPRMF"}
    assert rows("BPRMF", studies=["table2"]) == {"BPRMF"}


def test_a_study_says_which_models_it_leaves_out(folder):
    def notes(*models, studies=("figure4",)):
        return plan.left_out(plan.Request(datasets=[str(folder)], models=models or None, studies=studies))

    (note,) = notes("NGCF", "BPRMF", "floors", "VBPR:default")
    assert note.startswith("--study figure4 is about MCLN, ")
    assert note.endswith("; it leaves out BPRMF, VBPR")
    assert notes() == notes("all") == notes("NGCF") == []
    assert notes("BPRMF", studies=["all"]) == notes("BPRMF", studies=["table2"]) == []


def test_ngcf_counts_its_layers_by_their_sizes(folder):
    sizes = [job.hyper.get("layer_sizes") for job in jobs(folder, "figure4", models=["NGCF"])]
    assert sizes == [[64], [64, 64], None, [64] * 4, [64] * 5, [64] * 6]


def test_a_preset_keeps_what_it_sets(folder):
    found = jobs(folder, "table4", models=["MCLN:itemwise"])
    assert [job.hyper for job in found][1:] == [{"use_cl": False}, {"use_intra": False}, {}]
    assert {job.preset for job in found} == {"itemwise"}


def test_a_study_ends_with_its_own_table(call, folder, tmp_path):
    """Its records stand, so that nothing runs."""
    store = Store(tmp_path / "results")
    for job in jobs(folder, "table4", protocols=["clean"]):
        store.write(record(job.model, 0.4, **{f: getattr(job, f) for f in job.__dataclass_fields__ if f != "model"}))
    flags = ("--datasets", folder, "--budget", "smoke", "--models", "MCLN")
    code, out, _ = call(*flags, "--study", "table4")
    assert code == 0
    assert "4 jobs: 0 to run" in out
    assert "Table 4: fusion in MCLN (protocol clean, budget smoke, sampled ranking)" in out
    assert "w/ inter-modal" in out
    assert "Table 2" not in out
    assert (tmp_path / "reports" / "clean-smoke" / "table4-sampled.md").exists()
    _, out, _ = call(*flags)
    assert "1 job: 0 to run" in out
    assert "Table 2" in out


def test_variants_of_the_released_preset_are_what_they_are_called(folder):
    request = plan.Request(datasets=[str(folder)], models=["MMGCN"], studies=["figure4"], prefer="released")
    works = plan.jobs(request)
    assert {work.job.preset for work in works} == {"released"}
    assert sorted(work.settings["n_layers"] for work in works) == [1, 2, 3, 4, 5, 6]


def test_a_preset_that_is_named_is_preferred_to_the_preferred_one(folder):
    def presets(*models, **more):
        works = plan.jobs(plan.Request(datasets=[str(folder)], models=models, prefer="released", **more))
        return [work.job.preset for work in works]

    assert presets("MMGCN:default", "MMGCN", "BPRMF") == ["default", "released", "default"]
    assert set(presets("MMGCN:default", studies=["figure4"])) == {"default"}


def test_a_preset_that_sets_nothing_is_no_job_of_its_own(folder):
    """What MCLN's authors released is our default."""
    (one,) = jobs(folder, "table2", models=["MCLN", "MCLN:released"])
    assert one.preset == "default"


def test_a_setting_set_to_what_it_is_anyway_makes_no_job_of_its_own(folder):
    plain, same, other = (
        jobs(folder, "table2", models=["BPRMF"], hyper=hyper)[0]
        for hyper in ({}, {"embedding_size": 64}, {"embedding_size": 64, "learning_rate": 0.01})
    )
    assert (same.key, same.row) == (plain.key, "BPRMF")
    assert other.hyper == {"learning_rate": 0.01}


def test_a_floor_has_no_settings_of_training(folder):
    plain, training, own = (
        jobs(folder, "table2", models=["EASE"], hyper=hyper)[0]
        for hyper in ({}, {"learning_rate": 0.1, "train_batch_size": 8}, {"reg_weight": 10.0})
    )
    assert training.key == plain.key
    assert own.hyper == {"reg_weight": 10.0}


def first(folder, **more):
    return jobs(folder, "table2", **{"models": ["BPRMF"], **more})[0]


def test_a_whole_number_and_the_float_equal_to_it_are_one_setting(folder):
    whole, fractional = (jobs(folder, "table2", models=["BPRMF"], hyper={"reg_weight": value})[0] for value in (1, 1.0))
    assert whole.key == fractional.key
    assert repr(whole.hyper["reg_weight"]) == "1.0"


def test_what_is_neither_true_nor_false_is_refused(folder):
    with pytest.raises(BenchError, match="setting use_cl=no: it is true or false"):
        jobs(folder, "table2", models=["MCLN"], hyper={"use_cl": "no"})
    (job,) = jobs(folder, "table2", models=["MCLN"], hyper=dict([setting("use_cl=False")]))
    assert job.hyper == {"use_cl": False}


@pytest.mark.parametrize("value", [np.complex128(3), {"a": 1}, b"3"])
def test_a_setting_that_no_record_could_hold_is_refused(folder, value):
    with pytest.raises(BenchError, match="takes finite numbers of 64 bits, texts and truth values|embedding_size"):
        jobs(folder, "table2", models=["BPRMF"], hyper={"embedding_size": value})


@pytest.mark.parametrize("change", ["seeds", "hyper", "budget", "models", "protocols", "features_file"])
def test_everything_that_changes_a_number_changes_the_key(folder, change):
    before = first(folder).key
    changes = {
        "seeds": [1],
        "hyper": {"reg_weight": 0.1},
        "budget": "quick",
        "models": ["VBPR"],
        "protocols": ["clean"],
    }
    if change == "features_file":
        import numpy as np

        np.save(folder / "text_feat.npy", np.zeros((150, 4), dtype=np.float32))
    after = first(folder, **({change: changes[change]} if change in changes else {})).key
    assert before != after


def test_a_knock_out_knows_the_data_that_it_was_made_from(folder):
    asked = {"datasets": [str(folder)], "models": ["BPRMF"], "budget": "smoke", "protocols": ["paper"]}
    real, shuffled = plan.jobs(plan.Request(**asked, features=["real", "shuffled"]))
    assert (real.facts, shuffled.facts) == ({}, {"base_hash": real.job.data_hash})
    assert shuffled.job.data_hash != real.job.data_hash


@pytest.mark.parametrize("name", ["datasets", "models", "protocols", "features", "seeds", "studies"])
def test_a_list_that_names_nothing_is_refused(name):
    with pytest.raises(BenchError, match=f"^{name} is empty; name at least one, or leave it out$"):
        plan.check_names(plan.Request(**{"datasets": ["ml-100k"], name: []}))
