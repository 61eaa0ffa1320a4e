"""What flags may say: values are read as meant, and mistakes are one clear line."""

from pathlib import Path

import pytest

from bench.cli.flags import Parser, add_flags, metrics, setting
from bench.cli.main import main
from tests.cli.test_main import FAST


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--models", "LightGNC"], "unknown model 'LightGNC'; did you mean LightGCN?"),
        (["--models", "MCLN:relesed"], "unknown preset of MCLN 'relesed'; did you mean released"),
        (["--datasets", "beuaty"], "unknown data set 'beuaty'; did you mean beauty"),
        (["--datasets", "no/such/folder"], "no/such/folder is not there"),
        (["--datasets", "a" * 300], f"unknown data set '{'a' * 300}'; known: "),
        (["--models", f"{'a' * 300}.py:X"], ".py is not there; a model from outside is given as"),
        (["--budget", "standrad"], "unknown budget 'standrad'; did you mean standard?"),
        (["--budget", ""], "unknown budget ''; known: full, quick, smoke, standard"),
        (["--protocols", "papr"], "unknown protocol 'papr'; did you mean paper?"),
        (["--modles", "BPRMF"], "unknown flag '--modles'; did you mean --models?"),
        (["--seeds", "one"], "'one' is not a whole number of 0 or more"),
        (["--seeds", "9" * 5000], f"argument --seeds: '{'9' * 20}' is not a whole number of 0 or more with at most 19"),
        (["--seeds", "-1"], "argument --seeds: '-1' is not a whole number of 0 or more"),
        (["--checkpoint-every", "-5"], "argument --checkpoint-every: '-5' is not a whole number of 0 or more"),
        (["--time-limit", "-60"], "argument --time-limit: '-60' is not a number of seconds above 0"),
        (["--ours", "MLCN"], "unknown model 'MLCN'; did you mean "),
        (["--jobs", "0"], "'0' is not a positive whole number"),
        (["--set", "reg_wieght=1"], "unknown setting of BPRMF 'reg_wieght'; did you mean reg_weight?"),
        (["--set", "reg_weight"], "'reg_weight' is not KEY=VALUE"),
        (["--set", "learning_rate=NaN"], "'learning_rate=NaN' is no finite number, text or list"),
        (["--set", "learning_rate=1e400"], "'learning_rate=1e400' is no finite number, text or list"),
        (["--set", "learning_rate={1}"], "'learning_rate={1}' is no finite number, text or list"),
        (["--set", "learning_rate=abc"], "learning_rate"),
        (["--set", f"embedding_size={2**63}"], f"setting embedding_size={2**63}: --set takes finite numbers"),
        (["--seeds", "0", str(2**63)], f"seed {2**63} is not a whole number from 0 to 2**63 - 1"),
        (["--models", "MCLN", "--study", "table5", "--tune", "2"], "that --set and --study would hold fixed"),
        (["--timeout", "0"], "'0' is not a number of seconds above 0"),
        (["--timeout", "nan"], "'nan' is not a number of seconds above 0"),
        (["--timeout", "inf"], "'inf' is not a number of seconds above 0"),
        (["--features", "deep"], "unknown features of ml-100k 'deep'; known: none, words"),
        (
            ["--features", "real", "textual=shufled"],
            "unknown knock-out in --features 'shufled'; did you mean shuffled?",
        ),
        (["--features", "visual=none"], "unknown modality in --features 'visual'; known: textual"),
        (["--datasets", "beauty", "--data-dir", "no/folder"], "--data-dir no/folder is not a folder"),
        (["--metrics", "ndgc"], "unknown metric 'ndgc'; did you mean ndcg?"),
        (["--top", "0"], "argument --top: '0' is not a positive whole number"),
        (["--gpus", "99"], "there is no GPU '99' here"),
        (["--models", "MCLN", "--ranking", "full"], "so it cannot rank all items"),
        (["--study", "tabel3"], "unknown study 'tabel3'; did you mean table"),
        (["--study", "table3"], "--study table3 is about MCLN: --models must name one, or be left out"),
        (["--models", "MCLN", "--study", "table5", "--set", "n_layers=1"], "--set does not go with --study table5"),
    ],
)
def test_one_clear_line(call, flags, message):
    if "--models" not in flags:
        flags = [*flags, "--models", "BPRMF"]
    code, _, error = call(*flags)
    assert code == 2
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_a_metric_that_is_asked_for_twice_is_shown_once():
    assert metrics(["hr", "hr"], [10, 5, 10]) == ("hr@10", "hr@5")


def test_flags_given_twice_add_up_and_settings_do_not(call, folder):
    code, out, _ = call("--datasets", folder, *FAST, "--models", "Pop", "--dry-run")
    assert (code, out.splitlines()[0][:6]) == (0, "2 jobs")
    code, _, error = call("--datasets", folder, *FAST, "--set", "reg_weight=1", "--set", "reg_weight=2")
    assert code == 2
    assert "--set gives reg_weight twice" in error


@pytest.mark.parametrize("flag", ["--data-dir", "--results", "--reports", "--configs"])
def test_a_tilde_is_the_home_folder_in_every_path(flag, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    args = add_flags(Parser()).parse_args([f"{flag}=~/x"])
    assert getattr(args, flag[2:].replace("-", "_")) == Path("/home/ann/x")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            ["--report", "--datasets", "beauty"],
            "--report writes the tables of all records and has no use for --datasets",
        ),
        (["--report", "--models", "own.py:Own", "BPRMF"], "has no use for --models; leave it out"),
        (["--report", "--dry-run"], "has no use for --dry-run; leave it out"),
        (["--report", "--hyper", "tuned"], "has no use for --hyper; leave it out"),
        (["--list", "--study", "table3"], "--list lists stored records by what is compared and has no use for --study"),
        (["--list", "--protocols", "papr", "--results", "."], "unknown protocol 'papr'; did you mean paper?"),
        (["--list", "--datasets", "beuaty", "--results", "."], "unknown data set 'beuaty'; did you mean beauty"),
        (["--tune", "4", "--seeds", "1", "2"], "--tune searches with seed 0 and makes no tables"),
        (
            ["--models", "MCLN", "--tune", "4", "--hyper", "released"],
            "--tune does not go with --hyper released, whose settings do not come from a search; to search around a "
            "released preset, leave --hyper out and name the preset, as in --models MCLN:released",
        ),
        (["--list", "--report"], "has no use for --report; leave it out"),
        (
            ["--list", "--results", "nonesuch"],
            "nonesuch is not a folder; give the folder of the records with --results",
        ),
    ],
)
def test_a_flag_that_would_be_passed_over_is_refused(flags, said, capsys):
    with pytest.raises(SystemExit) as end:
        main(flags, command="run")
    assert (end.value.code, capsys.readouterr().err.count(said)) == (2, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        (".001", 0.001),
        ("True", True),
        ("true", True),
        ("[64, 64]", [64, 64]),
        ("(64, 64)", [64, 64]),
        ("64,", [64]),
        ("all", "all"),
        ("[" * 5000, "[" * 5000),
    ],
)
def test_a_setting_as_json_or_python_writes_it(text, value):
    name, found = setting(f"x={text}")
    assert (name, found, type(found)) == ("x", value, type(value))
