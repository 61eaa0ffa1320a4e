"""The whole line on a tiny data set, in real subprocesses: run, resume, fail, be killed."""

import json
import os
import signal
import threading

import pytest

from bench.run import plan
from bench.run.pool import Pool
from bench.run.slots import Slots
from bench.store.record import read_record
from bench.store.store import Store


def records(tmp_path):
    return sorted((tmp_path / "results").glob("*/*/*.json"))


def request(folder, **more):
    more = {"models": ["BPRMF"], "budget": "smoke", "protocols": ["paper"], **more}
    return plan.Request(datasets=[str(folder)], **more)


def test_run_resume_and_rerun_of_a_deleted_record(call, folder, tmp_path):
    flags = (
        "--datasets",
        folder,
        "--models",
        "BPRMF",
        "LightGCN",
        "--budget",
        "smoke",
        "--protocols",
        "clean",
    )
    code, out, _ = call(*flags)
    assert (code, len(records(tmp_path))) == (0, 2)
    assert "2 jobs: 2 to run" in out
    assert "tiny" in out
    before = {p: p.read_bytes() for p in records(tmp_path)}
    code, out, _ = call(*flags)
    assert "2 jobs: 0 to run" in out
    assert {p: p.read_bytes() for p in records(tmp_path)} == before
    gone = records(tmp_path)[0]
    gone.unlink()
    code, out, _ = call(*flags)
    assert "2 jobs: 1 to run" in out
    again, old = json.loads(gone.read_text()), json.loads(before[gone])
    assert again["metrics"] == old["metrics"]  # same key, same numbers, to the bit
    assert [c["loss"] for c in again["curve"]] == [c["loss"] for c in old["curve"]]


def test_the_record_can_be_recomputed_from_its_ranks(call, folder, tmp_path):
    call("--datasets", folder, "--models", "VBPR", "--budget", "smoke", "--protocols", "clean")
    (path,) = records(tmp_path)
    record, ranks = json.loads(path.read_text()), Store(tmp_path / "results").ranks(read_record(path).job)
    assert record["metrics"]["sampled.hr@5"] == (ranks.rank_sampled <= 5).mean()
    assert record["metrics"]["full.hr@10"] == (ranks.rank_full <= 10).mean()
    assert record["facts"]["n_cases"] == len(ranks) == 40
    assert record["facts"]["selected_by"] == "valid full.ndcg@10, every 1 epochs"
    assert record["provenance"]["device"] == "cpu"
    assert record["settings"]["embedding_size"] == 64


def test_both_protocols_share_nothing_but_the_data(call, folder, tmp_path):
    call("--datasets", folder, "--models", "BPRMF", "--budget", "smoke", "--protocols", "paper", "clean")
    facts = {json.loads(p.read_text())["job"]["protocol"]["name"]: json.loads(p.read_text()) for p in records(tmp_path)}
    assert set(facts) == {"paper", "clean"}
    assert facts["paper"]["facts"]["selected_by"].startswith("test sampled")
    assert facts["paper"]["job"]["data_hash"] == facts["clean"]["job"]["data_hash"]


def test_a_killed_job_costs_only_itself(folder, tmp_path):
    store = Store(tmp_path / "results")
    works = plan.jobs(request(folder, models=["BPRMF", "LightGCN"], budget="full"))
    short = plan.jobs(request(folder, models=["LightGCN"]))

    def kill(work, event):
        if work.job.model == "BPRMF" and "epoch" in event and work.job.key in pool.live:
            os.kill(pool.live[work.job.key].pid, signal.SIGKILL)

    pool = Pool(store=store, slots=Slots(cpus=2), tell=kill)
    assert pool.run([works[0], *short]) == ["failed", "done"]
    record = store.find(works[0].job)
    assert record.reason.startswith("process killed by SIGKILL")
    assert (store.root / record.log).exists()
    assert plan.is_due(store, works[0].job, when="missing")
    assert not plan.is_due(store, short[0].job, when="missing")
    assert [plan.is_due(store, w.job, when="failed") for w in (works[0], *short)] == [True, False]


