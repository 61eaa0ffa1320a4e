"""What makes records unequal, and which rows are unlike most."""

import dataclasses

from bench.report.conditions import mixture, unequal
from bench.spec import BUDGETS
from tests.report.made import evidence, record, unfinished

SHORT = dataclasses.replace(BUDGETS["standard"], patience=10)


def three(**changed):
    rows = [record(model, budget=BUDGETS["standard"]) for model in ("BPRMF", "VBPR")]
    return evidence(*rows, record("MCLN", **{"budget": BUDGETS["standard"], **changed})).frame


def test_another_patience_is_unequal_and_the_rows_unlike_most_are_named():
    what = "patience (evaluations without gain before training stops)"
    assert unequal(three(budget=SHORT)) == [what]
    [note] = mixture(three(budget=SHORT), "Beauty")
    assert (
        note.text == f"Not comparable: the records of Beauty differ in {what}; the rows that differ from most are MCLN."
    )
    assert note.is_warning
    assert mixture(three(), "Beauty") == unequal(three()) == []


def test_an_epoch_chosen_among_fewer_is_unequal():
    assert unequal(three(budget=dataclasses.replace(BUDGETS["standard"], eval_every=50))) == [
        "epochs between evaluations"
    ]


def test_no_row_is_unlike_most_of_two():
    frame = evidence(record("BPRMF"), record("VBPR", engine=9)).frame
    assert [note.text for note in mixture(frame, "Art")] == [
        "Not comparable: the records of Art differ in engine version."
    ]


def test_what_did_not_finish_makes_nothing_unequal():
    assert unequal(evidence(record("BPRMF"), unfinished("VBPR", engine=9)).frame) == []


def test_what_chose_the_epoch_counts_in_the_ranking_that_is_shown():
    frame = three().assign(**{"chosen_by.sampled": ["a", "a", "b"], "chosen_by.full": "a"})
    assert unequal(frame, "sampled") == ["the ranking that chose the epoch"]
    assert unequal(frame, "full") == unequal(frame) == []
