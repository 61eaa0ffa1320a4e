"""What README and CONTRIBUTING tell a reader to do works, to the letter."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def command(line: str) -> list[str]:
    """The words of a shell line, this interpreter for ``python``."""
    return [sys.executable, *shlex.split(line)[1:]]


@pytest.mark.timeout(600)
def test_contributing_walk(tmp_path):
    """The page's files and commands, in a copy of the tree."""
    for part in ("bench", "models", "baselines", "tests", "run_all.py", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    written = []
    for block in blocks("CONTRIBUTING.md", "python"):
        path = block.split("\n", 1)[0].removeprefix("# ")
        (tmp_path / path).write_text(block.split("\n", 1)[1])
        written.append(path)
    assert written == ["baselines/gmf.py", "tests/models/test_gmf.py"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "MCLN_BENCH_CACHE": str(tmp_path / "cache")}
    for line in blocks("CONTRIBUTING.md", "bash")[0].splitlines():
        run = subprocess.run(command(line), cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
        assert run.returncode == 0, f"{line}\n{run.stdout}\n{run.stderr}"
    assert len(list((tmp_path / "runs/results/ml-100k/GMF").glob("*.json"))) == 1
    assert "GMF" in next((tmp_path / "runs/reports").glob("table2-clean-smoke-full.md")).read_text()


def test_contributing_is_short():
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) < 60


def test_readme_names_every_flag():
    from bench.cli import run_parser

    flags = {f for action in run_parser()._actions for f in action.option_strings if f.startswith("--")}
    text = (ROOT / "README.md").read_text()
    silent = {"--help", "--version", "--features", "--ranking"}
    assert [f for f in sorted(flags - silent) if f not in text] == []


def test_the_ci_script_runs_the_readmes_command():
    script = (ROOT / ".ci/run").read_text()
    assert "grep -m1 'bench check' README.md" in script
    assert (ROOT / "README.md").read_text().count("bench check") >= 1
