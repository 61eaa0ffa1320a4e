"""What README and CONTRIBUTING tell a reader to do works, to the letter."""

import importlib
import inspect
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


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of what a checkout has, to run a page's commands in."""
    place = tmp_path_factory.mktemp("tree")
    for part in ("bench", "benchmarks", "models", "baselines", "tests", "run_all.py", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, place / part)
    return place


def walk(page: str, tree: Path) -> list[str]:
    """Write the page's files and run its commands, one after the other; the files' names."""
    written = []
    for block in blocks(page, "python"):
        name, _, text = block.partition("\n")
        if not re.fullmatch(r"# \S+\.py", name):
            continue  # an excerpt, no file
        written.append(name.removeprefix("# "))
        (tree / written[-1]).write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(tree), "MCLN_BENCH_CACHE": str(tree / "cache")}
    for line in "".join(blocks(page, "bash")).splitlines():
        run = subprocess.run(command(line), cwd=tree, env=environment, capture_output=True, text=True, timeout=500)
        assert run.returncode == 0, f"{line}\n{run.stdout}\n{run.stderr}"
    return written


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_a_page_s_commands_run(page, tree):
    assert walk(f"docs/{page}", tree) == {
        "adding-a-data-set.md": ["make_log.py", "make_set.py"],
        "adding-a-model.md": ["recbole_finds_it.py"],
    }.get(page, [])


@pytest.mark.timeout(600)
def test_contributing_walk(tree):
    assert walk("CONTRIBUTING.md", tree) == ["baselines/blend.py", "tests/models/test_blend.py"]
    assert len(list((tree / "runs/results/ml-100k/Blend").glob("*.json"))) == 1
    assert "Blend" in next((tree / "runs/reports").glob("clean-smoke/table2-full.md")).read_text()


def test_the_runs_of_the_pages_are_planned():
    """Every ``run_all.py`` line of these pages, as far as its jobs; its whole runs are the reference records."""
    text = (ROOT / "README.md").read_text() + (ROOT / "docs/running.md").read_text()
    lines = re.findall(r"python run_all\.py[^`\n]*", text)
    assert len(lines) >= 5
    for line in lines:
        if re.search("beauty|art|taobao", line) and not os.environ.get("MCLN_BENCH_DATA"):
            continue  # their files are not here
        run = subprocess.run([*command(line), "--dry-run"], cwd=ROOT, capture_output=True, text=True, timeout=100)
        if "--hyper tuned" in line:  # no search came before it here, which is said
            assert (run.returncode, "--tune" in run.stderr) == (2, True)
        else:
            assert run.returncode == 0, run.stderr
            assert re.search(r"^\d+ (jobs?|searches)", run.stdout, flags=re.MULTILINE)


def test_links_between_pages_lead_somewhere():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def named_in(page: str) -> list[str]:
    """Each `bench.room.name(parameters)`, or without parameters, that a table of the page begins a row with."""
    rows = re.findall(r"^\| (`.*?`) \|", (ROOT / page).read_text(), flags=re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`((?:bench|tests)\.[^`]+)`", row)]


@pytest.mark.parametrize("text", named_in("docs/adding-a-model.md"))
def test_what_the_guide_names_is_there_as_it_says(text):
    name, bracket, _ = text.partition("(")
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError:  # a method of a class
        module, _, owner = module.rpartition(".")
        found = getattr(getattr(importlib.import_module(module), owner), attribute)
    if bracket:
        bare = [p.replace(annotation=p.empty) for p in inspect.signature(found).parameters.values() if p.name != "self"]
        signature = inspect.Signature(bare)
        assert text == f"{name}{signature}"


def test_the_guide_names_the_kinds_of_help():
    rooms = {".".join(name.partition("(")[0].split(".")[:3]) for name in named_in("docs/adding-a-model.md")}
    wanted = (
        "graph",
        "item_graphs",
        "user_graphs",
        "pruning",
        "losses",
        "contrast",
        "features",
        "tables",
        "recommender",
    )
    assert {f"bench.nn.{room}" for room in wanted} <= rooms


def test_contributing_is_short():
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) < 60


def test_every_flag_is_named():
    from bench.cli.main import run_parser

    flags = {f for action in run_parser()._actions for f in action.option_strings if f.startswith("--")}
    text = (ROOT / "docs/running.md").read_text()
    silent = {"--help", "--version", "--ranking"}
    assert [f for f in sorted(flags - silent) if f not in text] == []


def test_the_ci_script_runs_the_readmes_command():
    script = (ROOT / ".ci/run").read_text()
    assert "grep -m1 'bench check' README.md" in script
    assert (ROOT / "README.md").read_text().count("bench check") >= 1
