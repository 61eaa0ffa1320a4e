"""Many jobs: each once, whoever runs them; tried again where that helps; recorded, however it ended."""

import threading
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

from bench.run.clock import Clock
from bench.run.events import ELSEWHERE, Event
from bench.run.pool import Outcome, Pool
from bench.run.slots import Slots
from bench.spec import BenchError
from tests.run.made import Scripted, toy
from tests.run.storm import until
from tests.store.made import record


def scripted(store, act=None, *, jobs=1, **more) -> Pool:
    return Pool(executor=Scripted(store, act), slots=Slots(cpus=jobs), **more)


def test_states_come_in_the_order_asked_for_and_events_in_that_of_their_job(store):
    told = []
    pool = scripted(store, jobs=3, listener=lambda one, event: told.append((one.job.seed, event)))
    jobs = [toy(seed=seed) for seed in range(3)]
    assert pool.run(jobs) == ["done"] * 3
    for seed in range(3):
        assert [event for told_seed, event in told if told_seed == seed] == [Event(device="CPU"), Event(state="done")]


def test_a_killed_job_is_tried_once_more_and_then_has_failed(store):
    pool = scripted(store, lambda one, attempt: Outcome(reason="killed", is_killed=True))
    assert pool.run([toy()]) == ["failed"]
    assert pool.executor.attempts == {toy().job.key: 2}
    assert store.find(toy().job).reason == "killed"
    assert store.find(toy().job).seconds["spent"] >= 0


def test_what_a_killed_job_was_planned_with_and_spent_in_all_its_tries_is_kept(store, monkeypatch):
    """The clock is asked when a try begins and when it ends: 3 s and 4 s."""
    times = iter([10.0, 13.0, 20.0, 24.0])
    monkeypatch.setattr("bench.run.pool.time.perf_counter", lambda: next(times))
    one = replace(toy(), facts={"tuning.trials": 3})
    assert scripted(store, lambda planned, attempt: Outcome(is_killed=True)).run([one]) == ["failed"]
    found = store.find(one.job)
    assert (found.facts, found.seconds) == ({"tuning.trials": 3}, {"spent": 7.0})


def test_a_job_that_failed_is_not_tried_again(store):
    pool = scripted(store, lambda one, attempt: Outcome(reason="process ended with exit code 3"))
    assert pool.run([toy()]) == ["failed"]
    assert pool.executor.attempts == {toy().job.key: 1}


def test_a_second_attempt_may_succeed(store):
    def act(one, attempt):
        return Outcome(is_killed=True) if attempt == 1 else pool.executor.finish(one, attempt)

    pool = scripted(store, act)
    assert pool.run([toy()]) == ["done"]


def test_what_a_killed_job_was_writing_goes_with_it(store):
    def act(one, attempt):
        if attempt == 2:
            return pool.executor.finish(one, attempt)
        path = store.path(one.job)
        path.with_name(f".{path.name}.0a1b2c3d.json").write_text("{")
        return Outcome(is_killed=True)

    pool = scripted(store, act)
    assert pool.run([toy()]) == ["done"]
    assert [path.name for path in store.path(toy().job).parent.glob("*.json")] == [f"{toy().job.key}.json"]


@pytest.mark.parametrize(
    "reason",
    [
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 8 GiB",
        "AcceleratorError: CUDA error: out of memory",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "RuntimeError: CUDA driver error: out of memory",
        "RuntimeError: CUDA error: insufficient resources when calling `cusparseSDDMM(...)`",
    ],
)
def test_out_of_memory_on_a_shared_gpu_is_tried_again_alone(store, reason):
    def act(one, attempt):
        if attempt == 1:
            short = record(job=one.job).model_copy(update={"status": "failed", "reason": reason})
            return Outcome(record=short)
        return pool.executor.finish(one, attempt)

    pool = scripted(store, act)
    pool.slots = Slots(cpus=1, gpus={"0": 8000.0}, per_gpu=4)
    assert pool.run([toy()]) == ["done"]
    assert pool.slots.free == {"0": 8000.0}


def test_jobs_that_follow_run_in_the_place_of_the_first(store):
    def follow(one):
        return toy(seed=one.job.seed + 1) if one.job.seed < 3 else None

    assert scripted(store, follow=follow).run([toy()]) == ["done"]
    assert sorted(r.job.seed for r in store.records()) == [0, 1, 2, 3]


def test_what_cannot_be_written_ends_the_run(store):
    def act(one, attempt):
        raise BenchError("the disk is full")

    pool = scripted(store, act)
    with pytest.raises(BenchError, match="the disk is full"):
        pool.run([toy(seed=seed) for seed in range(3)])
    assert sum(pool.executor.attempts.values()) == 1
    assert pool.executor.killed


def test_a_checkpoint_goes_with_the_finished_record(store):
    def act(one, attempt):
        store.checkpoint(one.job).write_text("x")
        return pool.executor.finish(one, attempt)

    pool = scripted(store, act)
    assert pool.run([toy()]) == ["done"]
    assert not store.checkpoint(toy().job).exists()


