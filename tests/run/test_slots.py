"""Slots on simulated GPUs, by hand; what a real one would do is not measured here."""

import dataclasses
import threading

import pytest

from bench.run import slots
from bench.run.slots import Slot, Slots
from bench.spec import PROTOCOLS
from tests.run.made import toy
from tests.store.made import job, record


def work(model="BPRMF", **more):
    return toy(model=model, **more)


def done(model, seconds, *, peak=100.0, device="NVIDIA", **more):
    facts = {"facts": {"peak_memory_mib": peak}, "provenance": {"device": device}}
    return record(job=job(model=model, **more), seconds={"train": seconds}, **facts)


def waits(call) -> bool:
    """Whether ``call`` is still waiting after a moment."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(0.2)
    return thread.is_alive()


def test_without_a_gpu_jobs_are_counted():
    places = Slots(cpus=2)
    with places.taken(work()) as first:
        assert first == places.take(work(seed=1)) == Slot("", 0.0)
        assert waits(lambda: places.take(work(seed=2)))


def test_the_first_of_a_kind_has_the_gpu_to_itself_the_next_share_it():
    """Peak 1,000 MiB needs 1.2 * 1000 + 600 = 1,800: five fit into 10,000, not six."""
    places = Slots(cpus=1, gpus={"0": 10_000.0})
    with places.taken(work()) as first:
        assert first == Slot("0", 10_000.0)
        places.learn(first, done("BPRMF", 1.0, peak=1000.0))
    assert [places.take(work(seed=s)).mib for s in range(1, 6)] == [1800.0] * 5
    assert waits(lambda: places.take(work(seed=6)))
    assert waits(lambda: places.take(work("LightGCN")))  # never measured: it waits for a GPU of its own


def test_jobs_spread_over_gpus_and_a_given_count_bounds_them():
    places = Slots(cpus=1, gpus={"0": 8000.0, "1": 8000.0}, per_gpu=2)
    taken = [places.take(work(seed=s)).gpu for s in range(4)]
    assert sorted(taken) == ["0", "0", "1", "1"]
    assert taken[:2] in (["0", "1"], ["1", "0"])
    assert waits(lambda: places.take(work(seed=4)))


def test_how_many_run_together_by_their_memory():
    """Each has a GPU to itself before its kind was measured; then 1.2 * 2000 + 600 of 9,000 MiB, so that 3 fit."""
    jobs, gpus = [work(seed=s) for s in range(9)], {"0": 9000.0, "1": 9000.0}
    assert Slots(cpus=8, gpus=gpus).together(jobs) == 2
    assert Slots(cpus=8, gpus=gpus, measured={slots.kind(job()): 2000.0}).together([work("Pop"), *jobs]) == 6
    assert Slots(cpus=8, gpus=gpus, per_gpu=3).together(jobs) == 6
    assert Slots(cpus=8, total=1, gpus=gpus, per_gpu=3).together(jobs) == 1
    assert Slots(cpus=8, gpus={"0": 0.0}).together(jobs) == 1  # all of it is taken
    assert Slots(cpus=8, gpus=gpus).together([work("Pop")]) == Slots(cpus=8).together(jobs) == 8


def test_floors_stay_on_the_cpu_beside_the_gpus():
    places = Slots(cpus=1, gpus={"0": 8000.0})
    assert places.take(work("Pop")).gpu == ""
    assert places.take(work()).gpu == "0"


def test_after_running_out_of_memory_a_job_is_alone():
    places = Slots(cpus=1, gpus={"0": 8000.0}, per_gpu=4)
    assert places.take(work(), alone=True) == Slot("0", 8000.0)


def test_memory_measured_before_counts_from_the_start():
    records = [done("BPRMF", 1.0, peak=500.0), done("VBPR", 1.0, peak=900.0, device="cpu")]
    assert slots.measured(records) == {slots.kind(work().job): 500.0}  # a CPU's memory says nothing


def test_a_kind_is_of_one_content_and_of_any_rates():
    places = Slots(cpus=1, gpus={"0": 8000.0})
    kind = {"features": "none", "data_hash": "n", "hyper": {"reg_weight": 0.1}}
    first, first_done = work("VBPR", **kind), done("VBPR", 1.0, peak=50.0, **kind)
    with places.taken(first) as slot:
        places.learn(slot, first_done)
    other = work("VBPR", features="none", data_hash="n", hyper={"reg_weight": 0.2})
    assert places.need(other, "0") == pytest.approx(660)  # 1.2 * 50 + 600
    assert places.need(work("VBPR", features="deep", data_hash="d"), "0") == 8000


def test_the_largest_peak_of_a_kind_counts_and_a_protocol_is_another_kind():
    places = Slots(cpus=1, gpus={"0": 8000.0})
    for peak in (1000.0, 500.0):
        with places.taken(work()) as slot:
            places.learn(slot, done("BPRMF", 1.0, peak=peak))
    assert places.measured == {slots.kind(work().job): 1000.0}
    assert slots.kind(dataclasses.replace(work().job, protocol=PROTOCOLS["paper"])) != slots.kind(work().job)


def test_a_job_known_to_be_too_large_is_not_given_the_small_gpu():
    places = Slots(cpus=1, gpus={"0": 80_000.0, "1": 24_000.0}, measured={slots.kind(job()): 50_000.0})
    assert places.take(work()).gpu == "0"
    assert waits(lambda: places.take(work(seed=1)))


def test_a_second_try_alone_has_one_of_the_largest_gpus():
    places = Slots(cpus=1, gpus={"0": 80_000.0, "1": 300.0})
    assert places.take(work(), alone=True).gpu == "0"
    assert waits(lambda: places.take(work(seed=1), alone=True))


def test_a_job_that_needs_a_whole_gpu_is_not_overtaken():
    places = Slots(cpus=1, gpus={"0": 8000.0}, measured={slots.kind(job()): 500.0})
    with places.taken(work()):
        assert waits(lambda: places.take(work("LightGCN")))
        assert waits(lambda: places.take(work(seed=1)))  # it would fit, and stands behind in line


def test_jobs_bounds_all_that_run_at_a_time():
    assert Slots(cpus=1, total=1, gpus={"0": 8000.0, "1": 8000.0}).most == 1
    assert Slots(cpus=3, gpus={"0": 8000.0}, per_gpu=2).most == 5