def test_a_job_killed_once_goes_on_from_its_checkpoint(folder, tmp_path):
    """The retry continues: the same record as that of a job never killed."""
    budget = {"models": ["BPRMF"], "budget": "quick"}
    (work,) = plan.jobs(request(folder, **budget))
    whole, cut = Store(tmp_path / "whole"), Store(tmp_path / "cut")
    epochs = []

    def kill_at_ten(work, event):
        if "epoch" in event:
            epochs.append(event["epoch"])
            if epochs.count(10) == 1 and event["epoch"] == 10:
                os.kill(pool.live[work.job.key].pid, signal.SIGKILL)

    pool = Pool(store=cut, slots=Slots(cpus=1), checkpoint_every=4, tell=kill_at_ten)
    assert pool.run([work]) == Pool(store=whole, slots=Slots(cpus=1)).run([work]) == ["done"]
    assert epochs.count(1) == 1  # it did not start anew
    found, expected = cut.find(work.job), whole.find(work.job)
    assert found.metrics == expected.metrics
    assert [e["loss"] for e in found.curve] == [e["loss"] for e in expected.curve]
    assert cut.ranks(work.job).equals(whole.ranks(work.job))
    assert not list(cut.root.glob("*/*/*.checkpoint")) + list(cut.root.glob("*/*/*.lock"))


def test_two_runners_on_one_folder_do_every_job_once(folder, tmp_path):
    works = plan.jobs(request(folder, models=["BPRMF", "LightGCN", "VBPR"], seeds=[0, 1]))
    starts, states = [], {}

    def tell(work, event):
        if event.get("state") == "started":
            starts.append(work.job.key)

    def run(name):
        states[name] = Pool(store=Store(tmp_path / "results"), slots=Slots(cpus=1), tell=tell).run(works)

    runners = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    [runner.start() for runner in runners]
    [runner.join() for runner in runners]
    assert states == {"a": ["done"] * 6, "b": ["done"] * 6}
    assert sorted(starts) == sorted(work.job.key for work in works)


def test_a_job_past_its_time_is_ended(folder, tmp_path):
    store = Store(tmp_path / "results")
    (work,) = plan.jobs(request(folder, budget="full"))
    assert Pool(store=store, slots=Slots(cpus=1), timeout=0.2).run([work]) == ["failed"]
    assert store.find(work.job).reason == "timeout: over 0.2 s"


def test_stopping_ends_the_jobs_and_leaves_no_record(folder, tmp_path):
    store = Store(tmp_path / "results")
    works = plan.jobs(request(folder, models=["BPRMF", "LightGCN"], budget="full"))

    def interrupt(work, event):
        if "epoch" in event and not pool.stopping.is_set():
            os.kill(os.getpid(), signal.SIGINT)  # what Ctrl-C sends

    pool = Pool(store=store, slots=Slots(cpus=1), tell=interrupt)
    assert pool.run(works) == ["stopped", "stopped"]
    assert store.records() == []
    assert pool.live == {}


def test_a_failing_job_leaves_reason_and_traceback(call, folder, tmp_path):
    """A learning rate that blows up: the job fails, names epoch and step, and the exit code says so."""
    flags = ("--datasets", folder, "--models", "BPRMF", "--budget", "quick", "--set", "learning_rate=1e38")
    code, out, _ = call(*flags)
    record = json.loads(records(tmp_path)[0].read_text())
    assert code == 1
    assert record["status"] == "failed"
    assert "epoch" in record["reason"] or "finite" in record["reason"]
    assert "Diverged" in record["traceback"]
    assert record["settings"]["learning_rate"] == 1e38
    assert record["settings"]["embedding_size"] == 64  # a default: its variant in a study is known without the run
    assert "Traceback" in (tmp_path / "results" / record["log"]).read_text()
    assert "failed: tiny BPRMF" in out


def test_dry_run_and_list_run_nothing(call, folder, tmp_path):
    code, out, _ = call("--datasets", folder, "--models", "BPRMF", "--dry-run")
    assert code == 0
    assert "1 to run" in out
    assert not (tmp_path / "results").exists()
    code, out, _ = call("--list")
    assert out.endswith(f"0 records in {tmp_path / 'results'}\n")


@pytest.mark.parametrize("change", ["seeds", "hyper", "budget", "models", "protocols", "features_file"])
def test_everything_that_changes_a_number_changes_the_key(folder, change):
    before = plan.jobs(request(folder))[0].job.key
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
    after = plan.jobs(request(folder, **({change: changes[change]} if change in changes else {})))[0].job.key
    assert before != after


def test_audit_prints_and_stores(folder, tmp_path, capsys):
    from bench.cli.main import main

    with pytest.raises(SystemExit) as exit_:
        main(["audit", str(folder), "--reports", str(tmp_path / "reports")])
    out = capsys.readouterr().out
    assert exit_.value.code == 0
    assert "users left under clean (scored)" in out
    assert f"wrote {tmp_path / 'reports' / 'audit.md'}" in out
    assert json.loads((tmp_path / "reports" / "audit.json").read_text())[0]["users"] == 40
