"""What README and CONTRIBUTING tell a reader to do works, to the letter."""

import importlib
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest

from tests.run.storm import on_one_core

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


def walk_files(page: str, tree: Path) -> list[str]:
    """Write the page's files; their names."""
    written = []
    for block in blocks(page, "python"):
        name, _, text = block.partition("\n")
        if not re.fullmatch(r"# \S+\.py", name):
            continue  # an excerpt, no file
        written.append(name.removeprefix("# "))
        (tree / written[-1]).write_text(text)
    return written


def walk(page: str, tree: Path) -> list[str]:
    """Write the page's files and run its commands, one after the other; the files' names."""
    written = walk_files(page, tree)
    environment = on_one_core(PYTHONPATH=str(tree), MCLN_BENCH_CACHE=str(tree / "cache"))
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


def test_the_new_baseline_passes_the_checks_as_contributing_says(tree):
    text = (ROOT / "CONTRIBUTING.md").read_text()
    files = walk_files("CONTRIBUTING.md", tree)
    ruff = Path(sys.executable).with_name("ruff")
    for line in re.search(r"^5\. Run (.*?) on both files", text, flags=re.MULTILINE)[1].split(" and "):
        subprocess.run([ruff, *shlex.split(line.strip("`"))[1:], *files], cwd=tree, check=True)
    subprocess.run([ruff, "check", *files], cwd=tree, check=True)
    tests = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "tests/test_registry.py"]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    run = subprocess.run([*tests, "-k", "groups"], cwd=tree, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_the_runs_of_the_pages_are_planned():
    """Every ``run_all.py`` line of these pages, as far as its jobs; its whole runs are the reference records."""
    pages = ("README.md", "docs/running.md", "docs/one-number.md")
    text = "".join((ROOT / page).read_text() for page in pages)
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


def is_shortened(shown, actual) -> bool:
    """Whether a value of a page is the actual one, but for what "…" leaves out and for the digits of a number."""
    if isinstance(shown, dict):
        named = shown.keys() - {"…"}
        is_all_there = named < actual.keys() if "…" in shown else named == actual.keys()
        return is_all_there and all(is_shortened(shown[name], actual[name]) for name in named)
    if isinstance(shown, list):
        first = [value for value in shown if value != "…"]
        is_all_there = len(first) < len(actual) if "…" in shown else len(first) == len(actual)
        return is_all_there and all(map(is_shortened, first, actual))
    if isinstance(shown, float):
        return round(actual, 6) == shown
    return actual.startswith(shown[:-1]) if str(shown).endswith("…") else (type(shown), shown) == (type(actual), actual)


def test_the_record_that_is_explained_is_the_shipped_one(monkeypatch):
    monkeypatch.chdir(ROOT)
    path = Path(re.search(r"`(results/reference/\S+\.json)`", Path("docs/one-number.md").read_text())[1])
    (explained,), (recompute,) = (blocks("docs/one-number.md", language) for language in ("jsonc", "python"))
    record, names = json.loads(path.read_text()), {}
    assert is_shortened(json.loads(re.sub("  //.*", "", explained)), record)
    exec(compile(textwrap.dedent(recompute), "docs/one-number.md", "exec"), names)
    assert names["gain"].mean() == pytest.approx(record["metrics"]["sampled.ndcg@10"], abs=1e-12)
    assert list(names["ranks"]["key"].unique()) == [record["key"]]


def test_the_other_records_of_the_explained_row_stand_where_the_page_says():
    """In the tables 2 and `sampler`: none is superseded, so every record of the reference is in some table."""
    assert "table `sampler`" in (ROOT / "docs/one-number.md").read_text()
    records = {p.stem: json.loads(p.read_text()) for p in (ROOT / "results/reference/taobao/BPRMF").glob("*.json")}
    is_shown = {}
    for table, row in {"table2": "BPRMF", "sampler": "BPRMF, users"}.items():
        for protocol in ("paper", "clean"):
            cells = pd.read_csv(ROOT / f"reports/reference/{protocol}-standard/{table}-sampled.csv")
            keys = cells.loc[(cells["dataset"] == "taobao") & (cells["row"] == row), "keys"]
            is_shown |= {key: row for key in " ".join(keys.dropna()).split()}
    names = {"interaction": "BPRMF", "user": "BPRMF, users"}
    assert is_shown == {key: names[record["settings"]["sampling"]] for key, record in records.items()}
    page = (ROOT / "reports/reference/report.html").read_text()
    assert page.count("../../results/reference/taobao/BPRMF/") == len(records)
    assert ", superseded" not in page


def test_the_deviations_over_seeds_are_the_shipped_ones():
    """The table of docs/protocols.md, whose columns are the protocols and rankings of four tables of the reference."""
    section = (ROOT / "docs/protocols.md").read_text().partition("## How many seeds\n")[2]
    head, *rows = re.findall(r"^\| (.*) \|$", section, flags=re.MULTILINE)
    tables = [re.fullmatch(r"`(\w+)`, (\w+)", name).groups() for name in head.split(" | ")[1:]]
    paths = [ROOT / f"reports/reference/{protocol}-standard/table2-{ranking}.csv" for protocol, ranking in tables]
    values = [pd.read_csv(path).set_index(["dataset", "row", "metric"]) for path in paths]
    assert (len(rows), len(values)) == (11, 4)
    for row in rows:
        name, *cells = row.split(" | ")
        dataset, model = name.split(", ")
        found = [table.loc[dataset.lower(), model, "ndcg@10"] for table in values]
        assert cells == [f"{cell['mean']:.4f} ± {cell['std']:.4f}" for cell in found]
        assert {cell["n_seeds"] for cell in found} == {3}


@pytest.mark.parametrize(
    ("shown", "is_true"),
    [
        ({"a": "xy…", "b": [1, "…"], "…": "…"}, True),
        ({"a": "xyz", "b": [1, 2], "c": 0.123457}, True),
        ({"a": "xyz", "b": [1, 2]}, False),
        ({"b": [1], "…": "…"}, False),
        ({"b": [1, 2, "…"], "…": "…"}, False),
        ({"c": 0.123456, "…": "…"}, False),
        ({"d": 1, "…": "…"}, False),
    ],
)
def test_what_counts_as_shortened(shown, is_true):
    assert is_shortened(shown, {"a": "xyz", "b": [1, 2], "c": 0.1234567}) == is_true


def test_the_files_that_pages_name_are_there():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for path in re.findall(r"`((?:bench|tests|reports/reference|results/reference)/[\w./-]+)`", page.read_text()):
            assert (ROOT / path).exists(), f"{page.name}: {path}"


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
    from bench.cli.flags import Parser, add_flags

    flags = {f for action in add_flags(Parser())._actions for f in action.option_strings if f.startswith("--")}
    text = (ROOT / "docs/running.md").read_text()
    silent = {"--help", "--version", "--ranking"}
    assert [f for f in sorted(flags - silent) if f not in text] == []


def test_the_ci_script_runs_the_readmes_command():
    script = (ROOT / ".ci/run").read_text()
    assert "grep -m1 'bench check' README.md" in script
    assert (ROOT / "README.md").read_text().count("bench check") >= 1
