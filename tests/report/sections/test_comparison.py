"""Tables 1 and 2: their values, and what they must say about themselves."""

import pytest

from bench.report.model import Note
from bench.report.paper import STATISTICS
from bench.report.render.text import text
from bench.report.rows import BASELINES
from bench.report.sections import comparison
from bench.spec import BUDGETS, PROTOCOLS
from tests.report.made import evidence, find, record, said, sampled, unfinished

PAPER = {("table2", "beauty", "BPRMF", "hr@5"): 0.45}


def test_the_papers_value_and_the_difference_stand_beside_ours():
    table = sampled(record(value=0.4), paper=PAPER)
    assert [column.name for column in table.blocks[0].columns[:4]] == ["Model", "H@5", "paper", "diff."]
    assert table.blocks[0].lines[0].texts[:7] == [
        "BPRMF", "0.4000", "0.4500", "-0.0500", "0.4000", "0.4000", "0.4000",
    ]  # fmt: skip
    dash = "A dash under paper beside a row: bench/report/paper.csv does not have the paper's value."
    assert dash not in said(table)  # rows that were not run are not shown, nor are columns without a value
    assert dash in said(sampled(record(value=0.4), record("VBPR"), paper=PAPER))


def test_the_independent_run_stands_beside_the_papers_value_of_mcln():
    """Beauty's best test epoch by N@10 is 360, as the file has it."""
    _, table, full = comparison.pages(evidence(record("MCLN", 0.5), record(value=0.4)))
    block = table.blocks[0]
    assert [column.name for column in block.columns[1:5]] == ["H@5", "paper", "diff.", "independent run"]
    lines = {line.texts[0]: line.texts for line in block.lines}
    assert lines["MCLN †"][1:5] == ["0.5000", "0.5636", "-0.0636", "0.5573"]
    assert [lines["MCLN †"][n] for n in (8, 12, 16)] == ["0.4345", "0.6631", "0.4688"]
    assert lines["BPRMF"][4] == lines["%Imp."][4] == "—"
    assert any(note.startswith("The independent run is the authors' code") for note in said(table))
    assert "independent run" not in [column.name for column in full.blocks[0].columns]
    assert not [note for note in said(sampled(record("MCLN", dataset="toy"))) if "independent" in note]


def test_table_1_shows_the_papers_counts():
    art = {"users": 25165, "items": 9324, "interactions": 201427, "density": 201427 / (25165 * 9324)}
    table = find([record(), record(dataset="art", facts=art), record(dataset="toy")], "table1")
    lines = [" ".join(line.texts) for line in table.blocks[0].lines]
    beauty = "15,576 8,678 139,318 0.00103"
    assert lines[0] == f"Beauty {beauty} {beauty} 0 0 0 0.00000"
    assert lines[1].startswith("Art 25,165 9,324 201,427 0.00086 25,165")
    assert lines[2] == f"toy {beauty}" + " —" * 8


def test_table_1_has_no_column_of_the_papers_where_all_data_are_ones_own():
    table = find([record(dataset="toy")], "table1")
    assert [column.name for column in table.blocks[0].columns] == ["Data set", *map(str.capitalize, STATISTICS)]
    assert [len(line.cells) for line in table.blocks[0].lines] == [5]
    assert "paper" not in table.caption


def test_table_1_shows_a_difference_with_its_sign():
    table = find([record(facts={"users": 15570})], "table1")
    assert table.blocks[0].lines[0].texts[9] == "-6"


def test_no_table_mixes_protocols_budgets_or_rankings():
    kinds = [{"protocol": PROTOCOLS[p], "budget": BUDGETS[b]} for p in PROTOCOLS for b in ("smoke", "quick")]
    found = comparison.pages(evidence(*(record(**kind) for kind in kinds)))
    assert len(found) == 1 + 4 * 2
    assert all(len(table.keys) == 1 for table in found[1:])


def test_rows_are_marked_as_floor_ours_and_candidate_dependent():
    table = sampled(record("Pop"), record("MCLN"), record("MCLN", preset="itemwise"))
    names = [line.texts[0] for line in table.blocks[0].lines]
    assert names[0] == "Pop (floor)"
    assert names[-3:] == ["MCLN †", "MCLN:itemwise (our variant)", "%Imp."]


