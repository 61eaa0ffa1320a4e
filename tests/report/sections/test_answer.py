"""The verdicts, worked out by hand on made-up ranks, and what they say of what cannot be asked."""

import pytest

from bench.report.model import Figure
from bench.report.render.figures import PLOTS
from bench.report.render.latex import latex
from bench.report.render.text import csv, markdown, text
from bench.report.sections import reproduction
from bench.report.sections.answer import answers, pages, sentences, verdict_of
from bench.report.write import console
from bench.spec import BUDGETS, PROTOCOLS
from tests.report import made
from tests.report.made import record, stored

DEPENDENT = "has no answer: full ranking is not defined: a score depends on the other candidates"
HALF, ALL, NONE = [1] * 20 + [50] * 20, [1] * 40, [50] * 40


def evidence(folder, *records, **more):
    return made.evidence(*records, folder=folder, **more)


def verdicts(found):
    return {(one["dataset"], one["ranking"], one["row"]): one["text"] for one in answers(found)}


@pytest.fixture
def three(tmp_path):
    """MCLN hits for all 40 users of Beauty, for as many as the baselines of Art, and for none of Taobao."""
    rows = {"beauty": ALL, "art": HALF, "taobao": NONE}
    records = [stored(tmp_path, HALF, model, dataset=name) for name in rows for model in ("BPRMF", "VBPR")]
    return evidence(tmp_path, *records, *(stored(tmp_path, own, "MCLN", dataset=name) for name, own in rows.items()))


def test_beats_level_and_loses(three):
    """20 of 40 cases differ, all one way: p = 2 / 2^20, the smallest of the tests' p, times their number, 8.

    The interval is the binomial's: 14 and 26 of 40.
    """
    assert verdicts(three) == {
        ("beauty", "sampled", "MCLN"): "beats BPRMF",
        ("art", "sampled", "MCLN"): "is level with BPRMF",
        ("taobao", "sampled", "MCLN"): "loses to BPRMF",
    }
    first = answers(three)[0]
    assert first["found"]["hr@5"]["difference"] == pytest.approx(0.5)
    assert first["found"]["hr@5"]["p_holm"] == pytest.approx(8 * 2 / 2**20, rel=1e-3)
    assert (first["n_baselines"], first["n_seeds"], first["settings"]) == (2, 1, "not tuned")


def test_the_page_the_figure_and_the_sentences_say_the_same(three):
    table, figure = pages(three)
    assert table.caption.endswith("ranking and row: beats 1, is level with 1, loses to 1.")
    line = table.blocks[0].lines[0]
    assert line.texts[:3] == ["Beauty, entities, paper, sampled", "MCLN", "beats BPRMF"]
    assert line.texts[3:6] == ["+0.5000", "[+0.3500, +0.6500]", "<0.0001"]
    assert line.texts[-4:] == ["2", "1", "smoke", "not tuned"]
    about = {"dataset": "beauty", "protocol": "paper", "budget": "smoke", "ranking": "sampled"}
    assert dict(line.about) == {**about, "features": "entities", "model": "MCLN"}
    assert len(table.data) == 3 * 2
    assert isinstance(figure, Figure)
    drawn = PLOTS[figure.plot](figure.data)
    assert [axis.get_xlabel().split(",")[0] for axis in drawn.axes] == ["N@10", "H@5"]
    assert drawn.axes[0].get_yticklabels()[-1].get_text() == "Beauty (entities), paper, sampled: MCLN"
    said = sentences(three)
    assert said[0] == (
        "Beauty, entities, paper, sampled: MCLN beats BPRMF (N@10 +0.5000 [+0.3500, +0.6500], p < 0.0001; "
        "H@5 +0.5000 [+0.3500, +0.6500], p < 0.0001; 2 baselines, 1 seed, budget smoke, not tuned)."
    )
    assert console(three).startswith(said[0][:60])
    assert "loses to" not in console(three, names=["table4"])


def test_a_single_case_has_no_interval(tmp_path):
    found = evidence(tmp_path, stored(tmp_path, [50]), stored(tmp_path, [1], "MCLN"))
    table, figure = pages(found)
    assert table.blocks[0].lines[0].texts[3:5] == ["+1.0000", "—"]
    assert PLOTS[figure.plot](figure.data)


