"""Files of winners, and the settings a run takes from them."""

import dataclasses

import pytest

from bench.files import write_sealed
from bench.spec import BUDGETS, PROTOCOLS, BenchError
from bench.store.places import TRIALS
from bench.store.store import Store
from bench.tune import winners
from bench.tune.winners import HEAD, Winner, choose, load, path
from tests.report.made import record
from tests.tune.searched import trial, work

HYPER = {"learning_rate": 1e-05, "layer_sizes": [64, 64], "message_dropout": 1 / 3}


def winner(model="BPRMF", **more) -> Winner:
    job = work(model).job
    same = {name: getattr(job, name) for name in ("dataset", "features", "data_hash", "preset", "source", "engine")}
    hyper = more.get("hyper", {"learning_rate": 0.01, "reg_weight": 0.1})
    told = {"selected_by": "valid full.ndcg@10", "trials": 20, "failed": 1, "pruned": 0, "seconds": 61.5}
    values = {"default_value": 0.25, "value": 1 / 3, "trial": 7, "hyper": hyper}
    told["key"] = dataclasses.replace(job, hyper=hyper).key
    return Winner(**{**same, "model": model, "protocol": "clean", "budget": "quick", **told, **values, **more})


def trials(folder) -> Store:
    """No trial is there."""
    return Store(folder / "trials")


def written(folder, **more) -> Winner:
    made = winner(**more)
    winners.write(made, path(folder, work(made.model).job))
    return made


def test_a_file_is_read_as_it_was_written(tmp_path):
    made = written(tmp_path, hyper=HYPER, default_value=None)
    assert load(tmp_path, work(), trials(tmp_path)) == made
    assert (tmp_path / "toy" / "BPRMF.yaml").read_text().startswith("# Found by --tune")


def test_a_file_that_cannot_be_written_is_named_with_what_to_do(tmp_path):
    (tmp_path / "toy").write_text("a file in place of the folder")
    with pytest.raises(BenchError, match=r"BPRMF\.yaml cannot be written \(.*--configs, then start again"):
        written(tmp_path)


def test_a_search_does_not_write_over_what_another_found(tmp_path):
    """The same search may, and any search where a run could not take its settings from the file."""
    made, job = written(tmp_path), work().job
    asked = dataclasses.replace(job, budget=BUDGETS["quick"], protocol=PROTOCOLS["clean"])
    winners.check_free(tmp_path, asked)
    for change in ({"budget": BUDGETS["full"]}, {"features": "none"}, {"protocol": PROTOCOLS["paper"]}):
        other = dataclasses.replace(asked, **change)
        found = f"--features {made.features} --protocols clean --budget quick"
        with pytest.raises(BenchError, match=f"BPRMF.yaml holds what {found} found; choose another --configs"):
            winners.check_free(tmp_path, other)
        winners.check_free(tmp_path, dataclasses.replace(other, source="changed"))
        winners.check_free(tmp_path / "elsewhere", other)
    path(tmp_path, job).write_text("broken")
    winners.check_free(tmp_path, dataclasses.replace(asked, budget=BUDGETS["full"]))


def test_a_preset_has_a_file_of_its_own(tmp_path):
    job = work("MCLN", preset="itemwise").job
    assert path(tmp_path, job) == tmp_path / "toy" / "MCLN-itemwise.yaml"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"data_hash": "other"},
            "was found with other data; search with --tune N --datasets toy --features entities --models BPRMF",
        ),
        ({"source": "other"}, "was found with other code of the model; search"),
        ({"data_hash": "other", "engine": 0}, "was found with other data and shared code; search"),
    ],
)
def test_a_winner_of_other_circumstances_is_refused(tmp_path, change, message):
    written(tmp_path, **change)
    with pytest.raises(BenchError) as error:
        load(tmp_path, work(), trials(tmp_path))
    assert f"{tmp_path}/toy/BPRMF.yaml {message}" in str(error.value)


