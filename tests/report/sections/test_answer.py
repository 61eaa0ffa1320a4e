"""The verdicts, worked out by hand on made-up ranks, and what they say of what cannot be asked."""

from bench.report.model import Figure
from bench.report.render.figures import PLOTS
from bench.report.render.latex import latex
from bench.report.render.text import csv, markdown, text
from bench.report.sections.answer import pages, sentences
from bench.report.write import console
from tests.report import made
from tests.report.conftest import ALL, HALF, NONE
from tests.report.made import record, stored
from tests.report.test_answers import evidence, verdicts

DEPENDENT = "has no answer: full ranking is not defined: a score depends on the other candidates"


def test_the_page_the_figure_and_the_sentences_say_the_same(three):
    table, figure = pages(three)
    assert table.caption == (
        "Of 3 comparisons of MCLN with the strongest baseline: 1 won, 1 lost, 1 without a clear difference. "
        "There is one for each data set, protocol, ranking and row."
    )
    line = table.blocks[0].lines[0]
    assert line.texts[:3] == ["Beauty, entities, paper, sampled", "MCLN", "beats BPRMF"]
    assert line.texts[3:6] == ["+0.5000", "[+0.3500, +0.6500]", "<0.0001"]
    assert line.texts[-4:] == ["0 of 2", "1", "smoke", "not tuned"]
    about = {"dataset": "beauty", "protocol": "paper", "budget": "smoke", "ranking": "sampled"}
    assert dict(line.about) == {**about, "features": "entities", "model": "MCLN"}
    assert len(table.data) == 3 * 2
    assert isinstance(figure, Figure)
    assert not set(figure.notes) & set(table.notes)  # nothing is said twice
    drawn = PLOTS[figure.plot](figure.data)
    assert [axis.get_xlabel().split(",")[0] for axis in drawn.axes] == ["N@10", "H@5"]
    assert drawn.axes[0].get_yticklabels()[-1].get_text() == "Beauty (entities), paper, sampled: MCLN"
    said = sentences(three)
    assert said[0] == (
        "Beauty, entities, paper, sampled: MCLN beats BPRMF (N@10 +0.5000 [+0.3500, +0.6500], p < 0.0001; "
        "H@5 +0.5000 [+0.3500, +0.6500], p < 0.0001; baselines with a higher N@10: 0 of 2, "
        "1 seed, budget smoke, not tuned)."
    )
    assert console(three).startswith(said[0][:60])
    assert "loses to" not in console(three, names=["table4"])


def test_a_single_verdict_that_differs_by_metric_is_counted_in_the_singular(tmp_path):
    """All 40 test items move from rank 5 to rank 1: no other hits among the first five."""
    records = [stored(tmp_path, [5] * 40, dataset=name) for name in ("beauty", "art")]
    records += [stored(tmp_path, ALL, "MCLN", dataset=name) for name in ("beauty", "art")]
    one, both = (pages(evidence(tmp_path, *some))[0].caption for some in (records[::2], records))
    assert "0 won, 0 lost, 1 that differs by metric" in one
    assert "0 won, 0 lost, 2 that differ by metric" in both


def test_the_notes_say_what_the_verdicts_leave_out_of_account(three):
    """Rows above the strongest baseline that are none, the choice of it on the test cases, and the single interval."""
    said = " ".join(note.text for note in pages(three)[0].notes)
    assert "Pop, ItemKNN, EASE, CausalMMRec are not baselines" in said
    assert "The best of many owes some of its lead to luck" in said
    assert "It is of that one difference, without Holm's correction" in said
    assert "it is not over data sets, protocols and rankings" in said
    assert "the paper's own MCLN might not lose" in said


def test_a_single_case_has_no_interval(tmp_path):
    found = evidence(tmp_path, stored(tmp_path, [50]), stored(tmp_path, [1], "MCLN"))
    table, figure = pages(found)
    assert table.blocks[0].lines[0].texts[3:5] == ["+1.0000", "—"]
    assert PLOTS[figure.plot](figure.data)