def test_metrics_that_differ_are_told_apart():
    def test(vs, difference, p):
        return {"vs": vs, "difference": difference, "p_holm": p}

    equal = {"ndcg@10": "", "hr@5": ""}
    assert verdict_of({"ndcg@10": test("A", 0.1, 0.01), "hr@5": test("B", 0.1, 0.01)}, equal) == (
        "beats", "beats A in N@10, beats B in H@5",
    )  # fmt: skip
    assert verdict_of({"ndcg@10": test("A", 0.1, 0.01), "hr@5": test("A", 0.1, 0.2)}, equal) == (
        "differs by metric", "beats A in N@10, is level with A in H@5",
    )  # fmt: skip
    assert verdict_of({"ndcg@10": test("A", -0.1, 0.01), "hr@5": test("A", -0.1, 0.01)}, equal)[1] == "loses to A"
    assert verdict_of({"ndcg@10": test("A", 0.1, 0.01), "hr@5": test("B", 0.1, 0.01)}, {**equal, "hr@5": "data"}) == (
        "beats", "beats A in N@10, beats B in H@5 ‡",
    )  # fmt: skip


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
        ("toy", "sampled", "MCLN"): "has no answer: no baseline was run under budget smoke",
    }
    both = f"MCLN {DEPENDENT} (Beauty, entities, paper, full; Taobao, entities, paper, full)."
    assert {both, "MCLN has no answer: not run (Art)."} <= set(sentences(found))
    assert not [one for one in sentences(found, {("beauty", "paper", "full")}) if "sampled" in one]


def test_the_budget_with_the_most_baselines_answers_then_the_longest(tmp_path):
    def runs(budget, *models):
        return [stored(tmp_path, HALF, model, budget=BUDGETS[budget]) for model in (*models, "MCLN")]

    records = [*runs("quick", "BPRMF", "VBPR"), *runs("standard", "BPRMF", "VBPR"), *runs("full", "LightGCN")]
    assert [one["budget"] for one in answers(evidence(tmp_path, *records))] == ["standard", "", ""]
    clean = stored(tmp_path, HALF, protocol=PROTOCOLS["clean"])
    asked = answers(evidence(tmp_path, clean, *runs("quick", "BPRMF")))
    assert [one["protocol"] for one in asked] == ["paper", "clean", "", ""]


def test_a_budget_with_a_row_under_study_answers_before_one_with_more_baselines(tmp_path):
    """Nor does MCLN's comparison with the paper's values go. Of another model's budgets those count that it has."""
    smoke = [stored(tmp_path, HALF, model) for model in ("BPRMF", "VBPR", "LightGCN")]
    quick = [stored(tmp_path, HALF, model, budget=BUDGETS["quick"]) for model in ("NGCF", "MCLN")]
    found = evidence(tmp_path, *smoke, *quick)
    assert (answers(found)[0]["budget"], answers(found)[0]["text"]) == ("quick", "is level with NGCF")
    about_another = evidence(tmp_path, *smoke, *quick, ours="VBPR")
    assert (answers(about_another)[0]["budget"], answers(about_another)[0]["text"]) == ("smoke", "is level with BPRMF")
    for one in (found, about_another):
        assert set(reproduction.pages(one)[0].data["budget"]) == {"quick"}


def test_a_baseline_counts_once_whatever_its_settings(tmp_path):
    """Smoke has four rows of two baselines, and quick has three baselines."""
    smoke, quick = BUDGETS["smoke"], BUDGETS["quick"]
    own = [stored(tmp_path, HALF, model, budget=smoke) for model in ("BPRMF", "VBPR", "MCLN")]
    own += [stored(tmp_path, HALF, model, hyper={"n_layers": 9}, budget=smoke) for model in ("BPRMF", "VBPR")]
    own += [stored(tmp_path, HALF, model, budget=quick) for model in ("BPRMF", "VBPR", "LightGCN", "MCLN")]
    found = answers(evidence(tmp_path, *own))[0]
    assert (found["budget"], found["n_baselines"]) == ("quick", 3)


def test_a_baseline_that_was_tuned_is_named_by_its_metric(tmp_path):
    """LightGCN, tuned, is the strongest in H@5, and BPRMF in N@10."""
    tuned = {"hyper": {"n_layers": 9}, "facts": {"tuning.trials": 12}}
    baselines = stored(tmp_path, [5] * 24 + [50] * 16, "LightGCN", **tuned), stored(tmp_path, HALF)
    found = answers(
        evidence(tmp_path, *baselines, stored(tmp_path, NONE, "MCLN"), stored(tmp_path, ALL, "MCLN", **tuned))
    )
    assert [one["settings"] for one in found if one["found"]] == [
        "not tuned, the baseline in H@5 is", "tuned, the baseline in N@10 is not",
    ]  # fmt: skip


