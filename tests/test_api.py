"""Results from Python: frames by hand, the same numbers as the report's, and a run."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import jaxtyping
import numpy as np
import pandas as pd
import pytest

import bench
from bench.report.differences import comparisons
from bench.spec import BenchError
from bench.store import case_facts
from bench.store.store import Store
from tests.report.made import stored
from tests.report.sections.test_significance import STRONG, WEAK

ROOT = Path(__file__).parents[1]


@pytest.fixture
def results(tmp_path):
    """BPRMF hits for two users of eight; MCLN for all."""
    stored(tmp_path, WEAK)
    stored(tmp_path, STRONG, "MCLN")
    return bench.load(tmp_path)


def test_one_line_per_run(results):
    frame = results.to_frame()
    assert sorted(frame["row"]) == ["BPRMF", "MCLN"]
    assert list(frame["sampled.hr@5"].sort_values()) == [2 / 8, 1.0]
    assert "BPRMF" in results._repr_html_()
    assert repr(results).startswith("2 runs in ")


def test_table2_has_the_means(results):
    found = results.table2("beauty", ranking="sampled").droplevel(["protocol", "budget", "ranking", "features"])
    assert found.loc["BPRMF", "H@5"] == 2 / 8
    assert found.loc["MCLN", "N@10"] == 1.0


def test_compare_by_hand(results):
    """Six gains of eight, all one way: 2 of 2^6 signs."""
    (line,) = results.compare("MCLN", "BPRMF", metric="hr@5").to_dict("records")
    assert (line["difference"], line["n_cases"], line["note"]) == (6 / 8, 8, "")
    assert line["p"] == pytest.approx(2 / 2**6)
    (other,) = results.compare("BPRMF", "MCLN", metric="hr@5").to_dict("records")
    assert (other["difference"], other["low"]) == (-line["difference"], pytest.approx(-line["high"]))


@pytest.mark.parametrize("metric", ["hr@5", "ndcg@10"])
def test_compare_is_the_significance_table(results, metric):
    tests = comparisons(results.evidence)
    (known,) = tests[(tests["row"] == "MCLN") & (tests["metric"] == metric)].to_dict("records")
    (line,) = results.compare("MCLN", known["vs"], metric=metric).to_dict("records")
    names = {"p_permutation": "p", "difference": "difference", "low": "low", "high": "high"}
    assert [line[name] for name in names.values()] == [known[name] for name in names]


def test_rows_that_cannot_be_paired_have_empty_measures(tmp_path):
    stored(tmp_path, [1, 50])
    stored(tmp_path, [1, 50, 50], "MCLN")
    (line,) = bench.load(tmp_path).compare("MCLN", "BPRMF").to_dict("records")
    assert line["note"] == "not comparable: tested on other cases than BPRMF"
    assert [math.isnan(line[name]) for name in ("difference", "low", "high", "p", "n_cases")] == [True] * 5


def test_rows_of_unequal_conditions_are_compared_and_named(results):
    stored(results.evidence.results, STRONG, "VBPR", engine=9)
    (line,) = bench.load(results.evidence.results).compare("VBPR", "BPRMF", ranking="sampled").to_dict("records")
    assert (line["note"], line["unequal"]) == ("", "engine version")
    (line,) = results.compare("MCLN", "BPRMF").to_dict("records")
    assert line["unequal"] == ""


def test_slices_add_up_to_the_whole():
    lines = bench.load(ROOT / "results/reference").compare(
        "MCLN", "LightGCN", dataset="beauty", protocol="clean", per_slice=True
    )
    (whole,) = lines[lines["slice"] == "all"]["difference"]
    for _, part in lines[lines["slicing"] != ""].groupby("slicing"):
        assert part["n_cases"].sum() == 15576
        assert (part["difference"] * part["n_cases"]).sum() / 15576 == pytest.approx(whole)


def test_slices_of_rows_with_unlike_numbers_of_seeds(tmp_path):
    """Two seeds and three are not paired by seed; the values of a case are averaged over a row's own."""
    runs = [stored(tmp_path, [*places, 1, 50], seed=seed) for seed, places in enumerate(([1, 50], [50, 50]))]
    runs += [stored(tmp_path, [1, 1, 50, 50], "MCLN", seed=seed) for seed in range(3)]
    facts = pd.DataFrame({"user_degree": [1, 1, 1, 9], "item_popularity": 5, "pairs_above": 0, "train_pairs": 20})
    case_facts.write(facts.assign(is_in_own_train=False), Store(tmp_path).cases(runs[0].job))
    lines = bench.load(tmp_path).compare("MCLN", "BPRMF", metric="hr@5", ranking="sampled", per_slice=True)
    assert lines[["slice", "difference", "n_cases"]].values.tolist() == [
        ["all", 0.125, 4],
        ["Q1 (1-1)", pytest.approx(0.5 / 3), 3],
        ["Q4 (9-9)", 0.0, 1],
    ]
    assert lines[["low", "high"]].isna().values.tolist() == [[False] * 2, [False] * 2, [True] * 2]


