"""The processes that draw figures."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bench.report import drawers
from bench.report.write import write
from tests.report.made import evidence, line_figure, record
from tests.run.storm import until


def test_ctrl_c_waits_for_no_figure_that_is_not_begun(monkeypatch):
    goes_on, begun = threading.Event(), []

    def pictures(plot, data):
        begun.append(plot)
        if plot == "stopped":
            raise KeyboardInterrupt
        goes_on.wait()

    monkeypatch.setattr(drawers, "start", lambda n: ThreadPoolExecutor(1))
    monkeypatch.setattr(drawers, "pictures", pictures)
    threading.Timer(0.2, goes_on.set).start()
    figures = [replace(line_figure(name), plot=name) for name in ("stopped", "begun", "waiting")]
    with pytest.raises(KeyboardInterrupt):
        drawers.drawings(figures)
    assert "waiting" not in begun


def test_figures_are_drawn_without_shared_memory_and_whatever_a_notebook_asks_for(tmp_path, monkeypatch):
    """The same bytes as by processes."""
    made = evidence(record(), folder=tmp_path)
    write(made, tmp_path / "a")
    monkeypatch.setenv("MPLBACKEND", "module://no.such.backend")

    def none(*args):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(drawers, "ProcessPoolExecutor", none)
    write(made, tmp_path / "b")
    drawings = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.svg")]
    assert drawings
    assert all((tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes() for path in drawings)


def test_drawers_do_not_run_a_script_again(tmp_path):
    """Python 3.14 starts processes by a server, which imports the main module in each."""
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing\n"
        "multiprocessing.set_start_method('forkserver', force=True)\n"
        "print('once')\n"
        "from bench.report.drawers import start\n"
        "with start(1) as pool: print(pool.submit(int).result())\n"
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("once\n0\n", "")


def test_without_matplotlib_every_figure_is_warned_of(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert drawers.drawings([line_figure("a"), line_figure("b")]) == {}
    assert capsys.readouterr().err.count("cannot be drawn (ModuleNotFoundError") == 2


def test_a_figure_that_fails_costs_only_itself(tmp_path, monkeypatch, capsys):
    def broken(plot, data):
        raise ZeroDivisionError("no ink")

    monkeypatch.setattr(drawers, "start", ThreadPoolExecutor)
    monkeypatch.setattr(drawers, "pictures", broken)
    files = write(evidence(record(), folder=tmp_path), tmp_path)
    assert {path.suffix for path in files} == {".md", ".csv", ".tex", ".html"}
    said = "warning: figure cost-figure-paper-smoke cannot be drawn (ZeroDivisionError: no ink)"
    assert said in capsys.readouterr().err


def test_a_drawer_that_was_killed_costs_the_figures_alone(tmp_path, monkeypatch, capsys):
    others = ProcessPoolExecutor(1)
    with pytest.raises(BrokenProcessPool):
        others.submit(os._exit, 1).result()
    monkeypatch.setattr(drawers, "start", lambda n: others)
    assert {path.suffix for path in write(evidence(record(), folder=tmp_path), tmp_path)} == {
        ".md",
        ".csv",
        ".tex",
        ".html",
    }
    assert "figure cost-figure-paper-smoke cannot be drawn (BrokenProcessPool" in capsys.readouterr().err


def test_drawers_end_with_their_parent(tmp_path):
    """However it ends."""
    code = "import os, time; from bench.report.drawers import start\n"
    code += "with start(1) as pool: print(pool.submit(os.getpid).result(), flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    drawer = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    until(lambda: not Path(f"/proc/{drawer}").exists() or "zombie" in Path(f"/proc/{drawer}/status").read_text())


def test_ctrl_c_while_figures_are_drawn_is_answered_by_one_process():
    code = "import time; from bench.report.drawers import start\n"
    code += "try:\n    with start(1) as pool:\n        drawing = pool.submit(time.sleep, 1)\n"
    code += "        print(pool.submit(int).result(), flush=True); time.sleep(60)\n"
    code += "except KeyboardInterrupt:\n    print('stopped')"
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    parent = subprocess.Popen([sys.executable, "-c", code], **both)
    assert parent.stdout.readline() == "0\n"
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal does
    assert parent.communicate(timeout=60)[0] == "stopped\n"


def test_a_second_ctrl_c_while_figures_are_drawn_leaves_nothing_that_waits():
    code = "import time; from bench.report import drawers; from dataclasses import replace\n"
    code += "from tests.report.made import line_figure\n"
    code += "def pictures(plot, data): print('drawing', flush=True); time.sleep(5)\n"
    code += "drawers.pictures = pictures\n"
    code += "drawers.drawings([replace(line_figure(str(n)), plot='x') for n in range(4)])"
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "start_new_session": True}
    parent = subprocess.Popen([sys.executable, "-c", code], **both)
    assert parent.stdout.readline().startswith("drawing")
    for _ in range(2):
        time.sleep(0.5)
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGINT)
    try:
        parent.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)


@pytest.mark.parametrize("error", [OSError(11, "Resource temporarily unavailable"), KeyboardInterrupt()])
def test_drawers_end_where_a_further_one_cannot_be_started(monkeypatch, error):
    before = set(multiprocessing.active_children())
    begin = multiprocessing.context.ForkProcess.start

    def start(process):
        if set(multiprocessing.active_children()) - before:
            raise error
        begin(process)

    monkeypatch.setattr(multiprocessing.context.ForkProcess, "start", start)
    monkeypatch.setattr(drawers, "cpu_count", lambda: 2)
    try:
        with pytest.raises(KeyboardInterrupt) if isinstance(error, KeyboardInterrupt) else nullcontext():
            drawers.drawings([line_figure("a"), line_figure("b")])
        until(lambda: set(multiprocessing.active_children()) <= before)
    finally:
        for drawer in set(multiprocessing.active_children()) - before:
            drawer.kill()
