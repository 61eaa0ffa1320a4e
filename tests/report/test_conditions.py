"""What makes records unequal, which rows are unlike most, and that every page says so."""

import dataclasses

from bench.report.conditions import mixture, unequal
from bench.report.sections import pages
from bench.spec import BUDGETS, PROTOCOLS
from bench.store import case_facts
from bench.store.store import Store
from tests.report.made import evidence, record, stored, unfinished
from tests.report.sections import test_content_use, test_slices

SHORT = dataclasses.replace(BUDGETS["standard"], patience=10)


def three(**changed):
    rows = [record(model, budget=BUDGETS["standard"]) for model in ("BPRMF", "VBPR")]
    return evidence(*rows, record("MCLN", **{"budget": BUDGETS["standard"], **changed})).frame


def test_another_patience_is_unequal_and_the_rows_unlike_most_are_named():
    what = "early-stopping patience"
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


def shown(folder, engines):
    """All pages about these runs, each with its engine, under both protocols, which draw candidates of their own."""
    runs = [{"model": model} for model in ("BPRMF", "VBPR", "LightGCN")]
    runs += [{"model": "MCLN", "seed": seed} for seed in (0, 1)]
    runs += [{"model": "MCLN", "hyper": {"n_layers": n}} for n in (1, 2)]
    facts = {**test_content_use.facts(0.5, 1.0), "epochs": 10}
    about = {"full": [2, 3, 4, 60], "curve": [{"epoch": n, "seconds": n, "sampled.ndcg@10": 0.1} for n in (5, 10)]}
    made = []
    for name, protocol in PROTOCOLS.items():
        about |= {"protocol": protocol, "facts": {**facts, "candidate_hash": name}}
        for run, engine in zip(runs, engines, strict=True):
            made.append(stored(folder, [1 + engine, 2, 3, 50], engine=engine, **run, **about))
        case_facts.write(test_slices.FACTS, Store(folder).cases(made[-1].job))
    knocked = record("VBPR", features="entities,shuffled", engine=engines[1], facts={"candidate_hash": "paper"})
    return pages(evidence(*made, knocked, folder=folder, metrics=("hr@20",)))


def test_every_page_that_compares_runs_warns_where_they_are_unequal(tmp_path):
    """The answer and the claims mark each verdict instead, Table 1 compares nothing, one model was knocked out, and
    there is no MEGCF for the page of the authors' runs."""
    equal, found = shown(tmp_path / "equal", [2] * 7), shown(tmp_path / "unequal", range(1, 8))
    assert not [page.kind for page in equal for note in page.notes if "Not comparable" in note.text]
    warned = {page.kind for page in found for note in page.notes if note.is_warning and "Not comparable" in note.text}
    others = {"answer", "answer-figure", "authors", "claims", "table1", "knockouts"}
    assert {page.kind for page in found} - warned == others
    assert warned == {
        "reproduction", "table2", "cutoffs", "significance", "figure4", "figure4-layers", "sensitivity",
        "sensitivity-slopes-beauty", "slices", "content-use", "content-use-figure", "learning-curves", "cost",
        "cost-figure",
    }  # fmt: skip
