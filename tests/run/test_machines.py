"""What is read and said of the data before any job starts."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from bench.run import machines, plan
from bench.run.estimates import Estimates
from bench.run.machines import Machines, load_once
from bench.run.slots import Slots
from bench.spec import BenchError
from bench.store.store import Store
from tests.store.made import record


@pytest.fixture
def whole(folder) -> Path:
    """The folder with two more users, through whom every item occurs."""
    more = {40: range(100), 41: range(50, 150)}
    lines = [f"{user} {' '.join(map(str, items))}\n" for user, items in more.items()]
    (folder / "train.txt").write_text((folder / "train.txt").read_text() + "".join(lines))
    return folder


def planned(folder, **more):
    return plan.jobs(plan.Request(datasets=[str(folder)], models=["BPRMF", "Pop"], budget="smoke", **more))


def test_oddities_of_the_data_are_said_once(whole, capsys):
    (whole / "train.txt").write_text((whole / "train.txt").read_text() + "50 1 2\n")
    (whole / "image_features.npy").write_bytes(b"")
    jobs = planned(whole, protocols=["clean", "paper"], seeds=[0, 1])
    assert list(load_once(jobs).values()) == [442]
    assert capsys.readouterr().out == (
        "data set tiny: image_features.npy is not read; to use it, rename it image_feat.npy; user ids below the "
        "largest that never occur: 8; they are left out, and the users numbered anew\n"
    )


def test_nothing_is_said_of_data_without_oddities(whole, capsys):
    load_once(planned(whole))
    assert capsys.readouterr().out == ""


def test_users_who_have_met_everything_are_counted(folder, capsys):
    (folder / "train.txt").write_text((folder / "train.txt").read_text() + f"\n40 {' '.join(map(str, range(150)))}\n")
    load_once(planned(folder))
    assert (
        "data set tiny: 1 user with every item in train, for whom no negative can be drawn" in capsys.readouterr().out
    )


def test_each_protocol_judges(folder):
    (folder / "validation.txt").write_text("0\n")
    assert load_once(planned(folder, protocols=["paper"]))
    with pytest.raises(BenchError, match="protocol clean: there is no pair to choose the epoch by"):
        load_once(planned(folder, protocols=["paper", "clean"]))


def test_files_that_change_after_the_plan(folder):
    jobs = planned(folder)
    with pytest.raises(BenchError, match="the files changed since the job was planned"):
        load_once([replace(jobs[0], job=replace(jobs[0].job, data_hash="0" * 64))])


@pytest.mark.parametrize(
    ("flags", "gpus", "is_known"),
    [({}, {}, True), ({}, {"0": 8000.0}, False), ({"cluster": "tcp://127.0.0.1:1"}, {}, False)],
)
def test_seconds_that_were_measured_on_a_cpu_are_taken_for_a_cpu_alone(
    folder, tmp_path, monkeypatch, flags, gpus, is_known
):
    monkeypatch.setattr(machines, "find_gpus", lambda text: gpus)
    (bprmf, _) = planned(folder)
    slots, estimate = Machines(**flags).look_ahead([bprmf], Store(tmp_path))
    assert (slots.gpus, math.isfinite(estimate(bprmf.job))) == (gpus, is_known)


def test_a_cpu_is_not_expected_to_take_as_long_as_a_gpu_took(folder, tmp_path, monkeypatch):
    (bprmf, _), store = planned(folder), Store(tmp_path)
    there = {"provenance": {"device": "NVIDIA"}, "facts": {"peak_memory_mib": 100.0}}
    store.write(record(job=replace(bprmf.job, seed=1), seconds={"train": 5000.0}, **there))
    for gpus, is_as_long in (({"0": 8000.0}, True), ({}, False)):
        monkeypatch.setattr(machines, "find_gpus", lambda text, gpus=gpus: gpus)
        _, estimate = Machines().look_ahead([bprmf], store)
        assert (estimate(bprmf.job) == 5000.0) == is_as_long


def test_a_gpu_is_not_expected_to_take_as_long_as_a_cpu_took(folder, tmp_path, monkeypatch):
    """Else a run with a time limit would not start jobs for which a GPU has time enough. Floors run on the CPU."""
    (bprmf, pop), store = planned(folder, protocols=["clean"]), Store(tmp_path)
    for one in (bprmf, pop):
        store.write(record(job=replace(one.job, seed=1), seconds={"train": 5000.0}, provenance={"device": "cpu"}))
    monkeypatch.setattr(machines, "find_gpus", lambda text: {"0": 8000.0})
    _, estimate = Machines().look_ahead([bprmf, pop], store)
    assert [estimate(one.job) for one in (bprmf, pop)] == [math.inf, 5000.0]


class Minutes(Estimates):
    """Every job takes a minute."""

    def __call__(self, job):
        return 60.0


@pytest.mark.parametrize(
    ("cluster", "text"),
    [(None, "60 s, 2 jobs at a time"), ("tcp://127.0.0.1:1", "2 min, one job after another")],
)
def test_how_many_jobs_the_workers_of_a_cluster_take_is_not_known(folder, capsys, cluster, text):
    jobs = planned(folder)
    Machines(cluster=cluster).say(Minutes([]), jobs, Slots(cpus=2))
    said = f"this takes about {text}, as long as similar jobs took, or else with all epochs\n"
    assert capsys.readouterr().out == said
