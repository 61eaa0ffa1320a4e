"""When a run starts no further job, asks those at work, and ends them."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from bench.run import clock
from bench.run.clock import Clock, Ended, ending


class Executor:
    """Counts what it is told; ``told`` is set at the first call of each kind."""

    def __init__(self):
        self.asked, self.killed = threading.Event(), threading.Event()

    def watching(self, one: Clock):
        return one.watching(self.asked.set, self.killed.set)


def test_a_sixth_of_the_limit_is_kept_for_the_tables_and_at_most_a_minute():
    assert Clock(limit=60.0, begun=1000.0).deadline == 1050
    assert Clock(limit=3600.0, begun=1000.0).deadline == 1000 + 3540
    assert Clock(begun=1000.0).deadline == math.inf


def test_which_jobs_have_time():
    """600 s, of which 540 are for jobs; 500 s have passed."""
    one = Clock(limit=600.0, begun=time.monotonic() - 500)
    assert one.has_time_for(30.0, is_begun=False)
    assert not one.has_time_for(50.0, is_begun=False)
    assert one.has_time_for(50.0, is_begun=True)  # it has state on disk
    assert one.has_time_for(541.0, is_begun=False)  # no start will ever have time for all of it
    late = Clock(limit=600.0, begun=time.monotonic() - 541)
    assert not late.has_time_for(1.0, is_begun=True)
    assert Clock().has_time_for(math.inf, is_begun=False)


def test_at_the_deadline_jobs_are_asked_and_ended_after_the_grace():
    one, executor = Clock(limit=0.6, grace=0.5), Executor()
    with executor.watching(one):
        assert executor.asked.wait(60)
        assert one.is_stopping
        assert executor.killed.wait(60)
    assert one.exit_code == 124


def test_who_is_given_up_is_ended():
    one, executor = Clock(grace=0.0, is_given_up=lambda: True), Executor()
    with executor.watching(one):
        assert executor.killed.wait(60)


def test_a_signal_that_comes_while_the_watcher_looks_is_not_lost():
    one, executor = Clock(is_given_up=lambda: one.stop()), Executor()
    with executor.watching(one):
        assert executor.asked.wait(60)


def test_a_signal_asks_and_a_second_one_ends_at_once():
    one, executor = Clock(grace=1e6), Executor()
    with executor.watching(one):
        os.kill(os.getpid(), signal.SIGTERM)
        assert executor.asked.wait(60)
        assert not executor.killed.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert executor.killed.wait(60)
    assert one.exit_code == 143


def test_a_run_without_a_limit_is_left_alone():
    one, executor = Clock(), Executor()
    with executor.watching(one):
        time.sleep(3 * clock.LOOK)
    assert [executor.asked.is_set(), executor.killed.is_set(), one.is_stopping] == [False] * 3


def test_ignored_signals_stay_ignored():
    """As SIGHUP is under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending():
            os.kill(os.getpid(), signal.SIGHUP)
            with pytest.raises(Ended):
                os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_an_import_swallowed_ends_the_run_all_the_same(number):
    """As modules that Cython made do: what a handler raises as they are imported is lost."""
    one, executor = Clock(), Executor()
    with ending():
        with suppress(BaseException):
            os.kill(os.getpid(), number)
        with executor.watching(one):
            assert executor.asked.wait(60)
    assert one.exit_code == 128 + number
    with executor.watching(later := Clock()):
        assert not later.is_stopping


CLOSED = """
import os, pty, signal, sys
pid, master = pty.fork()
if not pid:
    from bench.run.clock import ending, Ended
    try:
        with ending():
            print("ready", flush=True)
            signal.pause()
    except Ended as ended:
        print("more", flush=True)
        os._exit(128 + ended.args[0])
while b"ready" not in os.read(master, 100):
    pass
os.close(master)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_terminal_that_is_closed_fails_no_print():
    assert subprocess.run([sys.executable, "-c", CLOSED]).returncode == 129
