"""Jobs in processes of their own: what is heard of them, and how they end."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from bench.run import local
from bench.run.clock import SIGNALS, handling
from bench.run.local import Local, why_it_died
from bench.run.pool import Pool
from bench.run.slots import Slots
from bench.store.store import Store
from tests.run import made
from tests.run.made import planned, start
from tests.run.storm import on_one_core, until
from tests.store.made import record


def end_within_a_message(order, runner):
    os.write(runner.fileno(), b"\x00\x00\x00\x64abc")
    os._exit(9)


def test_a_job_that_ends_within_a_message(folder, store, monkeypatch):
    monkeypatch.setattr(local, "child_main", end_within_a_message)
    assert made.local(store).run(planned(folder)) == ["failed"]


def die_before_a_process_of_ones_own(order, runner):
    if (pid := os.fork()) == 0:
        time.sleep(60)
        os._exit(0)
    Path(order["log"]).open("a").write(f"{pid}\n")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_job_is_not_waited_for_although_a_process_that_it_started_lives_on(folder, store, monkeypatch):
    monkeypatch.setattr(local, "child_main", die_before_a_process_of_ones_own)
    (one,) = planned(folder)
    assert made.local(store).run([one]) == ["failed"]
    pids = [int(line) for line in store.log(one.job).read_text().split()]
    assert len(pids) == 2
    for pid in pids:
        os.kill(pid, signal.SIGKILL)  # fails where it has ended


def remove_the_record_and_die(order, runner):
    Path(order["log"]).with_suffix(".json").unlink(missing_ok=True)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_record_that_was_removed_meanwhile_hides_no_reason(folder, store, monkeypatch):
    monkeypatch.setattr(local, "child_main", remove_the_record_and_die)
    (one,) = planned(folder)
    store.write(record(job=one.job).model_copy(update={"status": "failed", "reason": "x"}))
    assert made.local(store).run([one]) == ["failed"]
    assert store.find(one.job).reason == "process killed by SIGKILL (out of memory?)"


def end_as_if_its_server_were_killed(order, runner):
    os._exit(local.SERVER_DIED)


def test_a_job_whose_server_was_killed_is_tried_once_more(folder, store, monkeypatch):
    monkeypatch.setattr(local, "child_main", end_as_if_its_server_were_killed)
    (one,) = planned(folder)
    devices = []
    pool = made.local(store, listener=lambda one, event: devices.append(event.device))
    assert pool.run([one]) == ["failed"]
    assert len(list(filter(None, devices))) == 2
    assert store.find(one.job).reason == "the process that jobs are forked from was killed (out of memory?)"


def kill_the_server_then_look(order, runner):
    """The first attempt ends with its server; the second one describes the server in its place."""
    log, server = Path(order["log"]), os.getppid()
    if not log.read_text():
        log.write_text("\n")
        os.kill(server, signal.SIGKILL)
        until(lambda: os.getppid() != server)
        os._exit(0)
    (blocked,) = [line for line in Path(f"/proc/{server}/status").read_text().splitlines() if "SigBlk" in line]
    hears = [number for number in SIGNALS if not int(blocked.split()[1], 16) & 1 << number - 1]
    names = [line.partition("=")[0] for line in Path(f"/proc/{server}/environ").read_text().split("\0")]
    log.write_text(f"{sorted(set(names) & set(local.KEEP_PAGES))} {hears}")


def test_the_server_that_follows_a_killed_one_is_like_it(folder, store, monkeypatch):
    """It keeps pages, and no signal to the whole group ends it."""
    monkeypatch.setattr(local, "child_main", kill_the_server_then_look)
    (one,) = planned(folder)
    assert made.local(store).run([one]) == ["failed"]
    assert store.log(one.job).read_text() == f"{sorted(local.KEEP_PAGES)} []"


@pytest.mark.parametrize("error", [EOFError, ConnectionRefusedError])
def test_a_server_that_was_killed_before_it_forked_the_job_is_started_again(folder, store, monkeypatch, error):
    def refuse(self):
        raise error

    monkeypatch.setattr(local.FORKS.Process, "start", refuse)
    (one,) = planned(folder)
    assert made.local(store).run([one]) == ["failed"]
    assert "ended before it could fork one: it was killed, or printed an error" in store.find(one.job).reason


def test_a_log_without_room_fails_no_job(folder, store, monkeypatch):
    monkeypatch.setattr(Store, "start_log", lambda store, job: store.log(job).symlink_to("/dev/full"))
    assert made.local(store).run(planned(folder)) == ["done"]


def test_a_log_that_is_gone_when_its_job_dies(folder, store):
    def listener(one, event):
        if one.job.seed == 0 and event.stage == "loading":
            store.log(one.job).unlink(missing_ok=True)
            os.kill(pool.executor.live[one.job.key][0].pid, signal.SIGKILL)

    pool = made.local(store, listener=listener)
    assert pool.run(planned(folder, seeds=[0, 1])) == ["failed", "done"]


def test_a_job_past_its_time_is_ended(folder, store):
    (one,) = planned(folder, budget="full")
    assert made.local(store, timeout=0.2).run([one]) == ["failed"]
    assert store.find(one.job).reason == "timeout: over 0.2 s"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_jobs_and_leaves_no_record(folder, store, number):
    jobs = planned(folder, models=["BPRMF", "LightGCN"], budget="full")

    def interrupt(one, event):
        if event.epoch and not pool.clock.is_stopping:
            os.kill(os.getpid(), number)

    pool, before = made.local(store, listener=interrupt), signal.getsignal(number)
    assert pool.run(jobs) == ["stopped", "left"]
    assert pool.clock.exit_code == 128 + number
    assert signal.getsignal(number) is before
    assert store.records() == []
    assert pool.executor.live == {}
    assert len(list(store.root.glob("*/*/*.checkpoint"))) == 1  # of the job that was at work
    assert not list(store.root.glob("*/*/*.lock"))


def test_a_signal_to_all_processes_at_once_stops_the_job_too(folder, store):
    """As a queue sends it to every process of an allocation."""
    (one,) = planned(folder, budget="full")

    def interrupt(one, event):
        if event.epoch == 2:
            os.kill(pool.executor.live[one.job.key][0].pid, signal.SIGTERM)

    pool = made.local(store, listener=interrupt)
    assert pool.run([one]) == ["stopped"]
    assert store.checkpoint(one.job).exists()


def test_the_server_of_the_jobs_outlives_signals_to_its_group(folder, tmp_path):
    """A job is at work meanwhile; a second one is forked from the server afterwards."""
    runner = start(folder, tmp_path, "--models", "BPRMF", "--budget", "smoke", "--seeds", "0", "1")
    until(lambda: servers(runner) or runner.poll() is not None)
    assert runner.returncode is None, runner.stdout.read()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(servers(runner)[0], number)
    runner.communicate()
    assert runner.returncode == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_comes_while_the_server_starts_is_heard(monkeypatch, number):
    monkeypatch.setattr(local.forkserver, "ensure_running", lambda: os.kill(os.getpid(), number))
    heard = []
    with handling(lambda number, frame: heard.append(number), SIGNALS):
        local.start_server(1)
        assert heard == [number]
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & set(SIGNALS)


def servers(runner) -> list[int]:
    table = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in table.splitlines()]
    return [int(pid) for pid, parent, args in rows if int(parent) == runner.pid and "forkserver" in args]


def test_why_a_process_left_no_record():
    assert why_it_died(-9, log="x.log") == "process killed by SIGKILL (out of memory?)"
    assert why_it_died(-11, log="x.log") == "process killed by SIGSEGV"
    assert why_it_died(3, log="x.log") == "process ended with exit code 3 and left no record"
    assert why_it_died(0, log="x.log") == "x.log says why; the finished record is kept"


def test_a_temporary_folder_too_long_for_sockets_is_named(folder, tmp_path):
    deep = tmp_path / ("t" * 100)
    deep.mkdir()
    flags = ("--models", "BPRMF", "--budget", "smoke")
    runner = start(folder, tmp_path, *flags, env=on_one_core(TMPDIR=str(deep)))
    said, _ = runner.communicate()
    assert runner.returncode == 2
    assert f"error: no socket can be made in {deep}" in said


TELLING = """
from dataclasses import dataclass

from threadpoolctl import threadpool_info

from baselines.bprmf import BPRMF


class Telling(BPRMF):
    @dataclass(frozen=True, kw_only=True)
    class Hyper(BPRMF.Hyper):
        pass

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        print("threads of BLAS:", {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"})
"""


def test_numpy_has_the_threads_of_the_job_whatever_the_server_was_started_with(folder, tmp_path, monkeypatch):
    """One program may ask for one thread and then for two; the server of the jobs is that of the first."""
    monkeypatch.setattr("bench.registry.outside", {})
    (tmp_path / "telling.py").write_text(TELLING)
    (work,) = planned(folder, models=[f"{tmp_path / 'telling.py'}:Telling"])
    for n in (1, 2):
        store = Store(tmp_path / str(n))
        assert Pool(executor=Local(store=store, threads=n), slots=Slots(cpus=1)).run([work]) == ["done"]
        assert f"threads of BLAS: {{{n}}}" in store.log(work.job).read_text()
