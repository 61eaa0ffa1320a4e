from dataclasses import replace

import pytest

from bench import registry
from bench.cli.flags import Parser, add_flags
from bench.cli.show import asked_of, listing, show
from bench.spec import PROTOCOLS, BenchError
from bench.store.store import Store
from tests.store.made import job, record


def stored(tmp_path, **more):
    store = Store(tmp_path)
    saved = record(**more)
    store.write(saved)
    return store, saved


def test_a_record_in_words(tmp_path):
    curve = [{"epoch": 5, "loss": 0.5, "seconds": 1.0, "sampled.ndcg@10": 0.25}]
    store, saved = stored(tmp_path, curve=curve, settings={"reg_weight": 0.01})
    store.log(saved.job).write_text("".join(f"line {n}\n" for n in range(20)))
    text = show(store, saved.key[:6])
    assert text.startswith(f"{saved.key}: toy (npy) BPRMF, protocol clean, budget smoke, seed 0: done\n")
    assert "reg_weight  0.01" in text
    assert "sampled.hr@5  0.33333" in text
    assert "5     0.5" in text
    assert text.endswith("line 18\nline 19")
    assert "line 9\n" not in text


def test_a_record_tells_what_decides_its_key(tmp_path):
    """Two records that differ in any of it are not of the same work."""
    store, saved = stored(tmp_path)
    made = saved.job
    asked = {"data_hash": made.data_hash, "source": made.source, "engine": str(made.engine)}
    asked |= {"protocol.version": str(made.protocol.version), "budget.patience": str(made.budget.patience)}
    shown = dict(line.split(maxsplit=1) for line in show(store, saved.key).splitlines() if " " in line)
    assert asked.items() <= shown.items()


def test_an_unknown_key_names_near_ones(tmp_path):
    store, saved = stored(tmp_path)
    near = saved.key[:-1] + ("0" if saved.key[-1] != "0" else "1")
    with pytest.raises(BenchError, match=f"unknown key '{near}'; did you mean {saved.key}"):
        show(store, near)


def test_a_short_key_may_mean_several(tmp_path):
    store, _ = stored(tmp_path)
    store.write(record(job=job(seed=1)))
    with pytest.raises(BenchError, match="is ambiguous, 2 records begin with it"):
        show(store, "")


@pytest.mark.parametrize(
    ("wanted", "n"),
    [
        ({}, 3),
        ({"protocol": ["paper"]}, 1),
        ({"seed": [1]}, 1),
        ({"budget": ["smoke"], "protocol": ["clean"]}, 2),
        ({"model": {"BPRMF"}}, 3),
        ({"model": {"BPRMF:paper"}}, 0),
        ({"model": {"BPRMF:default"}, "dataset": ["some/where/toy"]}, 3),
        ({"dataset": ["art"]}, 0),
    ],
)
def test_a_listing_keeps_to_what_was_asked_for(tmp_path, wanted, n):
    store, first = stored(tmp_path)
    store.write(record(job=job(seed=1)))
    store.write(record(job=job(protocol=PROTOCOLS["paper"])))
    lines = listing(store, wanted).splitlines()
    assert len(lines) == 2 + n + 1
    assert lines[-1] == f"{f'{n} of 3' if n < 3 else 3} records in {tmp_path}"


def test_one_record_is_counted_as_one(tmp_path):
    assert listing(stored(tmp_path)[0], {}).endswith(f"\n1 record in {tmp_path}")


def test_a_record_that_no_table_shows_is_marked(tmp_path):
    """Whatever is asked for, as the report marks it."""
    store, new = stored(tmp_path)
    old = record(job=job(engine=1))
    store.write(old)
    lines = listing(store, {"seed": [0]}).splitlines()
    assert next(line for line in lines if line.startswith(old.key)).split()[1:3] == ["done,", "superseded"]
    assert next(line for line in lines if line.startswith(new.key)).split()[1:3] == ["done", "toy"]


@pytest.mark.parametrize(
    ("features", "asked", "is_listed"),
    [
        ("entities", "real", True),
        ("entities,shuffled", "shuffled", True),
        ("entities,shuffled", "real", False),
        ("entities,visual=none", "entities,visual=none,textual=real", True),
        ("entities,shuffled", "deep,shuffled", False),
        ("none", "none", True),
        ("none", "real", False),
    ],
)
def test_features_are_listed_as_a_run_is_asked_for_them(tmp_path, features, asked, is_listed):
    store, saved = stored(tmp_path, job=job(features=features))
    assert (saved.key in listing(store, {"features": [asked]})) is is_listed


@pytest.mark.parametrize(
    ("modalities", "features", "asked", "is_listed"),
    [
        ("visual", "entities,shuffled", "visual=shuffled", True),
        ("visual, textual", "entities,shuffled", "visual=shuffled", False),
        ("visual, textual", "entities,shuffled", "textual=shuffled,visual=shuffled", True),
        ("visual, textual", "entities,textual=noise", "noise,visual=real", True),
        ("visual, textual", "entities,noise", "noise,visual=real", False),
        ("textual", "entities,visual=none,textual=noise", "entities,noise,visual=none", True),
        ("visual", "entities,shuffled", "shuffled,textual=shuffled", False),
        ("visual", "entities", "real", True),
    ],
)
def test_knock_outs_are_listed_by_what_they_leave_of_the_modalities(tmp_path, modalities, features, asked, is_listed):
    """Of images alone, a knock-out of the images is one of everything, and a run names it so."""
    made = job(features=features)
    store, saved = stored(tmp_path, job=made, facts={"modalities": modalities})
    failed = record(job=replace(made, seed=1)).model_copy(update={"status": "failed", "metrics": {}})
    store.write(failed)
    lines = listing(store, {"features": [asked]})
    assert [one.key in lines for one in (saved, failed)] == [is_listed] * 2


def test_a_folder_is_listed_however_its_path_is_written(tmp_path, monkeypatch):
    store, saved = stored(tmp_path)
    (tmp_path / "home" / "toy" / "inner").mkdir(parents=True)
    (tmp_path / "home" / "new").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "home" / "toy")
    for path in (".", "inner/..", "~/toy"):
        assert saved.key in listing(store, {"dataset": [path]})
    assert listing(store, {"dataset": ["~/new"]}).endswith(f"0 of 1 record in {tmp_path}")
    with pytest.raises(BenchError, match="unknown protocol 'inner'"):  # the name of a folder, but no data set
        listing(store, {"protocol": ["inner"]})


@pytest.mark.parametrize(("asked", "kind"), [("=", ""), ("entities,shufled", "shufled")])
def test_an_unknown_knock_out_is_named_and_not_looked_for(tmp_path, asked, kind):
    with pytest.raises(BenchError, match=f"unknown knock-out in --features '{kind}'; "):
        listing(stored(tmp_path)[0], {"features": [asked]})


def test_a_model_from_outside_is_listed_with_all_its_presets(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "outside", {})
    own = tmp_path / "a:b" / "own.py"
    own.parent.mkdir()
    own.write_text("class Own:\n    presets = {'big': {'size': 9}}\n\n    class Hyper:\n        pass\n")
    for preset, expected in (("", {"Own"}), (":big", {"Own:big"})):
        asked = add_flags(Parser()).parse_args(["--models", f"{own}:Own{preset}"])
        assert asked_of(asked)["model"] == expected


def test_an_empty_budget_is_not_any_budget():
    """As of a shell's variable that is not set."""
    assert asked_of(add_flags(Parser()).parse_args(["--budget", ""])) == {"budget": [""]}
