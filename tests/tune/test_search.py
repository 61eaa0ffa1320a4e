"""--tune and --hyper on a tiny data set, in real processes: search, be killed, resume, run what was found."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bench.run import plan
from bench.run.events import Event
from bench.spec import BenchError
from bench.store.store import Store
from bench.tune.search import Searches
from tests.run.made import local
from tests.tune.searched import trial, work

ROOT = Path(__file__).parents[2]
ASKED = ("--budget", "smoke", "--protocols", "clean", "--gpus", "none", "--threads", "1")


@pytest.fixture
def search(call, folder, tmp_path):
    """search(*flags, models=…): the program, its winners beside its results."""

    def run(*flags, models=("BPRMF", "LightGCN")):
        return call("--datasets", folder, "--models", *models, *ASKED, "--configs", tmp_path / "configs", *flags)

    return run


def trials(results: Path, model: str) -> dict[str, dict]:
    paths = (results / "tuning/records/tiny" / model).glob("[!.]*.json")
    return {path.stem: json.loads(path.read_text()) for path in paths}


def winner(configs: Path, model: str) -> dict:
    return yaml.safe_load((configs / f"tiny/{model}.yaml").read_text())


def test_search_then_run_what_was_found(search, tmp_path):
    code, out, _ = search("--tune", 3, models=("BPRMF", "LightGCN", "Pop"))
    assert code == 0
    assert "not searched, as there is nothing to train: Pop\n2 searches of 3 trials" in out
    assert [out.count(f" done: trial {number} of 3, 0.") for number in range(5)] == [0, 2, 2, 2, 0]
    for model in ("BPRMF", "LightGCN"):
        found, ended = winner(tmp_path / "configs", model), trials(tmp_path / "results", model)
        values = {key: max(e["full.ndcg@10"] for e in r["curve"]) for key, r in ended.items()}
        assert len(ended) == found["trials"] == 3
        assert found["value"] == values[found["key"]] == max(values.values()) >= found["default_value"]
        assert found["hyper"] == ended[found["key"]]["job"]["hyper"]
        assert len({r["provenance"]["start"] for r in ended.values()}) == 3  # by which they are put in order
        assert all(r["metrics"] == {} and "n_cases" not in r["facts"] for r in ended.values())
    assert not list((tmp_path / "results").glob("tuning/**/*.parquet"))
    assert not list((tmp_path / "results").glob("*/*/*.json"))  # nothing that a table could show
    code, out, _ = search("--tune", 3)
    assert "[1/" not in out  # nothing ran
    assert code == 0
    before = winner(tmp_path / "configs", "BPRMF")
    code, _, error = search("--tune", 3, "--budget", "quick")
    assert (code, "holds what --features " in error) == (2, True)
    assert winner(tmp_path / "configs", "BPRMF") == before

    code, out, _ = search("--hyper", "tuned", "--protocols", "paper", "clean", models=("BPRMF", "Pop"))
    assert code == 0
    assert "nothing tuned for Pop: the defaults are used\n4 jobs: 4 to run" in out
    found = winner(tmp_path / "configs", "BPRMF")
    made = [json.loads(p.read_text()) for p in (tmp_path / "results/tiny/BPRMF").glob("*.json")]
    assert [r["job"]["hyper"] for r in made] == [found["hyper"]] * 2
    assert {(r["facts"]["tuning.trials"], r["facts"]["tuning.seconds"]) for r in made} == {(3, found["seconds"])}
    page = (tmp_path / "reports/paper-smoke/table2-sampled.md").read_text()
    assert "| BPRMF (tuned) " in page
    assert "(protocol clean, budget smoke)" in page


def test_a_search_that_was_killed_ends_as_if_it_was_not(search, call, folder, tmp_path):
    """The runner is killed outright once a trial has ended."""
    cut = tmp_path / "cut"
    flags = ["--datasets", folder, "--models", "BPRMF", "LightGCN", *ASKED, "--jobs", "1", "--tune", "3"]
    flags += ["--results", cut, "--reports", tmp_path / "reports", "--configs", tmp_path / "cut-configs"]
    runner = subprocess.Popen([sys.executable, ROOT / "run_all.py", *flags], cwd=ROOT, stdout=subprocess.DEVNULL)
    while not (ended := list(cut.glob("tuning/records/*/*/[!.]*.json"))):
        assert runner.poll() is None
        time.sleep(0.02)
    runner.kill()
    assert runner.wait() != 0
    stamps = {path: path.stat().st_mtime_ns for path in ended}

    assert call(*flags, places=False)[0] == search("--tune", 3)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in ended} == stamps  # what had ended was not run again
    for model in ("BPRMF", "LightGCN"):
        calm, killed = trials(tmp_path / "results", model), trials(cut, model)
        assert len(calm) == 3
        assert calm.keys() == killed.keys()
        one, other = winner(tmp_path / "configs", model), winner(tmp_path / "cut-configs", model)
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_a_shorter_search_keeps_to_its_own_trials(search, tmp_path):
    search("--tune", 1, models=("BPRMF",))
    short = winner(tmp_path / "configs", "BPRMF")
    assert short["hyper"] == {"learning_rate": 0.001, "sampling": "interaction", "reg_weight": 0.01}  # the default
    (tmp_path / "results/tuning/trials.db").write_text("the database of an earlier version, which counts for nothing")
    search("--tune", 3, models=("BPRMF",))
    assert winner(tmp_path / "configs", "BPRMF")["trials"] == 3
    search("--tune", 1, models=("BPRMF",))
    assert winner(tmp_path / "configs", "BPRMF") == short


def test_a_model_that_makes_no_sense_here_is_skipped_after_one_trial(search, folder, tmp_path):
    for path in folder.glob("*_feat.npy"):
        path.unlink()
    for _ in range(2):
        code, out, _ = search("--tune", 3, models=("VBPR",))
        assert code == 0
        assert "tiny VBPR clean smoke: skipped: " in out
    assert len(trials(tmp_path / "results", "VBPR")) == 1
    assert not (tmp_path / "configs").exists()
    code, out, _ = search("--hyper", "tuned", models=("VBPR",))  # the other models of such a request have winners
    assert (code, "tiny VBPR" in out, "nothing tuned for VBPR: the defaults are used" in out) == (0, True, True)


def test_trials_that_all_ran_out_of_time_run_again(search, tmp_path):
    code, out, _ = search("--tune", 2, "--timeout", "0.1")
    assert "no trial finished; that of the default settings ended with: " in out
    assert not (tmp_path / "configs").exists()
    code, out, _ = search("--tune", 2)
    assert (code, "every trial of tiny BPRMF clean smoke" in out) == (0, True)
    assert winner(tmp_path / "configs", "BPRMF")["failed"] == 0


def test_trials_that_all_failed_give_way_once_a_search_begins(tmp_path):
    searches = Searches([work()], n_trials=2, results=tmp_path)
    searches.read_trials()
    searches.store.write(trial(*searches.due(), None))
    searches.read_trials()  # as a dry run does
    assert (searches.missing, len(searches.store.paths())) == ({work().job.key: 2}, 1)
    with searches.open():
        assert (searches.missing, searches.store.paths()) == ({work().job.key: 2}, [])


def test_searches_that_are_refused(search, tmp_path):
    for flags, message in (
        (("--protocols", "paper"), "protocol paper of tiny selects on the test set; search with --protocols clean"),
        (("--set", "reg_weight=1"), "--tune searches the settings that --set and --study would hold fixed"),
        (
            ("--ranking", "full"),
            "--tune searches with seed 0 and makes no tables (--hyper tuned runs what is found) and has no use",
        ),
        (("--keep-weights",), "has no use for --keep-weights; leave it out"),
        (("--tune", "0"), "'0' is not a positive whole number"),
    ):
        code, _, error = search("--tune", 2, *flags)
        assert (code, error.count("\n")) == (2, 1)
        assert message in error
    code, _, error = search("--hyper", "tuned")
    assert code == 2
    assert f"{tmp_path}/configs/tiny/BPRMF.yaml does not exist" in error


def test_a_search_at_its_end_keeps_no_state_of_its_trials(tmp_path):
    searches = Searches([work()], n_trials=2, results=tmp_path)
    searches.read_trials()
    for value in (0.5, None):
        (one,) = searches.due()
        searches.store.write(trial(one, value))
        searches.store.checkpoint(one.job).write_text("x")
        searches.follow(one)
    assert searches.write(tmp_path / "configs")[1]
    assert not list(tmp_path.glob("tuning/records/*/*/*.checkpoint"))


def test_a_damaged_record_in_the_middle_of_a_search_is_made_again(tmp_path):
    searches, jobs = Searches([work()], n_trials=4, results=tmp_path), []
    searches.read_trials()
    for second in range(4):
        (one,) = searches.due()
        searches.store.write(trial(one, 0.5, second=second))
        searches.follow(one)
        jobs.append(one.job)
    assert searches.due() == []
    searches.store.path(jobs[2]).write_text("{")
    searches.read_trials()
    assert [one.job for one in searches.due()] == [jobs[2]]


def opened(results):
    return Searches([work()], n_trials=2, results=results).open()


def test_a_folder_in_the_place_of_the_lock_is_named(tmp_path):
    (tmp_path / "tuning/lock").mkdir(parents=True)
    with pytest.raises(BenchError, match="cannot be written .*tuning/lock"), opened(tmp_path):
        pass


def test_a_trial_whose_record_is_lost_at_once_ends_the_search_in_one_line(tmp_path):
    searches = Searches([work()], n_trials=2, results=tmp_path)
    searches.read_trials()
    (one,) = searches.due()
    with pytest.raises(BenchError, match="no longer contains the record"):
        searches.follow(one)
    with pytest.raises(BenchError, match="no longer contains the record"):
        searches.numbered(lambda one, event: None)(one, Event(state="done"))


def test_one_search_at_a_time_in_a_folder(search, tmp_path):
    with Searches([], n_trials=2, results=tmp_path / "results").open():
        code, _, error = search("--tune", 2)
    assert code == 2
    text = f"another search is at work in {tmp_path}/results/tuning; wait for it, or choose another --results"
    assert error == f"error: {text}\n"


def test_dry_run_searches_nothing(search, tmp_path):
    for more in ((), ("--hyper", "tuned")):  # whose winners are not there yet
        code, out, _ = search("--tune", 2, "--dry-run", *more)
        assert (code, "2 searches of 2 trials" in out, "4 trials to run" in out) == (0, True, True)
    assert "known once the search is over" in out
    assert not (tmp_path / "results").exists()


def test_dry_run_counts_the_trials_that_are_missing(search):
    one = {"models": ("BPRMF",)}
    search("--tune", 2, **one)
    for n, missing, more in ((3, 1, ()), (2, 0, ("--hyper", "tuned"))):
        code, out, _ = search("--tune", n, "--dry-run", *more, **one)
        assert (code, f"{missing} trial{'s' * (missing != 1)} to run\n" in out) == (0, True)
        assert ("this takes about" in out) is bool(missing or more)
    assert "1 job: 1 to run" in out


def test_a_trial_below_its_limit_is_ended_there(folder, tmp_path):
    """And one at no limit is the ordinary job, but for the test set."""
    (work,) = plan.jobs(plan.Request(datasets=[str(folder)], models=["BPRMF"], budget="quick", protocols=["clean"]))
    stores = {name: Store(tmp_path / name) for name in ("plain", "trial", "pruned")}
    asked = {"plain": {}, "trial": {"is_trial": True, "limits": {10: -1.0}}, "pruned": {"limits": {5: -1.0, 10: 2.0}}}
    for name, store in stores.items():
        local(store, checkpoint_every=2).run([replace(work, **asked[name])])
    plain, trial, pruned = (store.find(work.job) for store in stores.values())
    values = [[(e["epoch"], e["loss"], e["full.ndcg@10"]) for e in r.curve] for r in (plain, trial, pruned)]
    assert values[0] == values[1]
    assert values[0][:2] == values[2]  # up to the second evaluation
    assert (pruned.status, pruned.reason[:20]) == ("skipped", "pruned at epoch 10: ")
    assert pruned.seconds["spent"] > 0
    assert (trial.status, trial.metrics, plain.metrics.keys() > set()) == ("done", {}, True)
    assert not list(tmp_path.glob("*/tiny/BPRMF/*.checkpoint"))