def test_ranks_of_every_case(results):
    ranks = results.ranks("BPRMF", seed=0)
    assert list(ranks["rank_sampled"]) == WEAK
    assert {"dataset", "protocol", "key", "user", "target"} <= set(ranks)


def test_ranks_of_several_seeds(tmp_path):
    for seed in (0, 1, 2):
        stored(tmp_path, WEAK, seed=seed)
    assert set(bench.load(tmp_path).ranks("BPRMF", seed=[2, 0])["seed"]) == {0, 2}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda r: r.compare("MCLN", "BPRFM"), "did you mean BPRMF?"),
        (lambda r: r.compare("MCLN", "BPRMF", metric="ndcg10"), "did you mean ndcg@10"),
        (lambda r: r.compare("MCLN", "BPRMF", dataset="art"), "matches {'dataset': 'art'}"),
        (lambda r: r.table2("beauty", protokol="paper"), "did you mean protocol?"),
        (lambda r: r.ranks("LightGCN"), "unknown row 'LightGCN'"),
    ],
)
def test_a_wrong_name_is_one_line(results, call, said):
    with pytest.raises(BenchError, match=said.replace("?", r"\?")):
        call(results)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda r: r.compare(None, "BPRMF"), "unknown row None"),
        (lambda r: r.compare("MCLN", ["BPRMF"]), "unknown row ['BPRMF']; did you mean BPRMF?"),
        (lambda r: r.compare("MCLN", "BPRMF", metric=["hr@5"]), "unknown metric ['hr@5']; did you mean hr@5?"),
        (lambda r: r.ranks(["MCLN"]), "unknown row ['MCLN']; did you mean MCLN?"),
        (lambda r: r.ranks("MCLN", settings={"size": 1}), "unknown choice 'settings'"),
        (lambda r: bench.load(r.evidence.results, ours=3), "unknown model '3'"),
        (lambda r: bench.load_model(3, results=r.evidence.results), "unknown key '3'"),
        (
            lambda r: bench.run(datasets=["ml-100k"], when=["missing"]),
            "unknown when ['missing']; did you mean missing?",
        ),
        (
            lambda r: bench.run(datasets=["ml-100k"], machines=["jobs"]),
            "machines=['jobs']: give a dictionary, such as {'jobs': 2}",
        ),
        (lambda r: bench.run(datasets=["ml-100k"], results=None), "results=None: give the path of a folder"),
        (lambda r: bench.load(None), "folder=None: give the path of a folder"),
        (lambda r: bench.load_model("key", results=3), "results=3: give the path of a folder"),
    ],
)
def test_a_value_of_another_type_is_one_line(results, call, said, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # users have no checks of types
    with pytest.raises(BenchError, match=re.escape(said)):
        call(results)


def test_none_is_no_example_of_a_list(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(BenchError, match="argument datasets=None: give a list$"):
        bench.run(datasets=None)


@pytest.mark.parametrize("several", [["sampled", "full"], ("sampled", "full"), {"sampled", "full"}])
def test_several_values_are_chosen_alike_everywhere(results, several):
    assert [board.ranking for board in results.boards(ranking=several)] == ["sampled", "full"]
    assert len(results.compare("MCLN", "BPRMF", dataset=["beauty"], ranking=several)) == 1  # MCLN has no full ranking
    assert set(results.ranks("MCLN", seed=(0, 1))["seed"]) == {0}


def test_a_data_folder_may_be_in_the_home_folder(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("bench.session.run", lambda request, **more: asked.append(request) or 1)
    with pytest.raises(BenchError, match="exit code 1"):
        bench.run(datasets=["art"], data_dir="~/data")
    assert asked[0].data_dir == tmp_path / "data"


def test_a_folder_without_records(tmp_path, monkeypatch):
    with pytest.raises(BenchError, match="no records in"):
        bench.load(tmp_path / "nowhere")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BenchError, match=r"no records in \.$"):
        bench.load("")


def test_the_row_under_study_is_one_of_the_records_or_a_model(results, tmp_path):
    stored(tmp_path, STRONG, "Mine", hyper={"lr": 0.1}, facts={"tuning.trials": 12})
    for ours in ("Mine (tuned)", "LightGCN", "MCLN:itemwise"):
        assert bench.load(tmp_path, ours=ours).evidence.ours == ours
    assert bench.load(tmp_path, ours="svdpp").evidence.ours == "SVD++"  # as tables call it
    for ours in ("MLCN", "MCLN (tuned)"):
        with pytest.raises(BenchError, match="unknown model"):
            bench.load(tmp_path, ours=ours)


def test_reading_imports_no_torch(results):
    code = f"import sys, bench; r = bench.load({str(results.evidence.results)!r}); r.compare('MCLN', 'BPRMF'); "
    code += "r.ranks('MCLN'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_run_and_its_curve(folder, tmp_path):
    """As ``run_all.py``: records and tables are written, and what was written comes back."""
    places = {"results": tmp_path / "out", "reports": tmp_path / "reports"}
    found = bench.run(
        datasets=[folder],  # a path, as dataset_from_frame returns it
        models=["BPRMF"],
        budget="quick",
        protocols=["clean"],
        machines={"gpus": "none"},
        **places,
    )
    (line,) = found.to_frame().to_dict("records")
    curve = found.curves()
    assert line["status"] == "done"
    assert set(curve["metric"]) == {"sampled.ndcg@10", "full.ndcg@10"}
    assert not curve["value"].map(math.isnan).any()
    assert found.plot_curves(metric="full.ndcg@10").axes
    assert (tmp_path / "reports/index.md").exists()
    with pytest.raises(BenchError, match="did you mean BPRMF"):
        bench.run(datasets=[str(folder)], models=["BPRFM"], **places)
    for asked, said in (
        ({"datasets": "ml-100k"}, r"argument datasets='ml-100k': give a list, such as \['ml-100k'\]"),
        ({"seeds": 3}, r"argument seeds=3: give a list, such as \[3\]"),
        ({"when": "allways"}, "unknown when 'allways'; did you mean always"),
        ({"mode": "tune"}, "unknown mode 'tune'; did you mean tuned"),
        ({"mode": "tuned", "configs": tmp_path}, r"BPRMF.yaml does not exist, but --hyper tuned needs it"),
        ({"prefer": "tuned"}, "unknown preset to prefer 'tuned'"),
        ({"budgett": "quick"}, "unknown argument 'budgett'; did you mean budget"),
        ({"machines": {"job": 2}}, "unknown field of machines 'job'; did you mean jobs"),
    ):
        with pytest.raises(BenchError, match=said):
            bench.run(**{"datasets": [str(folder)], "models": ["BPRMF"], **places, **asked})


def test_an_array_is_as_good_as_a_list():
    with pytest.raises(BenchError, match="seed -1 is not a whole number"):
        bench.run(datasets=["ml-100k"], models=["BPRMF"], seeds=np.arange(-1, 2))


def test_the_numbers_of_numpy_are_those_of_python(monkeypatch):
    asked = []
    monkeypatch.setattr("bench.session.run", lambda request, **more: asked.append((request, more["machines"])) or 1)
    hyper = {"embedding_size": np.int64(8), "layer_sizes": (np.int32(4), 4)}
    with pytest.raises(BenchError, match="exit code 1"):
        bench.run(datasets=["art"], hyper=hyper, seeds=np.arange(2), machines={"jobs": np.int64(2)})
    ((request, machines),) = asked
    assert [type(value) for value in (request.hyper["embedding_size"], machines.jobs)] == [int, int]
    assert (request.hyper, request.seeds) == ({"embedding_size": 8, "layer_sizes": (4, 4)}, [0, 1])


@pytest.mark.parametrize(("code", "error"), [(1, BenchError), (124, BenchError), (130, KeyboardInterrupt)])
def test_a_run_that_does_not_end_well(code, error, monkeypatch):
    monkeypatch.setattr("bench.session.run", lambda *args, **more: code)
    with pytest.raises(error, match=f"exit code {code}"):
        bench.run(datasets=["ml-100k"])


def test_a_plain_script_runs_once(folder, tmp_path):
    """It guards nothing, and is not run again in the processes of its jobs."""
    script = tmp_path / "script.py"
    asked = {"datasets": [str(folder)], "models": ["BPRMF"], "budget": "smoke", "protocols": ["clean"]}
    script.write_text(f"import bench\n\nprint('begun')\nassert len(bench.run(**{asked!r}).to_frame()) == 1\n")
    more = {"env": {**os.environ, "PYTHONPATH": str(ROOT)}, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, timeout=120, **more)
    assert done.returncode == 0, done.stderr
    assert "begun" not in "".join(path.read_text() for path in tmp_path.glob("results/*/*/*.log"))


def test_the_notebook_runs(tmp_path, monkeypatch):
    """Every cell of docs/results.ipynb, one after another, from the folder that it lies in, where Jupyter starts it."""
    monkeypatch.chdir(ROOT / "docs")
    cells = json.loads((ROOT / "docs/results.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 5
    names: dict = {}
    for cell in code:
        exec(compile(cell, "docs/results.ipynb", "exec"), names)
    assert names["results"].evidence.records


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": ""}])
def test_without_data_a_model_is_loaded_on_the_data_set_of_its_record(tmp_path, monkeypatch, data):
    from bench.run import trained

    monkeypatch.setattr(trained, "load", lambda store, key, *, location, **more: location)
    assert bench.load_model("key", results=tmp_path, **data) == ""


@pytest.mark.parametrize(
    "call",
    [
        bench.load,
        lambda folder: bench.load_model("key", results=folder),
        lambda folder: bench.run(datasets=["ml-100k"], results=folder),
    ],
)
def test_a_home_folder_that_is_not_here_is_one_clear_line(call):
    with pytest.raises(BenchError, match="names the home folder of a user who is not here"):
        call("~no-such-user/results")
