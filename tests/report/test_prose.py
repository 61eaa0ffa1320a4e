"""What a table says about itself: its caption and its notes."""

from dataclasses import replace

from bench.report.prose import exceptions
from bench.report.sections import comparison
from bench.spec import BUDGETS, PROTOCOLS
from tests.report.made import OLD_CLEAN, evidence, find, record, said, sampled


def test_clean_says_what_selected_and_that_the_paper_did_otherwise():
    made = record(protocol=PROTOCOLS["clean"], budget=BUDGETS["quick"])
    table = find([made], "table2-clean-quick-sampled")
    assert "chosen on the validation set (by the sampled N@10, every 5 epochs)" in table.caption
    assert "The paper's values were measured under its own protocol, not under this one." in said(table)


def test_a_row_whose_epoch_another_ranking_chose_is_named():
    rows = [record(model, protocol=OLD_CLEAN) for model in ("BPRMF", "VBPR", "MCLN")]
    table = find(rows, "table2-clean-smoke-sampled")
    assert "The epoch was chosen by the sampled N@10 for MCLN, and by the full N@10 for all others." in said(table)


def test_a_choice_of_epoch_is_judged_within_its_data_set():
    """Art's rows were all chosen by full ranking and Beauty's by sampled: neither is an exception."""
    art = [record(model, protocol=OLD_CLEAN, dataset="art") for model in ("BPRMF", "VBPR")]
    beauty = [record(model, protocol=PROTOCOLS["clean"]) for model in ("BPRMF", "VBPR")]
    assert not [note for note in said(find([*art, *beauty], "table2-clean-smoke-sampled")) if "chosen by" in note]
    table = find([*art, *beauty, record("MCLN", protocol=OLD_CLEAN, dataset="art")], "table2-clean-smoke-sampled")
    [note] = [note for note in said(table) if "chosen by" in note]
    assert note.startswith("In Art (entities), the epoch was chosen by the sampled N@10 for MCLN, ")


def test_unequal_conditions_and_superseded_records_are_footnoted():
    old = record(source="old", start="2023-01-01T00:00:00+00:00")
    table = sampled(record(), old, record("VBPR", facts={"candidate_hash": "e"}))
    assert "Not comparable: the records of Beauty (entities) differ in candidates." in said(table)
    assert said(table)[-1].endswith("which this table leaves out: 1.")
    assert len(table.keys) == 2


def test_the_baselines_behind_the_improvement_are_counted_by_data_set():
    records = [record(model) for model in ("BPRMF", "VBPR", "LightGCN", "MCLN")] + [record("NGCF", dataset="art")]
    counts = "number of them with a value: Beauty (entities) 3, Art (entities) 1."
    assert f"%Imp. is the gain of MCLN over the best of the paper's 9 baselines; {counts}" in [
        note.text for note in sampled(*records).notes
    ]


def test_a_baseline_under_study_is_none_of_its_own_baselines():
    table = sampled(record("LightGCN"), record("LightGCN", preset="released"), record(), ours="LightGCN")
    text = "%Imp. is the gain of LightGCN over the best of the paper's 8 other baselines; number of them with a value"
    assert f"{text}: 1." in said(table)


def test_an_epoch_chosen_less_often_is_chosen_by_the_same_ranking():
    often, rarely = (replace(BUDGETS["smoke"], eval_every=n) for n in (5, 20))
    table = sampled(record(budget=often), record(dataset="taobao", budget=rarely))
    assert "(by the sampled N@10, every 20 epochs; by the sampled N@10, every 5 epochs)" in table.caption
    assert not [note for note in said(table) if note.startswith("The epoch was chosen")]


def test_rows_that_draw_their_steps_otherwise_than_most_are_named():
    kinds = {"BPRMF": "interaction", "VBPR": "user", "MCLN": "user"}
    rows = [record(model, settings={"sampling": kind}) for model, kind in kinds.items()]
    assert "A training step draws interactions for BPRMF, and users for all others." in said(sampled(*rows))
    assert not [note for note in said(sampled(*rows[1:])) if "training step" in note]
    art = [record(model, settings={"sampling": "user"}, dataset="art") for model in kinds]
    notes = [note for note in said(sampled(*rows, *art)) if "training step" in note]
    assert notes == ["In Beauty (entities), a training step draws interactions for BPRMF, and users for all others."]
    floor = record("Pop", facts={"epochs": 0}, settings={"sampling": "interaction"})
    assert not [note for note in said(sampled(*rows[1:], floor)) if "training step" in note]


def test_rows_that_ties_keep_low_are_named_with_their_share_of_the_cases():
    """Mean over the seeds, (30 + 50) / 2 of 100 cases; a share below 1 % is not told, and each ranking has its own."""
    tied = [record("Pop", seed=seed, facts={"n_cases": 100, "ties_sampled": n}) for seed, n in enumerate((30, 50))]
    art = record("ItemKNN", dataset="art", facts={"n_cases": 200, "ties_sampled": 2, "ties_full": 190})
    some = [record(facts={"n_cases": 1000, "ties_sampled": 9}), *tied, art]
    told = "A tie counts against the test item. Share of the cases that have one, where it is at least 1%: "
    assert f"{told}Beauty (entities) Pop 40%; Art (entities) ItemKNN 1%." in said(sampled(*some))
    assert f"{told}Art (entities) ItemKNN 95%." in said(comparison.pages(evidence(*some))[-1])
    assert not [note for note in said(sampled(some[0])) if note.startswith("A tie")]


def test_a_row_of_several_kinds_is_named_with_its_seeds():
    kinds = {("BPRMF", 0): "user", ("BPRMF", 1): "interaction", ("VBPR", 0): "interaction", ("SVDPP", 0): "interaction"}
    rows = [record(model, seed=seed, settings={"sampling": kind}) for (model, seed), kind in kinds.items()]
    assert "A training step draws users for BPRMF (seed 0), and interactions for all others." in said(sampled(*rows))


def test_of_three_kinds_the_most_common_one_is_that_of_most_others():
    kinds = {"BPRMF": "a", "VBPR": "b", "NGCF": "c", "MCLN": "c"}
    records = evidence(*map(record, kinds)).frame
    notes = exceptions(records, records["row"].map(kinds), "it is {} for {}, and {} for {} others")
    assert [note.text for note in notes] == [
        "It is a for BPRMF, and c for most others.",
        "It is b for VBPR, and c for most others.",
    ]