def test_tuned_rows_answer_for_themselves(tmp_path):
    tuned = stored(tmp_path, ALL, "MCLN", hyper={"n_layers": 9}, facts={"tuning.trials": 12})
    found = answers(evidence(tmp_path, stored(tmp_path, HALF), stored(tmp_path, HALF, "MCLN"), tuned))
    assert [(one["row"], one["settings"]) for one in found[:2]] == [
        ("MCLN", "not tuned"), ("MCLN (tuned)", "tuned, the baseline is not"),
    ]  # fmt: skip


def test_another_model_may_be_asked_about(tmp_path):
    found = evidence(tmp_path, stored(tmp_path, HALF), stored(tmp_path, ALL, "VBPR"), ours="VBPR")
    assert verdicts(found)["beauty", "sampled", "VBPR"] == "beats BPRMF"


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
        "no baseline was run under budget smoke": [record("MCLN", dataset="toy")],
        "not comparable: tested on other cases than BPRMF": [stored(tmp_path, HALF, dataset="toy"), other],
    }
    for reason, records in reasons.items():
        found = evidence(tmp_path, *records)
        assert sentences(found)[0] == f"MCLN has no answer: {reason} (toy, entities, paper, sampled)."
        assert console(found).startswith(f"MCLN has no answer: {reason}")
        (table,) = pages(found)
        assert table.blocks[0].lines[0].texts[2] == f"has no answer: {reason}"
        assert all(show(table) for show in (markdown, text, latex, csv))


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


def test_rows_whose_epochs_other_rankings_chose_are_unequal(tmp_path):
    """In version 1, the full ranking chose for BPRMF, and the sampled one for MCLN, which has no other."""
    rows = [stored(tmp_path, hits, model, protocol=made.OLD_CLEAN) for hits, model in ((HALF, "BPRMF"), (ALL, "MCLN"))]
    first = sentences(evidence(tmp_path, *rows))[0]
    assert first.endswith("‡ the two differ in: the ranking that chose the epoch).")


def test_a_verdict_needs_the_ranks_of_the_strongest_in_either_metric(tmp_path):
    """LightGCN is the strongest in H@5 alone, and its ranks are gone."""
    rows = {"BPRMF": [1] * 20 + [50] * 20, "LightGCN": [5] * 25 + [50] * 15, "MCLN": ALL}
    found = evidence(tmp_path, *(stored(tmp_path, places, model) for model, places in rows.items()))
    for path in tmp_path.glob("*/LightGCN/*.parquet"):
        path.unlink()
    assert verdicts(found)["beauty", "sampled", "MCLN"].startswith("has no answer: not comparable: the ranks of record")


def test_the_summary_counts_the_paper_s_data_sets_where_there_are_any(three, tmp_path):
    more = [stored(tmp_path, own, model, dataset="mine") for model, own in (("BPRMF", HALF), ("MCLN", ALL))]
    caption = pages(evidence(tmp_path, *three.records, *more))[0].caption
    assert caption.startswith("Verdicts of 3 comparisons with the strongest baseline on the paper's data sets, one")
    assert caption.endswith("beats 1, is level with 1, loses to 1.")


def test_only_the_metric_whose_rows_are_unlike_is_marked(tmp_path):
    """BPRMF, of MCLN's engine, is the strongest in N@10, VBPR, of an older one, in H@5."""
    hits, more_hits = [1] * 20 + [50] * 20, [5] * 25 + [50] * 15
    old = stored(tmp_path, more_hits, "VBPR", engine=1)
    found = evidence(tmp_path, stored(tmp_path, hits), old, stored(tmp_path, ALL, "MCLN"))
    assert verdicts(found)["beauty", "sampled", "MCLN"] == "beats BPRMF in N@10, beats VBPR in H@5 ‡"
    lines = pages(found)[0].data.query("dataset == 'beauty'")
    assert dict(zip(lines["metric"], lines["unequal"], strict=True)) == {"ndcg@10": "", "hr@5": "engine version"}
    assert sentences(found)[0].endswith("‡ the two differ in: engine version).")
