"""The tables of tests, and the marks that Table 2 has of them."""

import math

import pytest

from bench.report.boards import boards
from bench.report.differences import LEGEND, MEASURES, by_place, comparisons, sign
from bench.report.model import Note
from bench.report.render.latex import latex
from bench.report.render.text import csv, markdown, text
from bench.report.sections import comparison, significance
from bench.spec import SHOWN
from tests.report.made import stored
from tests.report.test_differences import STRONG, WEAK, evidence, held


def test_a_standard_error_of_zero_is_zero_and_no_p_value_is():
    test = {"row": "MCLN", "vs": "BPRMF", "metric": "hr@5", "note": "", "unequal": "", "keys": "a b"}
    numbers = dict.fromkeys(MEASURES, 0.0)
    texts = significance.line({**test, **numbers}).texts
    named = {column.name: text for column, text in zip(significance.COLUMNS, texts, strict=True)}
    assert {named[name] for name in ("p perm.", "p Wilcoxon", "p Holm")} == {"<0.0001"}
    assert {named[name] for name in ("SE cases", "SE seeds")} == {"0.0000"}


def test_rows_on_other_cases_are_not_compared_and_leave_the_family(tmp_path):
    here = evidence(
        tmp_path,
        stored(tmp_path, WEAK),
        stored(tmp_path, STRONG, "MCLN", users=range(1, 9)),
        stored(tmp_path, [50] * 8, "NGCF"),
    )
    found = comparisons(here)
    line = held(found, "MCLN", "hr@5")
    assert line["note"] == "not comparable: tested on other cases than BPRMF"
    assert math.isnan(line["difference"])
    assert found["n_tests"].eq(4).all()
    (page,) = significance.pages(here)
    assert page.reasons == ["not comparable: tested on other cases than BPRMF"]
    assert not [note for note in page.notes if "‡" in note.text]
    alone = evidence(tmp_path, *here.records[:2])
    (page,) = significance.pages(alone)
    assert "of a data set in this table; with more rows it grows." in page.notes[3].text
    assert "may leave out 0 where p perm. is just above 0.05" in page.notes[4].text


def test_nothing_to_compare_gives_no_table(tmp_path):
    assert significance.pages(evidence(tmp_path, stored(tmp_path, WEAK))) == []
    assert significance.pages(evidence(tmp_path, stored(tmp_path, WEAK, "MCLN"))) == []
    assert significance.pages(evidence(tmp_path)) == []


def test_rankings_and_data_sets_are_families_of_their_own(tmp_path):
    here = evidence(
        tmp_path,
        stored(tmp_path, WEAK, full=WEAK),
        stored(tmp_path, STRONG, "NGCF", full=STRONG),
        stored(tmp_path, WEAK, dataset="art"),
        stored(tmp_path, STRONG, "NGCF", dataset="art"),
    )
    assert [board.ranking for board in boards(here)] == ["sampled", "sampled", "full", "full"]
    pages = significance.pages(here)
    assert [page.name for page in pages] == ["significance-paper-smoke-sampled", "significance-paper-smoke-full"]
    assert [block.title for block in pages[0].blocks] == ["Beauty (entities)", "Art (entities)"]
    assert "(Beauty (entities) 4, Art (entities) 4 tests)" in pages[0].notes[3].text


@pytest.fixture
def many(tmp_path):
    """Forty cases: MCLN hits in all of them, NGCF in none."""
    rows = {"BPRMF": [1] * 20 + [50] * 20, "MCLN": [1] * 40, "NGCF": [50] * 40}
    return evidence(tmp_path, *(stored(tmp_path, places, model) for model, places in rows.items()))