@pytest.mark.parametrize("n", [8, 9])
def test_the_paper_s_improvement_stands_where_all_of_its_baselines_were_run(n):
    rows = [record(model, 0.4) for model in BASELINES[:n]]
    line = sampled(*rows, record("MCLN", 0.5)).blocks[0].lines[-1].texts
    assert line[1] == "+25.00"
    assert (line[2] != "—") == (line[3] != "—") == (n == 9)


TUNING = {"tuning.trials": 20, "tuning.seconds": 61.5, "tuning.protocol": "clean", "tuning.budget": "quick"}


def test_a_tuned_row_says_so_and_what_it_took():
    found = [record(), record("VBPR", hyper={"reg_weight": 0.5}), record(hyper={"reg_weight": 0.5}, facts=TUNING)]
    table = sampled(*found, record("MCLN", preset="released", hyper={"n_layers": 2}, facts=TUNING))
    names = [line.texts[0] for line in table.blocks[0].lines]
    assert names[-4:] == ["BPRMF (tuned)", "MCLN (tuned)", "VBPR (reg_weight=0.5)", "%Imp."]
    cost = {line.texts[1]: line.texts[-2:] for line in table.cost.lines}
    assert cost["BPRMF"] == cost["VBPR (reg_weight=0.5)"] == ["0", "0.0"]
    assert cost["BPRMF (tuned)"] == ["20", "61.5"]
    text = "(tuned): a search on the validation set alone found the settings "
    assert f"{text}(protocol clean, budget quick)." in said(table)
    assert not [note for note in said(table) if "Not comparable" in note]


def test_a_cost_that_one_seed_lacks_is_empty():
    cost = sampled(record(seed=0), record(seed=1, facts={"peak_memory_mib": None})).cost
    shown = dict(zip((column.name for column in cost.columns), cost.lines[0].texts, strict=True))
    assert (shown["memory MiB"], shown["parameters"]) == ("—", "1,000")


def test_searches_of_unequal_length_are_not_comparable():
    table = sampled(record(facts=TUNING), record("VBPR", facts={**TUNING, "tuning.trials": 5}))
    assert "Not comparable: the records of Beauty (entities) differ in trials of a search." in said(table)


def test_a_cell_says_how_many_seeds_it_has_where_another_row_has_more():
    records = [record(value=0.25, seed=0), record("VBPR", 0.25, seed=0), record("VBPR", 0.75, seed=1)]
    table = sampled(*records, record("NGCF", 0.5, seed=0), unfinished("NGCF", seed=1), paper={})
    shown = {line.texts[0]: line.texts[1] for line in table.blocks[0].lines}
    assert shown == {"BPRMF": "0.2500 (1 of 2)", "NGCF": "0.5000 (1 of 2)", "VBPR": "0.5000 ± 0.3536", "%Imp.": "—"}
    assert table.reasons == ["seed 1 failed: killed by signal 9"]
    assert any(note.startswith("(1 of 3)") for note in said(table))
    assert not [note for note in said(sampled(*records[1:])) if note.startswith("(1 of 3)")]


def test_suspect_rows_are_named_below_their_data_set():
    table = sampled(record("LightGCN", 0.5), record("DMRL", 0.2), record("MCLN", 0.5, dataset="art"))
    assert Note("Suspect: DMRL (below half of LightGCN in N@10).", is_warning=True) in table.blocks[0].notes
    assert "Suspect: DMRL" in text(table)
    assert not [note for note in table.blocks[1].notes if note.is_warning]


def test_rows_not_run_fold_into_one_line_but_those_of_which_the_paper_has_values():
    paper = {("table2", "beauty", row, "ndcg@5"): 0.25 for row in ("BPRMF", "NGCF")}
    block = sampled(record(), record("Pop", dataset="art"), record("Mine", hyper={"a": 1}), paper=paper).blocks[0]
    assert [line.texts[0] for line in block.lines] == ["BPRMF", "NGCF", "Mine (a=1)", "%Imp."]
    assert block.lines[1].texts == ["NGCF", "—", "—", "0.2500", "—", "—", "—"]
    assert [column.name for column in block.columns] == ["Model", "H@5", "N@5", "paper", "diff.", "H@10", "N@10"]
    (note,) = block.notes
    rows = "Pop SVD++ NGCF LightGCN VBPR MMGCN MGAT InvRL DMRL MCLN MCLN:itemwise"
    assert note.text == f"Not run: {', '.join(rows.split())}."
    rest = "--protocols paper --budget smoke --features entities"
    assert note.command == f"python run_all.py --datasets beauty --models {rows} {rest}"
    assert "NGCF" not in text(sampled(record(), paper=paper))


