"""The whole line on a tiny data set, in real subprocesses: run, resume, fail, be stopped, report."""

import errno
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import termios
from dataclasses import replace
from pathlib import Path

import pytest

from bench import session
from bench.report.write import rebuild
from bench.run import machines
from bench.run.plan import PlannedJob
from bench.run.studies import STUDIES
from bench.store.record import read_record
from bench.store.store import Store
from tests.report.made import stored
from tests.run.made import local, planned, start
from tests.run.storm import jobs_of, until


def records(tmp_path):
    return sorted((tmp_path / "results").glob("*/*/*.json"))


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


def test_what_is_printed_is_what_the_report_has(call, folder, tmp_path):
    """Marks and verdicts depend on all rows of a table, so that a run of one model prints the others', too."""
    flags = ("--datasets", folder, "--budget", "smoke", "--protocols", "clean", "--ours", "VBPR", "--models")
    call(*flags, "BPRMF", "LightGCN")
    out = call(*flags, "VBPR")[1]
    page = (tmp_path / "reports/index.md").read_text()
    (words,) = re.findall(r"^\| tiny, npy, clean, sampled +\| VBPR +\| ([^|]*?) +\|", page, flags=re.MULTILINE)
    verdict = f"tiny, npy, clean, sampled: VBPR {words} ("
    assert verdict in " ".join(out.split())
    assert all(re.search(rf"^{row} ", out, flags=re.MULTILINE) for row in ("BPRMF", "LightGCN", "VBPR"))
    out = call("--datasets", folder, "--budget", "quick", *flags[4:], "BPRMF")[1]
    assert verdict in " ".join(out.split())
    assert "protocol clean, budget smoke" not in out


def test_the_record_can_be_recomputed_from_its_ranks(call, folder, tmp_path):
    call("--datasets", folder, "--models", "VBPR", "--budget", "smoke", "--protocols", "clean")
    (path,) = records(tmp_path)
    record, ranks = json.loads(path.read_text()), Store(tmp_path / "results").ranks(read_record(path).job)
    assert record["metrics"]["sampled.hr@5"] == (ranks.rank_sampled <= 5).mean()
    assert record["metrics"]["full.hr@10"] == (ranks.rank_full <= 10).mean()
    assert record["facts"]["n_cases"] == len(ranks) == 40
    assert record["facts"]["selected_by"] == "valid ndcg@10, every 1 epochs"
    assert record["provenance"]["device"] == "cpu"
    assert record["settings"]["embedding_size"] == 64


def test_both_protocols_share_nothing_but_the_data(call, folder, tmp_path):
    call("--datasets", folder, "--models", "BPRMF", "--budget", "smoke", "--protocols", "paper", "clean")
    facts = {json.loads(p.read_text())["job"]["protocol"]["name"]: json.loads(p.read_text()) for p in records(tmp_path)}
    assert set(facts) == {"paper", "clean"}
    assert facts["paper"]["facts"]["selected_by"].startswith("test ndcg@10")
    assert facts["paper"]["job"]["data_hash"] == facts["clean"]["job"]["data_hash"]


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
    code, _, error = call("--list")
    assert (code, f"{tmp_path / 'results'} is not a folder" in error) == (2, True)


def test_audit_prints_and_stores(folder, tmp_path, capsys):
    from bench.cli.main import main

    with pytest.raises(SystemExit) as exit_:
        main(["audit", str(folder), "--reports", str(tmp_path / "reports")])
    out = capsys.readouterr().out
    assert exit_.value.code == 0
    assert "users left under clean (scored)" in out
    assert f"wrote {tmp_path / 'reports' / 'audit.md'}" in out
    assert json.loads((tmp_path / "reports" / "audit.json").read_text())[0]["users"] == 40


def test_an_audit_of_two_sets_of_one_name(folder, tmp_path, capsys):
    """Its files are by name and would have the last of them alone."""
    from bench.cli.main import main

    other = tmp_path / "other" / folder.name
    shutil.copytree(folder, other)
    (other / "text_feat.npy").unlink()
    with pytest.raises(SystemExit) as exit_:
        main(["audit", str(folder), str(other), "--reports", str(tmp_path / "reports")])
    said = f"error: {other}: another data set asked for is named tiny, too; rename one\n"
    assert (exit_.value.code, capsys.readouterr().err) == (2, said)
    assert not (tmp_path / "reports").exists()


