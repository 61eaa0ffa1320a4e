"""Means over parts of the cases: by hand, and added up again."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from bench.report.render.text import markdown
from bench.report.sections import slices
from bench.report.sections.slices import by_degree, by_modalities, by_popularity, slicings
from bench.spec import PROTOCOLS
from bench.store import case_facts
from bench.store.store import Store
from tests.report.made import evidence, record, stored

FACTS = pd.DataFrame(
    {
        "user_degree": [1, 2, 3, 4],
        "item_popularity": [9, 5, 1, 0],
        "pairs_above": [0, 30, 90, 100],
        "train_pairs": [100] * 4,
        "is_in_own_train": [True, False, False, False],
        "has_visual": [True, True, False, False],
        "has_textual": [True, False, True, False],
    }
)


def keep(folder, facts, **job):
    path = Store(folder).cases(record(**job).job)
    case_facts.write(facts, path)


def contents(folder, *records):
    return slices.pages(evidence(*records, folder=folder))


def test_quarters_of_the_degree_keep_equal_degrees_together():
    assert list(by_degree(pd.Series([1, 2, 3, 4]))) == ["Q1 (1-1)", "Q2 (2-2)", "Q3 (3-3)", "Q4 (4-4)"]
    found = by_degree(pd.Series([4, 4, 4, 4, 4, 4, 4, 9]))
    assert found.value_counts().to_dict() == {"Q1 (4-4)": 7, "Q4 (9-9)": 1}


def test_head_mid_tail_and_cold_by_share_of_the_train_pairs():
    assert list(by_popularity(FACTS)) == ["head", "mid", "tail", "cold"]
    edges = pd.DataFrame({"item_popularity": [1] * 4, "pairs_above": [19, 20, 79, 80], "train_pairs": [100] * 4})
    assert list(by_popularity(edges)) == ["head", "mid", "mid", "tail"]


def test_modalities_are_counted_and_named():
    found = by_modalities(pd.DataFrame({"visual": FACTS["has_visual"], "textual": FACTS["has_textual"]}))
    assert list(found.categories) == ["0", "1: textual", "1: visual", "2: visual+textual"]
    assert list(found) == ["2: visual+textual", "1: visual", "1: textual", "0"]


def test_three_modalities_keep_their_cases():
    has = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=bool)
    found = by_modalities(pd.DataFrame(has, columns=["visual", "textual", "acoustic"]))
    assert list(found) == ["1: visual", "1: textual", "2: visual+textual", "1: acoustic"]


def test_a_slicing_of_one_slice_and_absent_features_are_left_out():
    bare = FACTS.drop(columns=["has_visual", "has_textual"]).assign(is_in_own_train=False)
    assert list(slicings(bare)) == ["train degree of the user", "popularity of the test item"]


def test_every_case_is_in_one_slice(rng):
    n = 300
    facts = pd.DataFrame(
        {
            "user_degree": rng.integers(1, 9, n),
            "item_popularity": rng.integers(0, 5, n),
            "pairs_above": rng.integers(0, 100, n),
            "train_pairs": 100,
            "is_in_own_train": rng.random(n) < 0.2,
            "has_visual": rng.random(n) < 0.5,
        }
    )
    assert [slicing.value_counts().sum() for slicing in slicings(facts).values()] == [n] * 4


def test_a_tiny_table_by_hand(tmp_path, monkeypatch):
    """Two cases in the user's own train list, hit in places 1 and 3; of the other two one is hit in place 10."""
    monkeypatch.setattr(slices, "FEWEST", 2)
    keep(tmp_path, FACTS.assign(is_in_own_train=[True, True, False, False], user_degree=5))
    (page,) = contents(tmp_path, stored(tmp_path, [1, 3, 10, 11]), stored(tmp_path, [1, 1, 1, 1], "VBPR"))
    own = page.blocks[1]
    assert own.title == "Beauty (entities): test item in the user's own train list"
    assert [column.name for column in own.columns] == ["Model", "no N@10", "no H@10", "yes N@10", "yes H@10"]
    lines = [line.texts for line in own.lines]
    assert lines == [
        ["cases", "2", "2", "2", "2"],
        ["BPRMF", f"{1 / np.log2(11) / 2:.4f}", "0.5000", f"{(1 + 0.5) / 2:.4f}", "1.0000"],
        ["VBPR", "1.0000", "1.0000", "1.0000", "1.0000"],
    ]
    assert [cell.mark for cell in own.lines[1].cells] == [""] * 5  # where all are equal, none is best
    assert [cell.mark for cell in own.lines[2].cells] == ["", "best", "best", "best", ""]
    assert "**1.0000**" in markdown(page)