SELF, BOMB = "a: &a [*a]\n", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
BROKEN = ["{", "", "- a\n", "trials: 3\n", "[1, 2]", "[" * 5000, "x: !!python/name:os.system ''\n", SELF, BOMB]


def sealed(folder, text: str) -> None:
    write_sealed(path(folder, work().job), text.encode(), owner=HEAD)


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_broken_file_is_one_line_with_its_name(tmp_path, text, is_sealed):
    written(tmp_path)
    sealed(tmp_path, text) if is_sealed else path(tmp_path, work().job).write_text(text)
    with pytest.raises(BenchError, match=r"toy/BPRMF\.yaml") as error:
        load(tmp_path, work(), trials(tmp_path))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value: 0.3333333333333333", "value: .nan"),
        ("trials: 20", "trials: 2020-01-01"),
        ("trials: 20", "trials: 0"),
        ("trials: 20", "trials: twenty"),
        ("reg_weight: 0.1", "reg_weight: .inf"),
        ("reg_weight: 0.1", "reg_weight: 2020-01-01"),
        ("reg_weight: 0.1", "reg_weight: {a: 1}"),
        ("reg_weight: 0.1", "reg_weight: !x 1"),
        ("reg_weight: 0.1", "reg_weight: 0.2"),
        ("  reg_weight: 0.1\n", ""),
        ("model: BPRMF", "model: VBPR"),
        ("model: BPRMF", "model: !!binary eA=="),
        ("features: entities", "features: none"),
        ("budget: quick", "budget: standard"),
        ("budget: quick", "budget: long"),
        ("protocol: clean", "protocol: paper"),
        ("preset: default", 'preset: "a\\x1bb"'),
    ],
)
def test_an_edit_is_refused_even_behind_a_seal(tmp_path, old, new):
    """By its type, its model or data, or since no trial of this key had these settings."""
    written(tmp_path)
    text = path(tmp_path, work().job).read_text().partition("\n")[2]
    assert old in text
    sealed(tmp_path, text.replace(old, new))
    with pytest.raises(BenchError, match=r"^\S*(entry of )?\S*toy/BPRMF\.yaml|^entry of \S*toy/BPRMF\.yaml") as error:
        load(tmp_path, work(), trials(tmp_path))
    assert "\n" not in str(error.value)


def test_an_edit_by_hand_is_refused(tmp_path):
    written(tmp_path)
    place = path(tmp_path, work().job)
    place.write_text(place.read_text().replace("trials: 20", "trials: 2000"))
    with pytest.raises(BenchError, match="is not what was written there.*search with --tune N"):
        load(tmp_path, work(), trials(tmp_path))


def test_a_file_of_another_model_is_refused(tmp_path):
    written(tmp_path, model="VBPR")
    path(tmp_path, work("VBPR").job).rename(path(tmp_path, work().job))
    with pytest.raises(BenchError, match="was found with other model and code of the model"):
        load(tmp_path, work(), trials(tmp_path))


@pytest.mark.parametrize(("value", "is_held"), [(1 / 3, True), (0.9, False), (None, False)])
def test_a_file_is_held_against_the_record_of_its_trial(tmp_path, value, is_held):
    made, store = written(tmp_path), trials(tmp_path)
    proposed = dataclasses.replace(work(), job=dataclasses.replace(work().job, hyper=made.hyper))
    ended = trial(proposed, value)
    assert ended.key == made.key
    store.write(ended)
    if is_held:
        assert load(tmp_path, work(), store) == made
        return
    with pytest.raises(BenchError, match=f"has another value than the record of its trial {made.key}"):
        load(tmp_path, work(), store)


def test_tuned_takes_the_winner_and_says_what_it_cost(tmp_path):
    written(tmp_path)
    paper = dataclasses.replace(work().job, protocol=PROTOCOLS["paper"], seed=3)
    asked = [dataclasses.replace(work(), job=paper), dataclasses.replace(work(), job=work("Pop").job)]
    (tuned, floor), said = choose(asked, "tuned", tmp_path, trials(tmp_path))
    assert tuned.job == dataclasses.replace(paper, hyper={"learning_rate": 0.01, "reg_weight": 0.1})
    assert tuned.facts == {
        "tuning.trials": 20, "tuning.seconds": 61.5, "tuning.protocol": "clean", "tuning.budget": "quick",
    }  # fmt: skip
    assert (floor.job.hyper, floor.facts) == ({}, {})
    assert said == ["nothing tuned for Pop: the defaults are used"]


