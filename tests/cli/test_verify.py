"""python -m bench verify: lines, a summary, an exit code."""

from pathlib import Path

import pytest

from bench.cli.main import main
from bench.store.store import Store
from tests.store.made import followed, job, ranks, rewritten

REFERENCE = Path(__file__).parents[2] / "results" / "reference"


def said(capsys, *argv) -> tuple[int, list[str], str]:
    with pytest.raises(SystemExit) as exit_:
        main(["verify", *map(str, argv)])
    captured = capsys.readouterr()
    return exit_.value.code, captured.out.splitlines(), captured.err


def test_what_is_shipped_holds(capsys):
    code, lines, _ = said(capsys, REFERENCE)
    assert code == 0
    assert len(lines) == 1
    assert lines[0].startswith(f"{REFERENCE}: checked ")
    assert lines[0].endswith("; every check passed")


def test_what_does_not_hold_is_exit_code_1(capsys, tmp_path):
    store = Store(tmp_path)
    store.write(followed(), ranks())
    rewritten(store, metrics=followed((3, 4)).metrics)
    code, lines, err = said(capsys, tmp_path)
    assert (code, len(lines), err) == (1, 2, "")
    assert lines[0].startswith(f"{store.path(job())} does not follow from its ranks")
    assert lines[1].endswith("1 of them failed a check")


def test_no_folder_is_a_mistake_and_so_is_one_without_records(capsys, tmp_path):
    assert said(capsys, tmp_path / "none")[0] == 2
    assert said(capsys, tmp_path) == (2, [], f"error: no records in {tmp_path}; give the folder of the records\n")