def test_marks_stand_in_table_2_in_every_format(many):
    marks = {place: sign(test) for place, test in by_place(many).items()}
    place = ("paper", "smoke", "sampled", "beauty", "entities")
    assert {marks[(*place, "MCLN", m)] for m in SHOWN} == {"▲"}
    assert {marks[(*place, "NGCF", m)] for m in SHOWN} == {"▼"}
    assert (*place, "BPRMF", "hr@5") not in marks
    page = comparison.pages(many)[1]
    assert "**1.0000** <sup>▲</sup>" in markdown(page)
    assert "1.0000 * ▲" in text(page)
    assert "▲ and ▼: against BPRMF." in text(page)
    assert r"\textbf{1.0000}\textsuperscript{$\uparrow$}" in latex(page)
    assert latex(page).isascii()
    assert Note(LEGEND, is_warning=True) in page.notes
    assert "▲ better" in text(page)
    assert ",not run,," in csv(page)
    assert page.data.set_index(["row", "metric"])["sign"]["NGCF", "hr@5"] == "▼"


def test_the_rivals_are_named_by_metric_where_they_differ(tmp_path):
    rows = {"BPRMF": [1] * 20 + [50] * 20, "VBPR": [5] * 21 + [50] * 19, "MCLN": [1] * 40}
    found = evidence(tmp_path, *(stored(tmp_path, places, model) for model, places in rows.items()))
    notes = [note.text for note in comparison.pages(found)[1].blocks[0].notes]
    assert "▲ and ▼: against VBPR in H@5, H@10; BPRMF in N@5, N@10." in notes


def test_rows_that_cannot_be_tested_are_named_below_table_2(tmp_path):
    """They have no mark, as a row has whose difference is no more than chance."""
    rows = {"BPRMF": [1] * 20 + [50] * 20, "NGCF": [1] * 20 + [50] * 20}
    records = [stored(tmp_path, places, model) for model, places in rows.items()]
    records.append(stored(tmp_path, [1] * 40, "MCLN", users=range(1, 41)))
    (note,) = comparison.pages(evidence(tmp_path, *records))[1].blocks[0].notes[1:]
    assert note == Note("Not tested, so that a missing mark says nothing about them: MCLN.", is_warning=True)
    assert not comparison.pages(evidence(tmp_path, *records[::2]))[1].blocks[0].notes[1:]


def test_a_difference_between_unequal_rows_is_marked(tmp_path):
    """VBPR, of another engine, is the strongest in N@5 and N@10."""
    rows = [stored(tmp_path, [2, 2, 50, 50]), stored(tmp_path, [1, 1, 50, 50], "VBPR", engine=9)]
    found = evidence(tmp_path, *rows, stored(tmp_path, [3, 3, 3, 50], "MCLN"))
    (page,) = significance.pages(found)
    shown = [line.texts[:4] for line in page.blocks[0].lines if line.texts[0] == "MCLN"]
    assert [texts[3].endswith(" ‡") for texts in shown] == [texts[1] == "VBPR" for texts in shown]
    own = page.data[page.data["row"] == "MCLN"]
    assert own["unequal"].tolist() == ["engine version" if vs == "VBPR" else "" for vs in own["vs"]]
    assert "‡ The two rows were not made under equal conditions; the CSV names what differs." in [
        note.text for note in page.notes
    ]


def test_a_small_difference_has_no_mark(duel):
    assert {sign(test) for test in by_place(duel).values()} == {""}
    assert not [cell for page in significance.pages(duel) for cell in page.cells if cell.sign]
    assert Note(LEGEND, is_warning=True) not in comparison.pages(duel)[1].notes


def test_the_table_shows_what_was_found(many):
    (page,) = significance.pages(many)
    shown = page.blocks[0].lines[4].texts
    assert shown[:4] == ["MCLN", "BPRMF", "H@5", "+0.5000"]
    low, high = (float(end) for end in shown[4].strip("[]").split(", "))
    assert (low, high) == pytest.approx((0.35, 0.65), abs=0.01)  # 14 and 26 of 40: the binomial's quantiles
    assert shown[7] == "<0.0001"
    assert page.blocks[0].lines[4].cells[3].sign == "▲"
    assert len(page.data) == 8
    assert csv(page).count("\n") == 9
