"""The README's commands taken apart, pytest's last line, and the table, with stand-ins for interpreters."""

import pytest

from benchmarks import interpreters
from benchmarks.interpreters import ROOT, Outcome, counted, installing, main

# a stand-in for python: `-m venv PLACE` puts itself there, and the suite in it ends as the line below says
FAKE = """#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; printf '#!/bin/sh\\necho "$@" >>'"$3"'.pip' >"$3/bin/pip"
    chmod +x "$3/bin/pip" ;;
  "-c import json"*) echo '["3.99.1", "2.6.0", "2.0.1", "3.0.2"]' ;;
  "-m pytest"*) echo "$*"; echo "{line}"; exit {code} ;;
esac
"""


@pytest.fixture
def fake(tmp_path):
    """fake(name, line, code) makes an interpreter whose suite ends so; its path."""

    def make(name: str, line: str, code: int) -> str:
        path = tmp_path / name
        path.write_text(FAKE.replace("{line}", line).replace("{code}", str(code)))
        path.chmod(0o755)
        return str(path)

    return make


def ended(*flags: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(flags))
    return int(end.value.code)


def test_the_commands_are_the_readmes_up_to_the_checks():
    commands = installing((ROOT / "README.md").read_text()).split(" && ")
    assert commands[0] == "python3 -m venv .venv"
    assert commands[1] == '.venv/bin/pip install -e ".[test]"'
    assert all(part.startswith(".venv/bin/pip install ") for part in commands[1:])
    with pytest.raises(ValueError, match="bench check"):
        installing("# Nothing\n")


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("1695 passed, 39 failed in 12.30s", {"passed": 1695, "failed": 39}),
        ("2 failed, 7 passed, 3 skipped, 1 error in 612.20s (0:10:12)", {"passed": 7, "failed": 3, "skipped": 3}),
        ("no tests ran in 0.01s", {}),
        ("ImportError", {}),
    ],
)
def test_counts_of_the_last_line(line, counts):
    assert counted(f"5 passed is said in a test of 1.0s or so\nFAILED tests/x.py\n{line}\n") == counts


def test_one_row_per_interpreter_and_the_lacking_ones_named(fake, tmp_path, capsys):
    good = fake("python3.98", "12 passed, 1 skipped in 0.5s", 0)
    broken = fake("python3.97", "x", 0)
    (tmp_path / "python3.97").write_text("#!/bin/sh\nexit 127\n")  # as pyenv's, where no such version is chosen
    keep = tmp_path / "kept"
    assert ended("--pythons", good, broken, "python9.9", "--keep", str(keep), "--only", "seed or spec") == 0
    printed = capsys.readouterr().out
    cells = [cell.strip() for cell in printed.splitlines()[-2].strip("|").split("|")]
    assert cells[:7] == ["3.99.1", "2.6.0", "2.0.1", "3.0.2", "12", "0", "1"]
    assert printed.splitlines()[-1] == f"not here: {broken}, python9.9"
    assert (keep / "python3.98.log").read_text().startswith("-m pytest -n 2 -k seed or spec\n")
    assert (keep / "python3.98.pip").read_text().splitlines() == [
        "install -e .[test]",
        "install --no-deps recbole==1.2.1",
    ]


def test_a_suite_that_fails_is_the_exit_code_and_shows_its_end(fake, capsys):
    good, bad = fake("python3.98", "12 passed in 0.5s", 0), fake("python3.97", "1 failed, 11 passed in 0.5s", 1)
    assert ended("--pythons", good, bad) == 1
    assert "1 failed, 11 passed in 0.5s" in capsys.readouterr().out


def test_an_environment_that_cannot_be_made_is_said(tmp_path, capsys):
    path = tmp_path / "python3.98"
    path.write_text('#!/bin/sh\n[ "$1" = -c ] || { echo "no module venv"; exit 1; }\n')
    path.chmod(0o755)
    assert ended("--pythons", str(path)) == 1
    printed = capsys.readouterr().out
    assert "no module venv" in printed
    assert "not installed" in printed


@pytest.mark.parametrize(
    ("counts", "problem", "good"),
    [({"passed": 1}, "", True), ({"passed": 1, "failed": 1}, "", False), ({}, "", False), ({"passed": 1}, "x", False)],
)
def test_an_outcome_is_good_if_something_passed_and_nothing_failed(counts, problem, good):
    assert Outcome("python", [], counts, 1.0, problem).is_good is good


def test_no_interpreter_at_all_is_no_success():
    assert ended("--pythons", "python9.9") == 1
    assert interpreters.PYTHONS[0] == "python3.11"