def test_what_cannot_be_asked_says_why(tmp_path):
    found = evidence(
        tmp_path,
        stored(tmp_path, HALF, full=HALF),
        stored(tmp_path, ALL, "MCLN"),
        stored(tmp_path, ALL, "MCLN", preset="itemwise", full=NONE),
        stored(tmp_path, ALL, "MCLN", dataset="toy"),
        stored(tmp_path, HALF, dataset="other"),
        record(dataset="taobao"),
        record("MCLN", dataset="taobao", key="m"),
    )
    assert verdicts(found) == {
        ("beauty", "sampled", "MCLN"): "beats BPRMF",
        ("beauty", "sampled", "MCLN:itemwise"): "beats BPRMF",
        (
            "beauty",
            "full",
            "MCLN",
        ): DEPENDENT,
        ("beauty", "full", "MCLN:itemwise"): "loses to BPRMF",
        ("art", "", "MCLN"): "has no answer: not run",
        ("taobao", "sampled", "MCLN"): "has no answer: not comparable: the ranks of record m are missing or broken",
        (
            "taobao",
            "full",
            "MCLN",
        ): DEPENDENT,
        ("other", "sampled", "MCLN"): "has no answer: not run under budget smoke",
        ("toy", "sampled", "MCLN"): "has no answer: no baseline has a value under budget smoke",
    }
    both = f"MCLN {DEPENDENT} (Beauty, entities, paper, full; Taobao, entities, paper, full)."
    assert {both, "MCLN has no answer: not run (Art)."} <= set(sentences(found))
    assert not [one for one in sentences(found, {("beauty", "paper", "full")}) if "sampled" in one]


def test_the_figure_draws_the_papers_data_sets_where_there_are_any(tmp_path):
    toy = [stored(tmp_path, HALF, dataset="toy"), stored(tmp_path, ALL, "MCLN", dataset="toy")]
    beauty = [stored(tmp_path, HALF), stored(tmp_path, ALL, "MCLN")]
    table, figure = pages(evidence(tmp_path, *toy, *beauty))
    assert set(figure.data["dataset"]) == {"beauty"}
    assert set(table.data["dataset"]) == {"beauty", "toy", "art", "taobao"}
    assert set(pages(evidence(tmp_path, *toy))[1].data["dataset"]) == {"toy"}


def test_no_records_are_no_page(tmp_path):
    assert pages(evidence(tmp_path)) == sentences(evidence(tmp_path)) == []


def test_the_reasons_stand_where_there_is_no_verdict_at_all(tmp_path):
    """Of a baseline alone, of MCLN alone, and of two rows on other users."""
    other = stored(tmp_path, HALF, "MCLN", dataset="toy", users=range(100, 140))
    reasons = {
        "not run under budget smoke": [stored(tmp_path, HALF, dataset="toy")],
        "no baseline has a value under budget smoke": [record("MCLN", dataset="toy")],
        "not comparable: tested on other cases than BPRMF": [stored(tmp_path, HALF, dataset="toy"), other],
    }
    for reason, records in reasons.items():
        found = evidence(tmp_path, *records)
        assert sentences(found)[0] == f"MCLN has no answer: {reason} (toy, entities, paper, sampled)."
        assert console(found).startswith(f"MCLN has no answer: {reason}")
        (table,) = pages(found)
        assert table.caption == "No comparison of MCLN with a baseline has an answer."
        assert table.blocks[0].lines[0].texts[2] == f"has no answer: {reason}"
        assert all(show(table) for show in (markdown, text, latex, csv))


def test_on_other_data_sets_no_note_points_to_tables_about_the_paper(three, tmp_path):
    rows = [stored(tmp_path, own, model, dataset="mine") for model, own in (("BPRMF", HALF), ("MCLN", ALL))]
    papers, others = ([note.text for note in pages(found)[0].notes] for found in (three, evidence(tmp_path, *rows)))
    for name in ("The table Claims", "the table Reproduction"):
        assert (name in " ".join(papers), name in " ".join(others)) == (True, False)


def test_a_verdict_on_rows_of_unequal_conditions_says_so(tmp_path):
    """The words stay, and the mark and what differs stand beside them."""
    rows = [stored(tmp_path, HALF, "BPRMF"), stored(tmp_path, ALL, "MCLN", engine=9)]
    found = evidence(tmp_path, *rows)
    assert verdicts(found)["beauty", "sampled", "MCLN"] == "beats BPRMF ‡"
    assert sentences(found)[0].endswith("not tuned; ‡ the two differ in: engine version).")
    table = pages(found)[0]
    assert table.blocks[0].lines[0].texts[-1] == "not tuned; ‡ engine version"
    assert set(table.data["unequal"]) - {""} == {"engine version"}
    drawing = pages(found)[1]
    assert drawing.caption.endswith("‡ The two were not made under equal conditions.")
    texts = {text.get_text() for axis in PLOTS[drawing.plot](drawing.data).axes for text in axis.texts}
    assert texts == {"against", "BPRMF ‡"}