def test_a_job_that_another_runner_finishes_while_the_data_are_read_stands(folder, call, tmp_path, monkeypatch):
    store, jobs, real, stamps = Store(tmp_path / "results"), planned(folder), machines.load_once, []

    def load_once(asked):
        local(store).run(jobs)
        stamps.append(store.stamp(jobs[0].job))
        return real(asked)

    monkeypatch.setattr(machines, "load_once", load_once)
    flags = ("--models", "BPRMF", "--budget", "smoke", "--gpus", "none", "--jobs", 1, "--threads", 1)
    code, _, _ = call("--datasets", folder, *flags)
    assert (code, [store.stamp(jobs[0].job)]) == (0, stamps)


def test_data_sets_of_one_name_are_called_alike_whoever_writes_the_report(tmp_path):
    """The data were changed, and changed back: nothing runs, and the latest record is of data that are gone."""
    store, reports = Store(tmp_path / "results"), tmp_path / "reports"
    for month, data_hash in enumerate(("0123456789", "abcdefghij"), 1):
        about = {"dataset": "toy", "data_hash": data_hash, "start": f"2024-0{month}-01T00:00:00+00:00"}
        last, _ = [stored(store.root, [1, 50], model, **about) for model in ("BPRMF", "MCLN")]
    here = PlannedJob(job=replace(last.job, data_hash="0123456789"), location="toy", data_dir=None)
    session.report([here], store, reports, {}, ranking=None, studies=["table2"])
    written = (reports / "index.md").read_text()
    rebuild(store.root, reports, studies=tuple(STUDIES.values()))
    assert (reports / "index.md").read_text() == written
    verdict = r"\| toy@01234567, entities, paper, sampled +\| MCLN +\| shows no clear difference from BPRMF +\|"
    assert re.search(verdict, written)


def test_a_job_that_is_to_run_always_starts_anew(call, folder, tmp_path):
    """The state that an earlier start left is no part of what is asked for."""
    store, (one,) = Store(tmp_path / "results"), planned(folder, budget="full")
    pool = local(store, listener=lambda one, event: event.epoch >= 3 and pool.clock.stop())
    assert pool.run([one]) == ["stopped"]
    assert store.checkpoint(one.job).exists()
    flags = ("--datasets", folder, "--models", "BPRMF", "--budget", "full", "--protocols", "clean", "--gpus", "none")
    seen = []

    def tell(self, one, event):
        if event.epoch and not seen:
            seen.append(event.epoch)
            os.kill(os.getpid(), signal.SIGTERM)  # more of the run is not needed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session.Screen, "tell", tell)
        call(*flags, "--threads", 1, "--when", "always")
    assert seen == [1]


def test_when_failed_says_that_none_was(call, folder):
    flags = ("--datasets", folder, "--models", "BPRMF", "--budget", "smoke")
    call(*flags)
    code, out, _ = call(*flags, "--when", "failed")
    assert code == 0
    assert "1 job: 0 to run\n" in out  # whether it is recorded is not asked
    assert "none of them has failed, so --when failed runs nothing" in out


def test_a_dry_run_says_how_long_it_would_take(call):
    """9 s per job by the measured table (30 epochs of 0.267 s, evaluated 6 times); one of two jobs at a time."""
    flags = ("--datasets", "ml-100k", "--models", "VBPR", "--budget", "quick", "--seeds", 0, 1, "--dry-run")
    code, out, _ = call(*flags, "--gpus", "none", "--jobs", 1)
    assert code == 0
    assert "this takes about 16 s, 1 job at a time" in out
    assert "this takes about 8 s, 2 jobs at a time" in call(*flags, "--gpus", "none", "--jobs", 2)[1]


def test_a_folder_that_cannot_be_written_is_read_where_nothing_is_to_run(call, folder, tmp_path, monkeypatch):
    def refuse(folder):
        raise OSError(errno.EROFS, "Read-only file system")

    flags = ("--datasets", folder, "--models", "Pop", "--budget", "smoke", "--seeds")
    assert call(*flags, 0)[0] == 0
    shutil.rmtree(tmp_path / "reports")
    monkeypatch.setattr("bench.store.store.try_writing", refuse)
    code, out, _ = call(*flags, 0)
    assert (code, "nothing to run" in out) == (0, True)
    assert (tmp_path / "reports/index.md").exists()
    code, _, error = call(*flags, 0, 1)
    assert (code, "results cannot be written (Read-only file system)" in error) == (2, True)


