"""Jobs on a Dask cluster of real processes on this machine: the same records, whatever dies on the way."""

import dataclasses
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.run import plan
from bench.run.dask import Cluster, connected, with_full_paths
from bench.run.due import is_due
from bench.run.events import Event
from bench.run.pool import Pool
from bench.run.slots import Slots
from bench.store.store import Store
from tests.run.dask_place import Place, jobs_of
from tests.run.made import local, planned
from tests.run.storm import until

ROOT = Path(__file__).parents[2]
ANY = {"gpus": "auto", "jobs_per_gpu": None}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    pytest.importorskip("distributed")
    place = Place(tmp_path_factory.mktemp("dask"))
    for name in ("a", "b"):  # b is killed by the first test; for the others, one is enough
        place.add(name, n_threads=2)
    yield place
    place.close()


@contextmanager
def far(place, store, *, listener=lambda work, event: None, **more):
    """The pool on the workers of ``place``."""
    with connected(place.address, **ANY, store=store, **more) as executor:
        yield Pool(executor=executor, slots=Slots(cpus=9), listener=listener)


def endless(work):
    """``work`` with more epochs than any test waits for."""
    budget = dataclasses.replace(work.job.budget, epochs=10**8, eval_every=10**3)
    return dataclasses.replace(work, job=dataclasses.replace(work.job, budget=budget))


def test_a_worker_killed_mid_job_costs_nothing(place, folder, tmp_path):
    """Four jobs on two workers, one of them killed over its first job: the records are those of a local run."""
    works = planned(folder, models=["BPRMF", "LightGCN"], seeds=[0, 1], budget="quick")
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    assert local(here, jobs=2).run(works) == ["done"] * 4
    devices, cut, ends = {}, [], []

    def kill_b(work, event):
        if event.device:
            devices.setdefault(work.job.key, []).append(event.device)
        if event.state == "done":
            ends.append(work.job.key)
        if event.epoch and not cut and devices[work.job.key][-1] == "b CPU":
            cut.append(work.job.key)
            place.kill("b")

    with far(place, there, listener=kill_b) as pool:
        assert pool.run(works) == ["done"] * 4
    assert [devices[key] for key in cut] == [["b CPU", "a CPU"]]
    assert sorted(ends) == sorted(work.job.key for work in works)  # each told once
    for work in works:
        one, other = here.find(work.job), there.find(work.job)
        assert (one.metrics, one.settings) == (other.metrics, other.settings)
        # the sum of squares in a loss is a BLAS dot product, whose last bit hangs on where the memory lies; no gradient
        # reads it, so weights and ranks are equal to the bit all the same
        assert [e["loss"] for e in one.curve] == pytest.approx([e["loss"] for e in other.curve], rel=1e-6)
        assert here.ranks(work.job).equals(there.ranks(work.job))
        assert set(other.provenance) == set(one.provenance)
    assert {p.suffix for p in there.root.glob("*/*/*")} == {".json", ".parquet", ".log"}


def test_stopping_ends_the_jobs_on_the_workers(place, folder, tmp_path):
    works = [endless(work) for work in planned(folder, models=["BPRMF", "LightGCN"])]
    store, at_work = Store(tmp_path / "results"), []

    def interrupt(work, event):
        if event.epoch and not pool.clock.is_stopping:
            at_work.extend(jobs_of(place))
            os.kill(os.getpid(), signal.SIGINT)  # what Ctrl-C sends

    with far(place, store, listener=interrupt) as pool:
        assert pool.run(works) == ["stopped", "stopped"]
    assert store.records() == []
    assert at_work
    until(lambda: jobs_of(place) == [])


def test_a_caller_that_dies_leaves_no_job_behind(place, tmp_path):
    flags = ["--datasets", "ml-100k", "--models", "MCLN", "--budget", "full", "--cluster", place.address]  # minutes
    flags += ["--results", tmp_path / "results", "--reports", tmp_path / "reports"]
    command = [sys.executable, ROOT / "run_all.py", *flags]
    caller = subprocess.Popen(list(map(str, command)), cwd=ROOT, stdout=subprocess.DEVNULL)
    until(lambda: jobs_of(place))
    caller.kill()
    caller.wait()
    until(lambda: jobs_of(place) == [])


def test_time_limits_and_failures_are_those_of_the_workers(place, folder, tmp_path):
    late = endless(*planned(folder))
    (broken,) = planned(folder, hyper={"learning_rate": 1e38}, budget="quick")
    store = Store(tmp_path / "results")
    for work, limit in ((late, 1.0), (broken, None)):
        with far(place, store, timeout=limit) as pool:
            assert pool.run([work]) == ["failed"]
    assert store.find(late.job).reason == "timeout: over 1 s"
    record = store.find(broken.job)
    assert "Diverged" in record.traceback
    assert "Traceback" in (store.root / record.log).read_text()


