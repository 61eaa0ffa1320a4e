"""Counts of the test cases: by hand, and written once."""

import numpy as np
import pandas as pd
import pytest

from bench.data.dataset import Dataset
from bench.data.split import split
from bench.protocol.metrics import means
from bench.run import count_cases, plan
from bench.run.count_cases import case_facts, pairs_above
from bench.store import case_facts as case_facts_file
from bench.store.store import Store
from tests.report.made import stored
from tests.store.made import record


@pytest.fixture
def dataset():
    """Items 0 to 3, met in train 3, 1, 1 and 0 times; user 0 repeats a pair and has its test item in train."""
    return Dataset(
        name="tiny",
        n_users=3,
        n_items=4,
        train=np.array([[0, 0], [0, 0], [0, 1], [1, 0], [2, 0], [2, 2]]),
        valid=np.array([[2, 2]]),
        test=np.array([[0, 1], [1, 3], [2, 1]]),
        features={
            "visual": np.array([[1, 0], [0, 2], [0, 0], [0, 0]], dtype=np.float32),
            "textual": np.array([[1], [0], [0], [5]], dtype=np.float32),
        },
        feature_id="toy",
        hash="h",
    )


def columns(facts):
    return {name: facts[name].tolist() for name in facts}


def test_facts_under_paper_by_hand(dataset):
    assert columns(case_facts(dataset, split(dataset, "released"))) == {
        "user_degree": [2, 1, 2],
        "item_popularity": [1, 0, 1],
        "pairs_above": [3, 5, 3],
        "train_pairs": [5, 5, 5],
        "is_in_own_train": [True, False, False],
        "has_visual": [True, False, True],
        "has_textual": [False, True, False],
    }


def test_facts_under_clean_by_hand(dataset):
    """Left in train: (0, 0), (1, 0), (2, 0)."""
    found = columns(case_facts(dataset, split(dataset, "clean")))
    assert found["user_degree"] == [1, 1, 1]
    assert found["item_popularity"] == [0, 0, 0]
    assert found["pairs_above"] == [3, 3, 3]
    assert found["is_in_own_train"] == [False] * 3


def test_pairs_above_is_a_plain_loop(rng):
    popularity = rng.integers(0, 6, 40)
    expected = [sum(p for p in popularity if p > own) for own in popularity]
    assert pairs_above(popularity).tolist() == expected


def test_facts_without_features(dataset):
    bare = Dataset(**{**vars(dataset), "features": {}})
    assert not [name for name in case_facts(bare, split(bare, "released")) if name.startswith("has_")]


def test_each_data_set_and_protocol_is_written_once(folder, tmp_path, monkeypatch):
    works = plan.jobs(plan.Request(datasets=[str(folder)], models=["BPRMF", "VBPR"], protocols=["paper", "clean"]))
    count_cases.fill(works, Store(tmp_path))
    paths = sorted(tmp_path.glob("*/cases/*.facts.parquet"))
    assert paths == sorted({Store(tmp_path).cases(work.job) for work in works})
    assert len(paths) == 2
    monkeypatch.setattr(count_cases, "load", None)  # nothing is loaded again
    count_cases.fill(works, Store(tmp_path))


def test_each_protocol_counts_its_own_train_pairs(dataset, folder, tmp_path, monkeypatch):
    works = plan.jobs(plan.Request(datasets=[str(folder)], models=["BPRMF"], protocols=["paper", "clean"]))
    monkeypatch.setattr(count_cases, "load", lambda planned: dataset)
    count_cases.fill(works, Store(tmp_path))
    found = {one.job.protocol.name: case_facts_file.read(Store(tmp_path).cases(one.job)) for one in works}
    assert {name: facts["user_degree"].tolist() for name, facts in found.items()} == {
        "paper": [2, 1, 2],
        "clean": [1, 1, 1],
    }


def test_damaged_facts_are_written_anew(folder, tmp_path):
    works = plan.jobs(plan.Request(datasets=[str(folder)], models=["BPRMF"], protocols=["paper"]))
    count_cases.fill(works, Store(tmp_path))
    (path,) = tmp_path.glob("*/cases/*.facts.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[:50])
    count_cases.fill(works, Store(tmp_path))
    assert path.read_bytes() == whole


def test_a_run_with_nothing_to_do_writes_what_is_missing_and_reports_on_it(call, folder, tmp_path, rng):
    asked = plan.Request(datasets=[str(folder)], models=["BPRMF", "VBPR"], protocols=["paper"], budget="smoke")
    for work in plan.jobs(asked):
        places = rng.integers(1, 101, 40)
        stored(tmp_path / "results", places, full=places, **vars(work.job))
    flags = ("--datasets", folder, "--models", "BPRMF", "VBPR", "--protocols", "paper", "--budget", "smoke")
    code, out, _ = call(*flags)
    assert code == 0
    assert "2 jobs: 0 to run" in out
    assert len(list((tmp_path / "results").glob("*/cases/*.facts.parquet"))) == 1
    reports = {page.name for page in (tmp_path / "reports" / "paper-smoke").iterdir()}
    assert {f"{name}-{r}.md" for name in ("significance", "slices") for r in ("sampled", "full")} <= reports
    assert (tmp_path / "reports" / "protocols-smoke" / "sensitivity.md").exists()


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(path.read_bytes()[:50]), lambda path: path.unlink()])
def test_lost_users_and_targets_are_written_again_from_the_data(call, folder, tmp_path, damage):
    """The records that name them stand, and nothing runs again."""
    works = plan.jobs(plan.Request(datasets=[str(folder)], models=["Pop", "EASE"], protocols=["paper"], budget="smoke"))
    user, target = split(plan.load(works[0]), "released").test.T
    ranks = pd.DataFrame({"user": user, "target": target, "rank_sampled": 1, "ties_sampled": 0})
    for work in works:
        Store(tmp_path / "results").write(record(job=work.job).model_copy(update={"metrics": means(ranks)}), ranks)
    (path,) = tmp_path.glob("results/*/cases/*.pairs.parquet")
    whole = path.read_bytes()
    damage(path)
    flags = ("--datasets", folder, "--models", "Pop", "EASE", "--protocols", "paper", "--budget", "smoke", "--dry-run")
    code, out, error = call(*flags)
    assert (code, error, path.read_bytes()) == (0, "", whole)
    assert out.startswith(f"{path} was missing or damaged; it is written again from the data\n2 jobs: 0 to run")
    assert "written again" not in call(*flags)[1]


def test_users_and_targets_that_records_do_not_name_are_not_written(call, folder, tmp_path):
    (work,) = plan.jobs(plan.Request(datasets=[str(folder)], models=["Pop"], protocols=["paper"], budget="smoke"))
    stored(tmp_path / "results", [1] * 41, **vars(work.job))  # the data have 40 test cases
    (path,) = tmp_path.glob("results/*/cases/*.pairs.parquet")
    path.unlink()
    flags = ("--datasets", folder, "--models", "Pop", "--protocols", "paper", "--budget", "smoke")
    code, out, _ = call(*flags, "--dry-run")
    assert (code, "1 job: 1 to run" in out) == (0, True)
    assert not path.exists()