def test_a_default_that_no_trial_beat_is_the_job_itself(tmp_path):
    """It has no second key, so nothing is trained twice, and no second row beside its own."""
    default = {"learning_rate": 1e-3, "reg_weight": 0.01}
    assert {name: work().settings[name] for name in default} == default
    written(tmp_path, hyper=default)
    assert choose([work()], "tuned", tmp_path, trials(tmp_path)) == (
        [work()],
        ["no trial was better than the default of BPRMF"],
    )


def test_a_missing_file_is_named_with_the_remedy(tmp_path):
    with pytest.raises(
        BenchError, match=r"toy/LightGCN\.yaml does not exist.*--tune N .*--models LightGCN --protocols"
    ):
        choose([work("LightGCN")], "tuned", tmp_path, trials(tmp_path))


@pytest.mark.parametrize(
    ("model", "curve", "is_skipped"),
    [("LightGCN", [], True), ("BPRMF", [], False), ("LightGCN", [{"epoch": 5, "sampled.ndcg@10": 0.1}], False)],
)
def test_a_model_that_its_search_skipped_keeps_the_default(tmp_path, model, curve, is_skipped):
    """Not one of which a trial was pruned."""
    store, kept = trials(tmp_path), work(model, hyper={"learning_rate": 0.01}).job
    made = record(**{f.name: getattr(kept, f.name) for f in dataclasses.fields(kept) if f.name != "engine"})
    store.write(made.model_copy(update={"status": "skipped", "metrics": {}, "reason": "x", "curve": curve}))
    asked = [work("LightGCN", protocol=PROTOCOLS["paper"], budget=BUDGETS["full"], seed=3)]
    if is_skipped:
        said = ["nothing tuned for LightGCN: the defaults are used"]
        assert choose(asked, "tuned", tmp_path / "configs", store) == (asked, said)
        return
    with pytest.raises(BenchError, match="LightGCN.yaml does not exist"):
        choose(asked, "tuned", tmp_path / "configs", store)


def test_the_remedy_finds_the_trials_that_are_kept(tmp_path):
    """Their number, budget and folder: the search has them all, and writes its winner."""
    store = Store(tmp_path / TRIALS)
    for rate in (0.01, 0.02):
        kept = work(hyper={"learning_rate": rate}).job
        store.write(record(**{f.name: getattr(kept, f.name) for f in dataclasses.fields(kept) if f.name != "engine"}))
    asked = work(protocol=PROTOCOLS["paper"], budget=BUDGETS["full"], seed=3)
    with pytest.raises(BenchError) as caught:
        load(tmp_path / "configs", asked, store)
    assert f"--tune 2 --datasets toy --features {asked.job.features} --models BPRMF" in str(caught.value)
    assert f"--budget quick --results {tmp_path} --configs" in str(caught.value)


def test_tuned_and_set_exclude_one_another(tmp_path):
    written(tmp_path)
    with pytest.raises(BenchError, match="leave --set and --study out"):
        choose([work(hyper={"reg_weight": 0.5})], "tuned", tmp_path, trials(tmp_path))


def test_released_says_where_there_is_no_such_preset(tmp_path):
    asked = [work("MCLN"), work("MCLN", preset="itemwise"), work("DMRL", preset="released"), work("BPRMF")]
    chosen, said = choose(asked, "released", tmp_path, trials(tmp_path))
    assert chosen == asked
    assert said == ["nothing released for BPRMF: the defaults are used"]


def test_default_changes_nothing(tmp_path):
    asked = [work("MCLN"), work("BPRMF", hyper={"reg_weight": 0.5})]
    assert choose(asked, "default", tmp_path, trials(tmp_path)) == (asked, [])
