"""The last lines of a run, and its exit code."""

from bench import session
from bench.run.clock import Clock
from bench.store.store import Store
from tests.run.made import local, planned, toy
from tests.store.made import record as done


def test_a_job_that_failed_here_counts_although_another_runner_did_it_since(tmp_path, capsys):
    store, one = Store(tmp_path), toy()
    store.write(done(job=one.job))
    assert session.close([one], {one.job.key: "failed"}, store, Clock(), files="done") == 1
    assert session.close([one], {one.job.key: "done"}, store, Clock(), files="done") == 0
    assert capsys.readouterr().out.startswith("1 failed in 0 s; done")


def test_the_closing_count_is_of_the_records_that_are_there(folder, tmp_path, capsys):
    store, jobs = Store(tmp_path / "results"), planned(folder, models=["BPRMF", "Pop"])
    ended = {one.job.key: state for one, state in zip(jobs, local(store).run(jobs), strict=True)}
    assert session.close(jobs, ended, store, Clock(), files="all is said") == 0
    assert "2 done in 0 s; all is said" in capsys.readouterr().out
    lost = store.path(jobs[1].job)
    lost.unlink()
    assert session.close(jobs, ended, store, Clock(), files="all is said") == 1
    out = capsys.readouterr().out
    assert "1 done, 1 gone in 0 s; all is said" in out
    assert f"gone: {jobs[1].title}: its record was written, but {lost} no longer contains it" in out


def test_only_a_job_that_left_a_state_is_said_to_have_kept_it(folder, tmp_path, capsys):
    store, (one, other) = Store(tmp_path), planned(folder, models=["BPRMF", "Pop"])
    ended = {one.job.key: "stopped", other.job.key: "stopped"}
    store.checkpoint(one.job).parent.mkdir(parents=True)
    store.checkpoint(one.job).touch()
    assert session.close([one, other], ended, store, Clock(), files="done") == Clock().exit_code
    assert capsys.readouterr().out.startswith("1 stopped with its state kept, 1 stopped in 0 s; done\nended early; ")