def test_a_verdict_on_a_row_whose_seeds_differ_in_code_or_settings_says_so(tmp_path):
    """As after a change to an own model, of which one seed was run before and the other one after it."""
    seeds = [{"seed": 0, "settings": {"dim": 8}}, {"seed": 1, "settings": {"dim": 9}, "source": "changed"}]
    rows = [stored(tmp_path, HALF, "BPRMF"), *(stored(tmp_path, ALL, "MCLN", **about) for about in seeds)]
    found = evidence(tmp_path, *rows)
    assert verdicts(found)["beauty", "sampled", "MCLN"] == "beats BPRMF ‡"
    assert sentences(found)[0].endswith("not tuned; ‡ the two differ in: code, dim among the seeds of MCLN).")


def test_rows_whose_epochs_other_rankings_chose_are_unequal(tmp_path):
    """In version 1, the full ranking chose for BPRMF, and the sampled one for MCLN, which has no other."""
    rows = [stored(tmp_path, hits, model, protocol=made.OLD_CLEAN) for hits, model in ((HALF, "BPRMF"), (ALL, "MCLN"))]
    first = sentences(evidence(tmp_path, *rows))[0]
    assert first.endswith("‡ the two differ in: the ranking that chose the epoch).")


def test_the_summary_counts_the_paper_s_data_sets_where_there_are_any(three, tmp_path):
    more = [stored(tmp_path, own, model, dataset="mine") for model, own in (("BPRMF", HALF), ("MCLN", ALL))]
    caption = pages(evidence(tmp_path, *three.records, *more))[0].caption
    assert caption.startswith("Of 3 comparisons of MCLN with the strongest baseline on the paper's data sets: 1 won,")
    unanswered = stored(tmp_path, HALF, dataset="art")
    caption = pages(evidence(tmp_path, unanswered, *more))[0].caption
    assert "Of 1 comparison of MCLN with the strongest baseline: 1 won" in caption


def test_the_summary_counts_each_row_that_is_compared(three, tmp_path):
    itemwise = stored(tmp_path, ALL, "MCLN", preset="itemwise")
    caption = pages(evidence(tmp_path, *three.records, itemwise))[0].caption
    assert caption.startswith("Of 4 comparisons of MCLN (3) and MCLN:itemwise (1) with the strongest baseline: 2 won,")
    other = stored(tmp_path, ALL, "MCLN", hyper={"n_layers": 9}, facts={"tuning.trials": 12})
    caption = pages(evidence(tmp_path, *three.records, itemwise, other))[0].caption
    assert caption.startswith("Of 5 comparisons of MCLN (3), MCLN:itemwise (1) and MCLN (tuned) (1) with the")


def test_the_summary_names_the_row_that_is_compared(tmp_path):
    itemwise = stored(tmp_path, ALL, "MCLN", preset="itemwise")
    caption = pages(evidence(tmp_path, stored(tmp_path, HALF), itemwise))[0].caption
    assert caption.startswith("Of 1 comparison of MCLN:itemwise with the strongest baseline: 1 won,")


def test_only_the_metric_whose_rows_are_unlike_is_marked(tmp_path):
    """BPRMF, of MCLN's engine, is the strongest in N@10, VBPR, of an older one, in H@5."""
    hits, more_hits = [1] * 20 + [50] * 20, [5] * 25 + [50] * 15
    old, new, ours = (
        stored(tmp_path, more_hits, "VBPR", engine=1),
        stored(tmp_path, hits),
        stored(tmp_path, ALL, "MCLN"),
    )
    found = evidence(tmp_path, new, old, ours)
    assert verdicts(found)["beauty", "sampled", "MCLN"] == "beats BPRMF in N@10, beats VBPR in H@5 ‡"
    lines = pages(found)[0].data.query("dataset == 'beauty'")
    assert dict(zip(lines["metric"], lines["unequal"], strict=True)) == {"ndcg@10": "", "hr@5": "engine version"}
    assert list(lines["keys"]) == [f"{ours.key} {new.key}", f"{ours.key} {old.key}"]  # each line names its own records
    assert sentences(found)[0].endswith("‡ the two differ in: engine version).")
