"""Mistakes in a request: one clear line, exit code 2, no traceback, nothing lost."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import main as main_module
from bench.cli.main import main
from bench.store.store import Store
from tests.run.made import planned
from tests.store.made import record

ROOT = Path(__file__).parents[2]

OWN = """
from dataclasses import dataclass

from baselines.bprmf import BPRMF


class Own(BPRMF):
    @dataclass(frozen=True, kw_only=True)
    class Hyper(BPRMF.Hyper):
        embedding_size: int = SIZE
"""


def test_results_folder_that_cannot_be_written(call, tmp_path):
    (tmp_path / "results").write_text("a file stands where the folder should be")
    code, _, error = call("--models", "BPRMF")
    assert code == 2
    assert "cannot be written" in error
    assert "--results" in error


def test_reports_folder_that_cannot_be_written(call, tmp_path):
    (tmp_path / "reports").write_text("a file stands where the folder should be")
    code, _, error = call("--models", "BPRMF")
    assert (code, "--reports" in error) == (2, True)


@pytest.mark.parametrize("place", ["file", "file/below", "theirs"])
def test_reports_that_cannot_be_written_are_refused_before_the_records_are_read(call, tmp_path, monkeypatch, place):
    (tmp_path / "file").write_text("a file stands where the folder should be")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/index.md").write_text("of something else")
    monkeypatch.setattr("bench.report.write.Evidence.of", lambda *_, **__: pytest.fail("the records are read"))
    with pytest.raises(SystemExit) as end:
        main(["run", "--report", "--results", str(tmp_path), "--reports", str(tmp_path / place)])
    assert end.value.code == 2


def test_the_reports_folder_of_something_else_is_refused_before_jobs_run(call, folder, tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/index.md").write_text("of something else")
    code, _, error = call("--datasets", folder, *FAST)
    assert (code, "is not an index of reports" in error) == (2, True)
    assert not (tmp_path / "results").exists()


def test_ctrl_c_while_the_tables_are_made_says_that_the_records_are_kept(call, folder, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    (one,) = planned(folder, models=["Pop"])
    Store(tmp_path / "results").write(record(job=one.job))
    monkeypatch.setattr("bench.session.report", stop)
    code, _, error = call("--datasets", folder, "--models", "Pop", "--budget", "smoke")
    said = f"stopped; the records in {tmp_path / 'results'} are kept, and --report makes the tables\n"
    assert (code, error) == (130, said)


def test_a_corrupt_record_is_named_and_made_again(call, folder, tmp_path):
    flags = ("--datasets", folder, "--models", "BPRMF", "--budget", "smoke")
    call(*flags)
    (path,) = (tmp_path / "results").glob("*/*/*.json")
    whole = json.loads(path.read_text())
    path.write_text(path.read_text()[:100])
    for argv, expected in ((("--report",), 2), ((*flags, "--list"), 0), (flags, 0)):
        code, _, error = call(*argv)
        assert code == expected
        assert error.count(f"{path} cannot be read as a record") == 1
    assert json.loads(path.read_text())["metrics"] == whole["metrics"]


def test_a_disk_that_fills_up_is_one_line_and_what_stands_stays(call, folder, tmp_path):
    """The first job's record fits, the limit of the second run is reached by its own."""
    flags = ["--datasets", folder, "--models", "BPRMF", "--budget", "smoke", "--gpus", "none"]
    assert call(*flags)[0] == 0
    full = with_little_room(2000, *flags, "--seeds", 0, 1, "--threads", 1, tmp_path=tmp_path)
    assert full.returncode == 2, full.stderr
    assert full.stderr.splitlines()[-1].startswith(f"error: results folder {tmp_path / 'results'} cannot be written (")
    assert "Traceback" not in full.stderr
    assert [path.stem for path in (tmp_path / "results").glob("*/*/*")].count("tmp") == 0
    assert len(list((tmp_path / "results").glob("*/*/*.json"))) == 1
    code, out, _ = call(*flags, "--seeds", 0, 1)
    assert code == 0
    assert "2 jobs: 1 to run" in out


