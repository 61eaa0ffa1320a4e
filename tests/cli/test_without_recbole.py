"""Where RecBole is not installed: a run says so at once, and records are still read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.spec import INSTALL_RECBOLE
from bench.store.store import Store
from tests.store.made import record

ROOT = Path(__file__).parents[2]
HIDING = """
from importlib.machinery import PathFinder

found = PathFinder.find_spec


def find_spec(name, *more):
    return None if name.partition(".")[0] == "recbole" else found(name, *more)


PathFinder.find_spec = find_spec
"""


@pytest.fixture
def bench(tmp_path, cache):
    """bench(*words) runs the program's command in a process that finds no RecBole."""
    (tmp_path / "sitecustomize.py").write_text(HIDING)
    path = os.pathsep.join([str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")])

    def run(*words):
        command = [sys.executable, "-m", "bench", *map(str, words)]
        return subprocess.run(
            command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
        )

    return run


@pytest.mark.parametrize("more", [[], ["--tune", "2"], ["--dry-run"]])
def test_a_run_ends_at_once_with_the_command_that_installs_it(bench, folder, tmp_path, more):
    done = bench("run", "--datasets", folder, "--models", "BPRMF", *more)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: RecBole is not installed, and every model builds on it; run: {INSTALL_RECBOLE}\n"
    assert not (tmp_path / "results").exists()


def test_the_set_inside_recbole_names_the_same_command(bench):
    done = bench("audit", "ml-100k")
    assert done.returncode == 2
    assert done.stderr.endswith(f"not installed; run: {INSTALL_RECBOLE}\n")
    assert done.stderr.count("\n") == 1


def test_records_are_listed_shown_and_reported(bench, tmp_path):
    saved = record()
    Store(tmp_path / "results").write(saved)
    for words in (["run", "--list"], ["run", "--report"], ["show", saved.key]):
        done = bench(*words)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert "BPRMF" in done.stdout or "report files" in done.stdout
    assert "BPRMF" in (tmp_path / "reports" / "report.html").read_text()
