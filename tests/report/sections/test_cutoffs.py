"""Metrics that were asked for, from the ranks: by hand, and what lacks its ranks."""

import pytest

from bench.report.render.text import text
from bench.report.sections import cutoffs
from bench.report.terms import TERMS, term
from bench.report.write import console
from bench.spec import METRIC_NAMES
from bench.store.store import Store
from tests.report.made import evidence, stored

RANKS = [1, 2, 5, 20]


@pytest.fixture
def asked(tmp_path):
    """asked(*metrics): the tables of BPRMF with RANKS, of MCLN with the worst of them everywhere."""

    def make(*metrics):
        records = stored(tmp_path, RANKS), stored(tmp_path, [20] * 4, "MCLN")
        return evidence(*records, folder=tmp_path, metrics=metrics)

    return make


def values(table, row):
    own = table.data[(table.data["row"] == row) & table.data["mean"].notna()]
    return dict(zip(own["metric"], own["mean"], strict=True))


def test_by_hand(asked):
    sampled, _ = cutoffs.pages(asked("hr@1", "recall@3", "precision@4", "map@5", "mrr@20", "hr@5"))
    expected = {"hr@1": 1 / 4, "recall@3": 2 / 4, "precision@4": 2 / 4 / 4, "map@5": (1 + 1 / 2 + 1 / 5) / 4}
    expected |= {"mrr@20": (1 + 1 / 2 + 1 / 5 + 1 / 20) / 4, "hr@5": 3 / 4}
    assert values(sampled, "BPRMF") == pytest.approx(expected)
    assert values(sampled, "MCLN")["map@5"] == 0


def test_each_ranking_has_its_own_ranks(tmp_path):
    found = evidence(stored(tmp_path, [1, 2, 3, 30], full=[1, 30, 30, 30]), folder=tmp_path, metrics=("hr@20",))
    assert [values(table, "BPRMF") for table in cutoffs.pages(found)] == [{"hr@20": 3 / 4}, {"hr@20": 1 / 4}]


def test_the_papers_value_stands_beside_the_metrics_it_has(asked):
    sampled, full = cutoffs.pages(asked("hr@20", "ndcg@10"))
    beside = ["paper", "diff.", "independent run"]
    assert [column.name for column in sampled.blocks[0].columns] == ["Model", "H@20", "N@10", *beside]
    assert [column.name for column in full.blocks[0].columns] == ["Model", "H@20", "N@10"]


def test_notes_speak_of_what_the_table_has(asked):
    """The paper has no H@20 and no MRR."""
    sampled, _ = cutoffs.pages(asked("mrr@10", "hr@20"))
    said = " ".join(note.text for note in sampled.notes)
    assert "H@k is HR@k" in said
    assert not [word for word in ("diff.", "paper", "%Imp.", "independent") if word in said]
    alone, _ = cutoffs.pages(asked("mrr@10"))
    assert "H@k is HR@k" not in " ".join(note.text for note in alone.notes)
    both, _ = cutoffs.pages(asked("mrr@10", "hr@10"))
    assert "diff. is our value minus the paper's." in [note.text for note in both.notes]
    assert "A dash under paper" not in " ".join(note.text for note in both.notes)


def test_an_equal_metric_of_table_2_has_the_same_value(asked):
    evidence = asked("hr@10")
    run = evidence.main[evidence.main["row"] == "BPRMF"].iloc[0]
    assert values(cutoffs.pages(evidence)[0], "BPRMF")["hr@10"] == run["sampled.hr@10"] == 3 / 4


def test_a_record_without_its_ranks_says_so(asked, tmp_path):
    evidence = asked("hr@20")
    store = Store(tmp_path)
    for path in store.root.glob("*/BPRMF/*.parquet"):
        path.unlink()
    sampled, _ = cutoffs.pages(evidence)
    assert "BPRMF" in {line.cells[0].text for line in sampled.blocks[0].lines}
    assert "recorded without sampled.hr@20" in {cell.note for cell in sampled.cells}


def test_nothing_is_added_unless_it_is_asked_for(asked):
    assert cutoffs.pages(asked()) == []
    assert "other metrics" not in console(asked())
    assert "Table 2 with other metrics" in console(asked("hr@20"))
    assert "H@20" in text(cutoffs.pages(asked("hr@20"))[0])


def test_every_head_is_explained(asked):
    sampled, _ = cutoffs.pages(asked(*(f"{name}@7" for name in METRIC_NAMES)))
    assert all(term(column) in TERMS for column in sampled.blocks[0].columns)
