"""One command from a CSV with names and times to a data set, and a model trained on it."""

import numpy as np
import pandas as pd
import pytest

from bench.cli.main import main


@pytest.fixture
def bench(capsys, cache):
    def run(*argv):
        with pytest.raises(SystemExit) as exit_:
            main([str(word) for word in argv])
        captured = capsys.readouterr()
        return exit_.value.code, captured.out, captured.err

    return run


def test_a_csv_a_parquet_and_an_array_become_a_set_that_vbpr_trains_on(tmp_path, rng, bench, call):
    met = [
        (f"user {u}", f"B{i:04}", 1_600_000_000 + k) for u in range(40) for k, i in enumerate(rng.permutation(150)[:8])
    ]
    pd.DataFrame(met, columns=["who", "asin", "when"]).to_csv(tmp_path / "log.csv", index=False)
    names = [f"B{i:04}" for i in rng.permutation(150)]
    words = pd.DataFrame(rng.normal(size=(150, 4))).rename(columns=str).assign(asin=names)
    words[:-20].to_parquet(tmp_path / "text.parquet")
    np.save(tmp_path / "image.npy", rng.normal(size=(150, 6)))
    (tmp_path / "ids.txt").write_text("\n".join(names))
    out = tmp_path / "mine"
    columns = ["--user", "who", "--item", "asin", "--time", "when"]
    files = ["--features", f"image={tmp_path}/image.npy", f"text={tmp_path}/text.parquet"]
    code, said, error = bench(
        "import", tmp_path / "log.csv", *columns, *files, "--row-ids", f"image={tmp_path}/ids.txt", "--out", out
    )
    assert (code, error) == (0, "")
    assert said.endswith(f"To use it: python run_all.py --datasets {out}\n")
    assert ", whose rows are zero" in said
    assert "40 users" in said
    code, shown, _ = call("--datasets", out, "--models", "VBPR", "--budget", "smoke", "--gpus", "none")
    assert code == 0
    assert "VBPR" in shown


def test_one_column_for_users_and_items(tmp_path, bench):
    (tmp_path / "shop.csv").write_text("user,item\na,x\na,y\nb,x\n")
    code, _, error = bench("import", tmp_path / "shop.csv", "--user", "item", "--item", "item", "--out", tmp_path / "x")
    assert (code, error.count("\n")) == (2, 1)
    assert "shop.csv: --user and --item both read the column item; name another with one of them" in error


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "the following arguments are required: FILE|FOLDER, --out; see python -m bench import --help"),
        (["nowhere.csv", "--out", "x"], "nowhere.csv is missing"),
        (["nowhere.csv", "--out", "x", "--features", "image.npy"], "'image.npy' is not MODALITY=FILE"),
        (["nowhere.csv", "--out", "x", "--features", "a=b", "a=c"], "--features gives a twice; give it once"),
        (["nowhere.csv", "--out", "x", "--k-core", "-1"], "'-1' is not a whole number of 0 or more"),
        (["nowhere.csv", "--out", "x", "--split", "ratios"], "nowhere.csv is missing"),
    ],
)
def test_mistakes_are_one_line(bench, flags, message):
    code, _, error = bench("import", *flags)
    assert (code, error.count("\n")) == (2, 1)
    assert message in error
