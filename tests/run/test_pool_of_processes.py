"""Jobs in processes of their own: two runners, killed jobs, and runs that are stopped and go on."""

import os
import threading
import time
from dataclasses import replace

from bench.run.due import is_due
from bench.store.store import Store
from tests.run.made import local, planned


def test_two_runners_on_one_folder_do_every_job_once(folder, tmp_path):
    jobs, starts, states = planned(folder, models=["BPRMF", "VBPR"], seeds=[0, 1]), [], {}

    def listener(one, event):
        if event.device:
            starts.append(one.job.key)

    def run(name):
        states[name] = local(Store(tmp_path / "results"), listener=listener).run(jobs)

    runners = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    [runner.start() for runner in runners]
    [runner.join() for runner in runners]
    assert states == {"a": ["done"] * 4, "b": ["done"] * 4}
    assert sorted(starts) == sorted(one.job.key for one in jobs)


def test_code_that_changed_since_the_plan_does_not_run_under_its_key(folder, store):
    (one,) = planned(folder)
    stale = replace(one, job=replace(one.job, source="0" * 12))
    assert local(store).run([stale]) == ["failed"]
    assert store.find(stale.job).reason == "BPRMF: its code changed since the job was planned; start again"


def test_a_failed_attempt_leaves_the_finished_record(folder, store):
    """As with --when always: what stood is worth more than why it could not be made again."""
    jobs = planned(folder)
    assert local(store).run(jobs) == ["done"]
    before = store.find(jobs[0].job)
    assert local(store, timeout=0.01).run(jobs) == ["failed"]
    assert store.find(jobs[0].job) == before


def test_a_killed_job_costs_only_itself(folder, store):
    long, short = planned(folder, budget="full")[0], planned(folder, models=["LightGCN"])[0]

    def kill(one, event):
        if one is long and event.epoch:
            kill_process(pool, one)

    pool = local(store, jobs=2, listener=kill)
    assert pool.run([long, short]) == ["failed", "done"]
    found = store.find(long.job)
    assert found.reason.startswith("process killed by SIGKILL")
    assert (store.root / found.log).exists()
    assert [is_due(store, one, when="missing") for one in (long, short)] == [True, False]
    assert [is_due(store, one, when="failed") for one in (long, short)] == [True, False]


def test_a_job_killed_once_goes_on_from_its_checkpoint(folder, tmp_path):
    """The second attempt continues: the same record as that of a job never killed."""
    (one,) = planned(folder, budget="quick")
    whole, cut, epochs = Store(tmp_path / "whole"), Store(tmp_path / "cut"), []

    def kill_at_ten(one, event):
        if event.epoch:
            epochs.append(event.epoch)
            if epochs.count(10) == 1 and event.epoch == 10:
                kill_process(pool, one)

    pool = local(cut, checkpoint_every=4, listener=kill_at_ten)
    assert pool.run([one]) == local(whole).run([one]) == ["done"]
    assert epochs.count(1) == 1  # it did not start anew
    assert_equal(cut, whole, one.job)
    # a kill in the middle of a write leaves a hidden half, which the next start sweeps away
    assert not list(cut.root.glob("*/*/[!.]*.checkpoint")) + list(cut.root.glob("*/*/*.lock"))


def kill_process(pool, one) -> None:
    if one.job.key in pool.executor.live:
        process, _ = pool.executor.live[one.job.key]
        os.kill(process.pid, 9)


def assert_equal(some: Store, other: Store, job) -> None:
    """Two records of one job agree to the bit, ranks included."""
    one, two = some.find(job), other.find(job)
    assert one.metrics == two.metrics
    assert [e["loss"] for e in one.curve] == [e["loss"] for e in two.curve]
    assert some.ranks(job).equals(other.ranks(job))


def of_epochs(one, n: int):
    """The job with a budget of ``n`` epochs."""
    budget = replace(one.job.budget, epochs=n, eval_every=20)
    return replace(one, job=replace(one.job, budget=budget))


def test_three_short_starts_make_what_one_long_start_makes(folder, tmp_path):
    """Each start is stopped after some epochs, without a checkpoint being due; nothing is lost, nothing differs."""
    one = of_epochs(planned(folder)[0], 600)
    whole, cut, firsts = Store(tmp_path / "whole"), Store(tmp_path / "cut"), []

    def run(last: int) -> list[str]:
        heard = []

        def listener(one, event):
            if event.epoch:
                heard.append(event.epoch)
            if event.epoch >= last:
                pool.clock.stop()

        pool = local(cut, listener=listener)
        states = pool.run([one])
        firsts.append(heard[0])
        return states

    assert [run(3), run(200), run(10**6)] == [["stopped"], ["stopped"], ["done"]]
    assert firsts[0] == 1 < firsts[1] < firsts[2]  # each went on
    assert local(whole).run([one]) == ["done"]
    assert_equal(cut, whole, one.job)


def test_a_deadline_is_kept_by_the_job_itself(folder, store):
    """Nobody asks it: it sees that another epoch would end too late, and writes its state."""
    long = of_epochs(planned(folder)[0], 10**8)
    assert local(store, deadline=time.monotonic() + 2).run([long]) == ["stopped"]
    assert store.records() == []
    assert store.checkpoint(long.job).exists()
