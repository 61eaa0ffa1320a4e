"""Moments in between: two runners on one folder, files that go, processes that end at the wrong time."""

import fcntl
import os
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bench import session
from bench.run import plan, pool
from bench.run.pool import Pool
from bench.run.slots import Slots
from bench.store.store import Store
from tests.store.test_store import job, record


def request(folder, **more):
    return plan.Request(datasets=[str(folder)], models=["BPRMF"], budget="smoke", protocols=["clean"], **more)


def toy(**more):
    return plan.PlannedJob(job=job(**more), location="toy", data_dir=None)


def one_at_a_time(store, **more):
    return Pool(store=store, slots=Slots(cpus=1), threads=1, **more)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


@pytest.fixture
def cold(monkeypatch):
    monkeypatch.setattr(Pool, "warm", lambda self: None)


def test_code_that_changed_since_the_plan_does_not_run_under_its_key(folder, store):
    (work,) = plan.jobs(request(folder))
    stale = replace(work, job=replace(work.job, source="0" * 12))
    assert one_at_a_time(store).run([stale]) == ["failed"]
    assert store.find(stale.job).reason == "BPRMF: its code changed since the job was planned; start again"


def test_a_sweep_passes_over_a_lock_that_goes_meanwhile(store, monkeypatch):
    store.write(record())
    lock, listed = store.path(job()).with_suffix(".lock"), Path.glob
    lock.write_text("")

    def glob(self, pattern):
        found = list(listed(self, pattern))
        if pattern.endswith(".lock"):
            lock.unlink()
        return found

    monkeypatch.setattr(Path, "glob", glob)
    store.sweep()
    assert not lock.exists()


def test_a_sweep_leaves_the_lock_of_who_took_over_meanwhile(store, monkeypatch):
    store.write(record())
    first, second, real = store.lock(job()), store.lock(job()), fcntl.flock
    assert first.__enter__()
    taken = []

    def flock(handle, how):
        if not taken:
            taken.append(True)
            first.__exit__(None, None, None)
            assert second.__enter__()
        return real(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    store.sweep()
    with store.lock(job()) as is_ours:
        assert not is_ours
    second.__exit__(None, None, None)


def test_a_record_that_is_deleted_while_its_job_waits(folder, store):
    works = plan.jobs(request(folder, seeds=[0, 1]))
    for work in works:
        store.write(record(job=work.job).model_copy(update={"status": "failed", "reason": "x"}))

    def tell(work, event):
        if work.job.seed == 0 and event.get("state") == "started":
            store.path(works[1].job).unlink()

    assert one_at_a_time(store, tell=tell).run(works) == ["done", "done"]


def test_a_job_that_another_runner_finishes_while_the_data_are_read_stands(folder, store, call, monkeypatch):
    works, real, stamps = plan.jobs(request(folder)), session.load_once, []

    def load_once(asked):
        real(asked)
        one_at_a_time(store).run(works)
        stamps.append(store.stamp(works[0].job))

    monkeypatch.setattr(session, "load_once", load_once)
    flags = ("--models", "BPRMF", "--budget", "smoke", "--gpus", "none", "--jobs", 1, "--threads", 1)
    code, _, _ = call("--datasets", folder, *flags)
    assert (code, [store.stamp(works[0].job)]) == (0, stamps)


def test_jobs_of_a_runner_that_stopped_are_taken_over_side_by_side(store, monkeypatch, cold):
    works = [toy(seed=seed) for seed in range(4)]
    at_work, most, guard = [], [], threading.Lock()

    def run(self, work):
        with guard:
            at_work.append(work)
            most.append(len(at_work))
        time.sleep(0.5)
        with guard:
            at_work.remove(work)
        store.write(record(job=work.job))
        return "done"

    monkeypatch.setattr(Pool, "_run", run)
    with ExitStack() as theirs:
        for work in works:
            assert theirs.enter_context(store.lock(work.job))
        threading.Timer(1.0, theirs.pop_all().close).start()
    assert Pool(store=store, slots=Slots(cpus=4), threads=1).run(works) == ["done"] * 4
    assert max(most) == 4


def test_a_log_that_is_gone_when_its_job_dies(folder, store):
    def tell(work, event):
        if work.job.seed == 0 and event.get("stage") == "loading":
            store.log(work.job).unlink(missing_ok=True)
            os.kill(runner.live[work.job.key].pid, 9)

    runner = one_at_a_time(store, tell=tell)
    assert runner.run(plan.jobs(request(folder, seeds=[0, 1]))) == ["failed", "done"]


def end_amid_a_message(order, runner):
    os.write(runner.fileno(), b"\x00\x00\x00\x64abc")
    os._exit(9)


def test_a_job_that_ends_amid_a_message(folder, store, monkeypatch):
    monkeypatch.setattr(pool, "child_main", end_amid_a_message)
    assert one_at_a_time(store).run(plan.jobs(request(folder))) == ["failed"]


def test_a_process_that_ends_after_its_record_leaves_no_checkpoint(store, monkeypatch, cold):
    def process(self, work, log, slot):
        store.checkpoint(work.job).write_text("x")
        store.write(record(job=work.job))
        return -9, ""

    monkeypatch.setattr(Pool, "_process", process)
    assert one_at_a_time(store).run([toy()]) == ["done"]
    assert not store.checkpoint(job()).exists()


def test_a_failed_attempt_leaves_the_finished_record(folder, store):
    """As with --when always: what stood is worth more than why it could not be made again."""
    works = plan.jobs(request(folder))
    assert one_at_a_time(store).run(works) == ["done"]
    before = store.find(works[0].job)
    assert one_at_a_time(store, timeout=0.01).run(works) == ["failed"]
    assert store.find(works[0].job) == before