def test_the_whole_line_from_the_flag_to_the_tables(place, folder, call, tmp_path):
    flags = ("--datasets", folder, "--models", "BPRMF", "Pop", "--budget", "smoke", "--protocols", "clean")
    code, out, _ = call(*flags, "--cluster", place.address)
    assert (code, "jobs at a time" in out) == (0, True)
    assert "2 jobs: 0 to run" in call(*flags)[1]  # the records stand for a local run as well


def test_an_address_without_a_port_is_one_error(folder, tmp_path):
    pytest.importorskip("distributed")
    command = [
        sys.executable,
        "-m",
        "bench",
        "run",
        "--datasets",
        folder,
        "--models",
        "BPRMF",
        "--cluster",
        "somewhere",
    ]
    ended = subprocess.run([*command, "--results", tmp_path], capture_output=True, text=True)
    said = "error: no Dask scheduler answers at --cluster somewhere (missing port number in address 'somewhere'); "
    said += "start one: dask scheduler\n"
    assert (ended.returncode, ended.stderr) == (2, said)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--cluster", "tcp://127.0.0.1:1"], "no Dask scheduler answers at --cluster tcp://127.0.0.1:1"),
        (["--cluster", "nowhere://x"], "no Dask scheduler answers at --cluster nowhere://x"),
        (["--cluster", "tcp://127.0.0.1:1", "--gpus", "0"], "use --gpus auto or none"),
        (["--cluster", "tcp://127.0.0.1:1", "--jobs-per-gpu", "2"], "--resources GPU=N"),
    ],
)
def test_mistakes(call, folder, flags, message, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("bench.run.dask.ANSWER", 1)
    code, _, error = call("--datasets", folder, "--models", "BPRMF", *flags)
    assert (code, error.count("\n")) == (2, 1)
    assert message in error


def test_without_the_extra_one_line_says_what_to_install(call, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, error = call("--datasets", folder, "--models", "BPRMF", "--cluster", "tcp://127.0.0.1:1")
    assert (code, error) == (
        2,
        "error: --cluster needs the package distributed: pip install -e '.[cluster]' in a checkout\n",
    )


class Stub:
    """A client whose workers offer ``gpus`` each, and whose tasks all end with ``error``."""

    def __init__(self, *gpus, error=None):
        self.workers = {f"w{i}": {"resources": {"GPU": n} if n else {}} for i, n in enumerate(gpus)}
        self.asked, self.error = [], error

    def scheduler_info(self, n_workers):
        assert n_workers == -1  # all of them
        return {"workers": self.workers}

    def subscribe_topic(self, topic, handler):
        pass

    def unsubscribe_topic(self, topic):
        pass

    def submit(self, call, order, *, key, pure, resources):
        self.asked.append((order["job"]["model"], resources, order["is_gpu_asked"]))
        return self

    def add_done_callback(self, call):
        call(self)

    def cancelled(self):
        return self.error is None

    def result(self):
        raise self.error


@pytest.mark.parametrize(
    ("gpus", "is_wanted", "asked"),
    [((0, 2), True, {"GPU": 1}), ((0, 0), True, None), ((), True, None), ((1,), False, None)],
)
def test_jobs_that_train_ask_for_a_gpu_where_one_is_offered(folder, tmp_path, gpus, is_wanted, asked):
    client, ends = Stub(*gpus), []
    executor = Cluster(client=client, is_gpu_wanted=is_wanted, store=Store(tmp_path / "r"))
    pool = Pool(executor=executor, slots=Slots(cpus=9), listener=lambda work, event: ends.append(event))
    assert pool.run(planned(folder, models=["BPRMF", "EASE"])) == ["stopped", "stopped"]  # Dask cancelled them
    assert [e for e in ends if e.state] == [Event(state="stopped", reason="the scheduler is gone")] * 2
    assert sorted(client.asked) == [("BPRMF", asked, asked is not None), ("EASE", None, False)]


def test_a_job_whose_workers_all_died_costs_only_itself(folder, tmp_path):
    store = Store(tmp_path / "r")
    executor = Cluster(client=Stub(error=RuntimeError("4 workers died\nover it")), store=store)
    pool = Pool(executor=executor, slots=Slots(cpus=9))
    works = planned(folder, seeds=[0, 1])
    assert pool.run(works) == ["failed", "failed"]
    assert store.find(works[0].job).reason == "on the cluster: RuntimeError: 4 workers died"
    assert is_due(store, works[0], when="missing")


def test_folders_travel_in_full(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (here,) = planned(folder.name)
    (named,) = plan.jobs(plan.Request(datasets=["ml-100k"], models=["BPRMF"], data_dir=Path("data")))
    sent, sent_named = with_full_paths(here), with_full_paths(named)
    assert (sent.location, sent.job.key) == (str(folder), here.job.key)
    assert (sent_named.location, sent_named.data_dir) == ("ml-100k", folder.parent / "data")