def with_little_room(most_bytes: int, *flags, tmp_path) -> subprocess.CompletedProcess:
    """The program in a process of its own, no file of which may grow beyond ``most_bytes``."""
    places = ["--results", tmp_path / "results", "--reports", tmp_path / "reports"]
    command = [sys.executable, ROOT / "run_all.py", *flags, *places]
    more = {"capture_output": True, "text": True, "timeout": 120}
    limit = (resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    return subprocess.run([*map(str, command)], cwd=ROOT, preexec_fn=lambda: resource.setrlimit(*limit), **more)


def test_a_place_that_cannot_be_written_midway(call, folder, tmp_path):
    flags = ("--datasets", folder, "--budget", "smoke", "--models", "BPRMF")
    call(*flags)
    (tmp_path / "results" / "tiny" / "LightGCN").write_text("a file stands where the folder should be")
    code, _, error = call(*flags, "LightGCN")
    assert code == 2
    assert "cannot be written" in error
    assert error.count("\n") == 1
    assert len(list((tmp_path / "results").glob("tiny/BPRMF/*.json"))) == 1


def test_broken_data_file_names_file_and_line(call, folder):
    (folder / "train.txt").write_text("0 1 2\n1 x 3\n")
    code, _, error = call("--datasets", folder, "--models", "BPRMF")
    assert code == 2
    assert "train.txt, line 2" in error


def test_no_traceback_on_the_real_command_line():
    run = subprocess.run(
        [sys.executable, "run_all.py", "--budget", "huge"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 2
    assert run.stderr.startswith("error: unknown budget 'huge'")
    assert "Traceback" not in run.stderr


def test_unknown_command():
    run = subprocess.run([sys.executable, "-m", "bench", "audti"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (2, "error: unknown command 'audti'; did you mean audit?\n")


FAST = ("--models", "BPRMF", "--budget", "smoke", "--protocols", "clean", "--gpus", "none", "--jobs", "1")


def test_facts_of_the_cases_that_cannot_be_written(call, folder, tmp_path):
    place = tmp_path / "results" / "tiny" / "cases"
    place.parent.mkdir(parents=True)
    place.write_text("a file stands where the folder should be")
    code, _, error = call("--datasets", folder, *FAST)
    assert (code, error.count("\n")) == (2, 1)
    assert "--results" in error


def test_winners_that_could_not_be_written_are_not_searched_for(call, folder, tmp_path):
    configs = tmp_path / "configs"
    configs.write_text("a file stands where the folder should be")
    code, _, error = call("--datasets", folder, *FAST, "--tune", 1, "--configs", configs)
    assert code == 2
    assert "choose another with --configs" in error
    assert not list((tmp_path / "results").glob("*/*/*.json"))


def test_two_searches_for_one_winner(call, folder, tmp_path):
    flags = ("--features", "real", "noise", "--tune", 1, "--configs", tmp_path / "configs")
    code, _, error = call("--datasets", folder, *FAST, *flags)
    assert code == 2
    assert "--tune keeps one winner of BPRMF on tiny" in error


def test_a_report_of_no_records_takes_none_away(call, tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "index.md").write_text("# Reports\n\n[md](table1.md)\n")
    (tmp_path / "reports" / "table1.md").write_text("old")
    code, _, error = call("--report")
    assert (code, error.count("\n")) == (2, 1)
    assert "no records in" in error
    assert (tmp_path / "reports" / "table1.md").exists()


def test_a_report_of_damaged_records_alone_says_what_mends_them(call, tmp_path):
    path = Store(tmp_path / "results").write(record())
    path.write_text(path.read_text()[:50])
    code, _, error = call("--report")
    warning, said = error.splitlines()
    assert (code, str(path) in warning) == (2, True)
    assert f"no record in {tmp_path / 'results'} can be used, as the warnings say; run the command that made" in said


def test_two_data_sets_of_one_name(call, folder, tmp_path):
    other = tmp_path / "more" / "tiny"
    shutil.copytree(folder, other)
    (other / "train.txt").write_text((folder / "train.txt").read_text() + "40 1 2\n")
    code, _, error = call("--datasets", folder, other, *FAST)
    assert code == 2
    assert "another data set asked for is named tiny, too" in error


def test_a_folder_with_the_name_of_a_built_in_set(call, folder, tmp_path):
    code, _, error = call("--datasets", shutil.copytree(folder, tmp_path / "art"), *FAST)
    assert code == 2
    assert "has the name of a built-in data set" in error


def test_a_run_and_a_search_in_a_folder_whose_name_is_odd(folder, tmp_path):
    """A ? begins the options of a database's address, and % a letter's number."""
    results = tmp_path / "q?x=1 %41#"
    where = ["--results", str(results), "--reports", str(tmp_path / "reports"), "--configs", str(tmp_path / "configs")]
    with pytest.raises(SystemExit) as exit_:
        main(["run", "--datasets", str(folder), *FAST, "--tune", "1", *where])
    assert exit_.value.code == 0
    assert list((results / "tuning").iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"tiny", results.name, "configs"}


def test_data_that_leave_too_little_are_refused_before_anything_starts(call, folder, tmp_path):
    (folder / "test.txt").write_text("0\n")
    code, _, error = call("--datasets", folder, *FAST)
    assert (code, error.count("\n")) == (2, 1)
    assert "data set tiny (npy), protocol clean: there is no pair to test on" in error
    assert not list((tmp_path / "results").glob("*/*/*.json"))


def test_a_user_who_has_met_every_item_costs_no_job(call, folder):
    (folder / "train.txt").write_text((folder / "train.txt").read_text() + f"40 {' '.join(map(str, range(150)))}\n")
    code, out, _ = call("--datasets", folder, *FAST)
    assert code == 0
    assert out.count("data set tiny: 1 user with every item in train") == 1


@pytest.mark.parametrize("path", ["", "a\0b", "~nobody-of-this-name/x"])
def test_what_is_no_path_is_one_line(path, capsys):
    for argv in (["verify", path], ["run", "--list", "--results", path], ["cards", "x", "--out", path]):
        with pytest.raises(SystemExit) as end:
            main(argv)
        error = capsys.readouterr().err
        assert (end.value.code, error.count("\n")) == (2, 1)
        assert error.startswith("error: ")


@pytest.mark.parametrize("command", main_module.OF_CHECKOUT)
def test_commands_of_the_checkout_write_nothing_elsewhere(command, tmp_path, monkeypatch, capsys):
    """Another project may have a docs/models.md, a README.md and tests of its own."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/models.md").write_text("theirs")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main([command])
    assert (end.value.code, capsys.readouterr().err.count("run it in the root of one")) == (2, 1)
    assert (tmp_path / "docs/models.md").read_text() == "theirs"


def test_every_command_says_what_it_does(capsys):
    with pytest.raises(SystemExit):
        main([])
    said = capsys.readouterr().out
    assert re.findall(r"^  (\w+) +[A-Z].*[^ ]$", said, re.MULTILINE) == list(main_module.COMMANDS)


def test_a_stray_line_end_is_one_line(capsys):
    with pytest.raises(SystemExit):
        main(["cards", "\n"])
    assert capsys.readouterr().err.startswith("error: unrecognized arguments")


def test_a_model_finds_the_modules_of_the_folder_that_the_program_was_started_in(folder, tmp_path):
    """The installed command does not have that folder on its path, as ``python -m`` does; their code is in the key."""
    project, command = tmp_path / "project", tmp_path / "bin/mcln-bench"
    for name, text in (("parts.py", "SIZE = 8"), ("mine/own.py", f"from parts import SIZE\n{OWN}")):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    command.parent.mkdir()
    command.write_text("from bench.cli.main import main\n\nmain()\n")
    flags = ["run", "--datasets", folder, "--models", "mine/own.py:Own", "--budget", "smoke", "--gpus", "none"]
    said = []
    for size, more in ((8, []), (4, ["--dry-run"]), (8, ["--dry-run"])):
        (project / "parts.py").write_text(f"SIZE = {size}")
        call = [sys.executable, str(command), *map(str, flags), *more]
        ended = subprocess.run(
            call, cwd=project, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        said.append((ended.returncode, ended.stdout.partition("\n")[0] + ended.stderr))
    assert said == [(0, f"1 job: {1 - n} to run, {n} already recorded in results") for n in (0, 0, 1)]