def test_a_row_with_settings_of_its_own_is_named_but_no_command_runs_it():
    table = sampled(record(), record(hyper={"reg_weight": 0.5}, dataset="art"))
    by_name, own = table.blocks[0].notes
    assert own.text.startswith("Not run: BPRMF (reg_weight=0.5). (tuned) needs --tune")
    assert own.command == ""
    assert "reg_weight" not in by_name.text + by_name.command


@pytest.mark.parametrize("outside", [{}, {"preset": "small"}, {"hyper": {"a": 1}}])
def test_a_model_from_outside_is_named_but_no_command_runs_it(outside):
    made = record("Mine", dataset="art", **outside)
    by_name, own = sampled(record(), record("CausalMMRec", dataset="art"), made).blocks[0].notes
    assert own.text.startswith(f"Not run: {made.job.run}. A model from outside needs --models path/to/file.py:NAME")
    assert own.command == ""
    assert "Mine" not in by_name.text + by_name.command
    assert "CausalMMRec --protocols" in by_name.command


def test_seeds_of_one_row_that_ran_other_code_are_not_comparable():
    table = sampled(record("VBPR", seed=0, source="old"), record("VBPR", seed=1), record(seed=0), record(seed=1))
    assert "Not comparable: of the records of Beauty (entities), those of VBPR differ in code." in said(table)
    assert not [note for note in said(sampled(record(seed=0), record(seed=1))) if "Not comparable" in note]


def test_seeds_of_one_row_that_ran_with_other_settings_are_not_comparable():
    """A search may be repeated, and then finds other settings; what a record lacks is not known to differ."""
    some = [{"n_layers": 2}, {"n_layers": 5, "precision": "highest"}]
    tuned = [record("VBPR", seed=seed, hyper=one, settings=one, facts=TUNING) for seed, one in enumerate(some)]
    text = "Not comparable: of the records of Beauty (entities), those of VBPR (tuned) differ in n_layers."
    assert Note(text, is_warning=True) in sampled(*tuned, record(settings={"n_layers": 1})).notes
    assert not [note for note in said(sampled(tuned[0], record(settings=some[1]))) if "Not comparable" in note]


def test_the_papers_value_and_the_difference_stand_beside_sampled_values_only():
    paper = {("table2", "beauty", "BPRMF", "hr@5"): 0.45}
    _, sampled, full = (table.data for table in comparison.pages(evidence(record(value=0.4), paper=paper)))
    first = sampled[(sampled["row"] == "BPRMF") & (sampled["metric"] == "hr@5")].iloc[0]
    assert (first["paper"], first["difference"]) == (0.45, pytest.approx(-0.05))
    assert sampled["paper"].count() == 1
    assert full["paper"].count() == 0


def test_records_of_unlike_engines_are_a_warning_that_a_terminal_shows():
    table = sampled(record(), record("VBPR", engine=9))
    text_of = "Not comparable: the records of Beauty (entities) differ in engine version."
    assert Note(text_of, is_warning=True) in table.notes
    assert text_of in text(table)


def test_the_improvement_and_the_words_go_by_the_row_under_study():
    table = sampled(record("Mine", 0.6), record("MCLN", 0.9), record(value=0.4), ours="Mine")
    assert table.blocks[0].lines[-1].texts[1] == "+50.00"
    assert (
        "%Imp. is the gain of Mine over the best of the paper's 9 baselines; number of them with a value: 1."
        in said(table)
    )


def test_the_papers_improvement_is_that_of_mcln_over_all_of_its_baselines():
    """Beauty, H@5: the paper's 7.76. A released preset counts as its baseline; other models have no gain there."""
    models = [model.replace("++", "PP") for model in BASELINES]
    nine = [record(model, preset="released" if model == "DMRL" else "default") for model in models]

    def improvement(*records, **more):
        (table,) = [find(records, "table2-paper-smoke-sampled", **more)]
        (line,) = [line for line in table.blocks[0].lines if line.is_foot]
        return line.texts

    assert "+7.76" in improvement(record("MCLN", 0.5), *nine)
    assert "+7.76" not in improvement(record("MCLN", 0.5), *nine[1:])
    assert "+7.76" not in improvement(record("MCLN", 0.5), *nine, ours="LightGCN")