def log_of(tmp_path, model: str) -> str:
    """What a job has said so far; a line per stage and per evaluation."""
    return "".join(path.read_text() for path in (tmp_path / "results/tiny" / model).glob("*.log"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_in_good_order(call, folder, tmp_path, number):
    """VBPR has a record; BPRMF is at work when the signal comes, and goes on at the next start."""
    store = Store(tmp_path / "results")
    assert local(store).run(planned(folder, models=["VBPR"])) == ["done"]
    flags = ("--models", "BPRMF", "--budget", "standard", "--seeds", "0", "1")
    runner = start(folder, tmp_path, *flags)
    until(lambda: "epoch" in log_of(tmp_path, "BPRMF"))
    assert log_of(tmp_path, "BPRMF").startswith("loading\nepoch ")
    jobs = jobs_of(runner)
    runner.send_signal(number)
    out, _ = runner.communicate()
    assert runner.returncode == 128 + number, out
    assert "Traceback" not in out
    until(lambda: not [pid for pid in jobs if Path(f"/proc/{pid}").exists()])
    assert not list((tmp_path / "results").glob("*/*/*.lock"))
    assert len(list((tmp_path / "results").glob("*/*/*.checkpoint"))) == 1
    assert "VBPR" in (tmp_path / "reports/clean-smoke/table2-sampled.md").read_text()
    if number == signal.SIGTERM:
        assert call("--datasets", folder, "--protocols", "clean", *flags)[0] == 0
        assert len(records(tmp_path)) == 3
        assert not list((tmp_path / "results").glob("*/*/*.checkpoint"))


def test_a_closed_terminal_ends_the_run_in_good_order(folder, tmp_path):
    """What the program prints after that goes nowhere; its tables are written all the same."""
    ours, theirs = pty.openpty()
    pipes = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "text": False, "start_new_session": True}
    runner = start(folder, tmp_path, "--models", "BPRMF", "--budget", "full", preexec_fn=own_terminal, **pipes)
    os.close(theirs)
    until(lambda: os.read(ours, 10**5) and "epoch" in log_of(tmp_path, "BPRMF"))
    os.close(ours)  # which sends SIGHUP to the whole group
    assert runner.wait() == 129
    assert not list((tmp_path / "results").glob("*/*/*.lock"))
    assert (tmp_path / "reports/index.md").exists()


def own_terminal() -> None:
    """Make standard input the terminal that the process is controlled by."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_time_limit_ends_the_run_in_good_order_and_the_next_start_ends_it(call, folder, tmp_path):
    """However slow the machine is: what had no time is left for the next start."""
    flags = ("--models", "BPRMF", "--budget", "standard", "--seeds", "0", "1", "2")
    first = start(folder, tmp_path, *flags, "--time-limit", "5")
    out, _ = first.communicate()
    assert first.returncode == 124, out
    assert "ended early; run the same command again to go on" in out
    assert (tmp_path / "reports/index.md").exists()
    assert not list((tmp_path / "results").glob("*/*/*.lock"))
    assert call("--datasets", folder, "--protocols", "clean", *flags)[0] == 0
    assert len(records(tmp_path)) == 3
    longer = ("--models", "BPRMF", "--budget", "full", "--seeds", "0", "1", "2", "--jobs", "1")
    again = call("--datasets", folder, "--protocols", "clean", *longer, "--when", "always", "--time-limit", "1")
    assert again[0] == 124
    assert "to run only what has no record, leave out --when always" in again[1]


def test_a_folder_in_the_place_of_a_checkpoint_is_named(call, folder, tmp_path):
    flags = ("--datasets", folder, "--models", "Pop", "--protocols", "clean", "--budget", "smoke")
    assert call(*flags)[0] == 0
    (path,) = (tmp_path / "results").glob("*/*/*.json")
    path.with_suffix(".checkpoint").mkdir()
    code, _, error = call(*flags, "--when", "always")
    assert (code, f"Is a directory: {path.with_suffix('.checkpoint')}" in error) == (2, True)