def test_a_slice_of_few_cases_has_no_best_value(tmp_path):
    """The head has 30 cases, the middle 29."""
    facts = FACTS.iloc[[0] * 30 + [1] * 29].assign(is_in_own_train=False, user_degree=5)
    keep(tmp_path, facts)
    (page,) = contents(tmp_path, stored(tmp_path, [2] * 59), stored(tmp_path, [1] * 59, "VBPR"))
    (own,) = [block for block in page.blocks if "popularity" in block.title]
    assert own.lines[0].texts == ["cases", "30", "30", "29", "29"]
    assert [cell.mark for cell in own.lines[2].cells] == ["", "best", "", "few", "few"]
    assert [cell.mark for cell in own.lines[1].cells] == ["", "", "", "few", "few"]


def test_means_weighted_by_their_counts_give_the_mean_of_table_2(tmp_path, rng):
    n = 200
    facts = pd.concat([FACTS] * 50, ignore_index=True).assign(user_degree=rng.integers(1, 30, n))
    keep(tmp_path, facts)
    records = [
        stored(tmp_path, rng.integers(1, 30, n), model, full=rng.integers(1, 90, n), seed=seed)
        for model in ("BPRMF", "MCLN")
        for seed in (0, 1)
    ]
    pages = contents(tmp_path, *records)
    assert [page.name for page in pages] == ["slices-paper-smoke-sampled", "slices-paper-smoke-full"]
    for page in pages:
        whole = page.data.assign(total=page.data["mean"] * page.data["n_cases"])
        whole = whole.groupby(["row", "metric", "slicing"])[["total", "n_cases"]].sum()
        assert len(whole) == 2 * 2 * 4
        for (row, metric, _), line in whole.iterrows():
            means = [r.metrics[f"{page.ranking}.{metric}"] for r in records if r.job.row == row]
            assert line["n_cases"] == n
            assert line["total"] / n == pytest.approx(np.mean(means))


def test_facts_that_are_not_there_or_do_not_fit_are_said(tmp_path):
    made = stored(tmp_path, [1, 2, 3, 4])
    assert contents(tmp_path, made) == []
    keep(tmp_path, FACTS, dataset="art")
    (page,) = contents(tmp_path, made, stored(tmp_path, [1, 2, 3, 4], dataset="art"))
    assert "Beauty (entities): the facts of its test cases are not stored; the next run on it writes them." in [
        note.text for note in page.notes
    ]
    keep(tmp_path, FACTS[:3])
    (page,) = contents(tmp_path, made, stored(tmp_path, [1, 2, 3, 4], dataset="art"))
    assert "Beauty (entities): BPRMF has no ranks for these cases." in [note.text for note in page.notes]


def test_facts_that_tell_no_cases_apart_are_not_called_missing(tmp_path):
    made = stored(tmp_path, [1, 2, 3, 4])
    keep(tmp_path, FACTS.iloc[[0] * 4].drop(columns=["has_visual", "has_textual"]))
    keep(tmp_path, FACTS, dataset="art")
    (page,) = contents(tmp_path, made, stored(tmp_path, [1, 2, 3, 4], dataset="art"))
    said = "Beauty (entities): no slices, because every way of slicing puts all test cases into one slice."
    assert page.notes[-1].text == said


def test_the_file_is_named_by_data_and_protocol_alone(tmp_path):
    store, job = Store(tmp_path), record().job
    assert store.cases(job) == store.cases(record("VBPR", seed=3).job)
    others = (record(data_hash="e"), record(protocol=PROTOCOLS["clean"]), record(dataset="art"))
    assert len({store.cases(r.job) for r in others} | {store.cases(job)}) == 4
    assert store.cases(record(dataset="some/where/mine").job).parent == tmp_path / "mine" / "cases"


def test_data_of_the_same_name_are_not_sliced_by_these_facts(tmp_path):
    keep(tmp_path, FACTS)
    old = stored(tmp_path, [1, 2, 3, 4], "VBPR", data_hash="old", start="2023-01-01T00:00:00+00:00")
    (page,) = contents(tmp_path, stored(tmp_path, [1, 2, 3, 4]), old)
    assert set(page.data["row"]) == {"BPRMF"}
    said = "Beauty@old (entities): the facts of its test cases are not stored; the next run on it writes them."
    assert said.lower() in [note.text.lower() for note in page.notes]


def test_the_facts_of_any_row_will_do(tmp_path):
    """Pop stands first, and its cases were drawn by an earlier version of the protocol, without facts."""
    rows = [stored(tmp_path, [1, 2, 3, 50], model) for model in ("BPRMF", "MCLN")]
    keep(tmp_path, FACTS)
    before = dataclasses.replace(PROTOCOLS["paper"], version=1)
    (table,) = contents(tmp_path, stored(tmp_path, [1, 2, 3, 50], "Pop", protocol=before), *rows)
    shown = [line.texts[0] for line in table.blocks[0].lines]
    assert shown == ["cases", "Pop", "BPRMF", "MCLN"]