def test_the_checkpoint_of_a_skipped_job_goes_too(store):
    def act(one, attempt):
        store.checkpoint(one.job).write_text("x")
        store.write(record(job=one.job).model_copy(update={"status": "skipped", "metrics": {}, "reason": "pruned"}))
        return Outcome(record=store.find(one.job))

    assert scripted(store, act).run([toy()]) == ["skipped"]
    assert not store.checkpoint(toy().job).exists()


def test_what_has_the_place_of_a_file_and_cannot_be_removed_fails_no_job(store):
    half = store.path(toy().job).with_name(f".{toy().job.key}.json")
    for path in (store.checkpoint(toy().job), half):
        path.mkdir(parents=True)
    assert scripted(store).run([toy()]) == ["done"]


def test_a_job_that_died_is_recorded_although_its_log_cannot_be_read(store):
    def act(one, attempt):
        store.log(one.job).unlink()
        store.log(one.job).mkdir()
        return Outcome(reason="died")

    assert scripted(store, act).run([toy()]) == ["failed"]
    assert store.find(toy().job).reason == "died"


def test_a_job_that_has_no_time_is_left(store):
    half_over = Clock(limit=600.0, begun=time.monotonic() - 300)
    pool = scripted(store, clock=half_over, estimate=lambda job: 300.0)
    assert pool.run([toy()]) == ["left"]
    assert store.records() == []
    assert scripted(store, clock=half_over, estimate=lambda job: 5.0).run([toy()]) == ["done"]


def test_a_job_that_waited_for_its_slot_until_there_is_no_time_left_is_not_begun(store):
    """Both are expected to take 300 of 540 s; the second one's GPU becomes free when 400 s are over."""
    clock = Clock(limit=600.0)
    begun = clock.begun

    def act(one, attempt):
        until(lambda: pool.slots.line or clock.begun < begun)
        clock.begun -= 400
        return pool.executor.finish(one, attempt)

    told = []
    pool = scripted(store, act, clock=clock, estimate=lambda job: 300.0, listener=lambda one, event: told.append(event))
    pool.slots = Slots(cpus=1, gpus={"0": 8000.0})
    assert sorted(pool.run([toy(seed=seed) for seed in range(2)])) == ["done", "left"]
    assert told == [Event(device="CPU"), Event(state="done")]
    assert len(list(store.root.glob("*/*/*.log"))) == 1


def test_a_job_that_was_waiting_for_its_slot_when_the_run_stops_is_not_begun(store):
    def act(one, attempt):
        until(lambda: len(pool.slots.line) == 2 or pool.clock.is_stopping)
        pool.clock.stop()
        return pool.executor.finish(one, attempt)

    pool = scripted(store, act)
    pool.slots = Slots(cpus=1, gpus={"0": 8000.0})
    assert sorted(pool.run([toy(seed=seed) for seed in range(3)])) == ["done", "left", "left"]


def test_a_job_that_stops_early_leaves_no_record_and_its_state(store):
    def act(one, attempt):
        store.checkpoint(one.job).write_text("x")
        return Outcome(is_stopped=True)

    told = []
    pool = scripted(store, act, listener=lambda one, event: told.append(event))
    assert pool.run([toy()]) == ["stopped"]
    assert told == [Event(device="CPU"), Event(state="stopped")]
    assert store.records() == []
    assert store.checkpoint(toy().job).exists()


def test_a_run_that_stops_starts_no_further_job(store):
    def act(one, attempt):
        pool.clock.stop()
        return pool.executor.finish(one, attempt)

    pool = scripted(store, act)
    assert sorted(pool.run([toy(seed=seed) for seed in range(3)])) == ["done", "left", "left"]


def test_a_record_that_is_deleted_while_its_job_waits(store):
    jobs = [toy(seed=seed) for seed in range(2)]
    for one in jobs:
        store.write(record(job=one.job).model_copy(update={"status": "failed", "reason": "x"}))

    def listener(one, event):
        if one.job.seed == 0 and event.device:
            store.path(jobs[1].job).unlink()

    assert scripted(store, listener=listener).run(jobs) == ["done", "done"]


def test_weights_that_another_runner_did_not_keep_are_made(store):
    """Its record came between the plan and the lock; it is done, but for the weights that are asked for here."""
    for keep, attempts in ((False, {}), (True, {toy().job.key: 1})):
        work, executor = replace(toy(), keep_weights=keep), Scripted(store)
        store.write(record(job=work.job))
        pool = Pool(executor=executor, slots=Slots(cpus=1), stamps={work.job.key: None})
        assert pool.run([work]) == ["done"]
        assert executor.attempts == attempts


def test_jobs_of_a_runner_that_stopped_are_taken_over_side_by_side(store):
    """All four are at work at the same time, or the barrier would break."""
    jobs, together = [toy(seed=seed) for seed in range(4)], threading.Barrier(4, timeout=60)

    def act(one, attempt):
        together.wait()
        return pool.executor.finish(one, attempt)

    told = []
    pool = scripted(store, act, jobs=4, listener=lambda one, event: told.append(event.stage))
    with ExitStack() as theirs:
        for one in jobs:
            assert theirs.enter_context(store.lock(one.job))
        threading.Timer(1.0, theirs.pop_all().close).start()
    assert pool.run(jobs) == ["done"] * 4
    assert told.count(ELSEWHERE) == 4  # each once, however long it lasts
