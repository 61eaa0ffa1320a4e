"""Each row against the strongest baseline: by hand, and what must not be compared."""

import math

import numpy as np
import pytest
from scipy import stats

from bench.report.boards import Ranked, boards
from bench.report.model import Note
from bench.report.render.latex import latex
from bench.report.render.text import csv, markdown, text
from bench.report.sections import comparison, significance
from bench.report.sections.significance import comparisons, measures, seed_error, signs_of
from bench.spec import SHOWN
from tests.report import made
from tests.report.made import record, stored, unfinished

WEAK = [1, 1, 50, 50, 50, 50, 50, 50]
STRONG = [1, 1, 1, 1, 1, 1, 1, 1]
NDCG_3 = 1 / math.log2(3 + 1)


def evidence(folder, *records):
    return made.evidence(*records, folder=folder)


def held(found, row, metric):
    (line,) = found[(found["row"] == row) & (found["metric"] == metric)].to_dict("records")
    return line


@pytest.fixture
def duel(tmp_path):
    """BPRMF hits for two users of eight; MCLN for all, VBPR for the first in place 3."""
    return evidence(
        tmp_path,
        stored(tmp_path, WEAK),
        stored(tmp_path, STRONG, "MCLN"),
        stored(tmp_path, [3, *WEAK[2:], 50], "VBPR"),
    )


def test_six_gains_in_eight_cases_by_hand(duel):
    """All six differences point one way: 2 of 2^6 signs; family of two rows x four metrics."""
    line = held(comparisons(duel), "MCLN", "hr@5")
    assert (line["vs"], line["n_cases"], line["n_differing"], line["n_tests"]) == ("BPRMF", 8, 6, 8)
    assert line["difference"] == pytest.approx(6 / 8)
    assert line["p_permutation"] == pytest.approx(2 / 2**6)
    assert line["p_wilcoxon"] == pytest.approx(2 / 2**6)
    assert line["p_holm"] == pytest.approx(8 * 2 / 2**6)
    assert line["r"] == 1.0
    assert line["d_z"] == pytest.approx(0.75 / math.sqrt(8 / 7 * 0.75 * 0.25))
    assert math.isnan(line["se_seeds"])


def test_a_loss_is_negative(duel):
    line = held(comparisons(duel), "VBPR", "ndcg@5")
    assert line["difference"] == pytest.approx((NDCG_3 - 1 - 1) / 8)
    assert line["low"] < line["difference"] < line["high"]
    assert line["r"] == -1.0


def test_the_difference_is_that_of_table_2(duel):
    means = comparison.pages(duel)[1].data.set_index(["row", "metric"])["mean"]
    for line in comparisons(duel).to_dict("records"):
        expected = means[line["row"], line["metric"]] - means[line["vs"], line["metric"]]
        assert line["difference"] == pytest.approx(expected, abs=1e-12)


def test_the_strongest_baseline_is_chosen_metric_by_metric_and_is_never_mcln_or_a_floor(tmp_path):
    found = comparisons(
        evidence(
            tmp_path,
            stored(tmp_path, [1, 50, 50]),
            stored(tmp_path, [5, 5, 50], "VBPR"),
            stored(tmp_path, [1, 1, 1], "Pop"),
            stored(tmp_path, [1, 1, 1], "MCLN"),
        )
    )
    assert held(found, "MCLN", "ndcg@5")["vs"] == "BPRMF"  # 1 against 2 / log2(6) = 0.774
    assert held(found, "MCLN", "hr@5")["vs"] == "VBPR"
    assert held(found, "Pop", "hr@5")["vs"] == "VBPR"
    assert found["n_tests"].eq(4 + 4 + 2 + 2).all()  # each baseline against the other where that is stronger


def test_values_are_averaged_over_the_seeds_and_seed_error_stands_apart(tmp_path):
    """Gains of MCLN by seed: 3/4 and 1/4; by case: 1, 1/2, 1/2, 0."""
    places = {"BPRMF": ([50, 50, 50, 50],) * 2, "MCLN": ([1, 1, 1, 50], [1, 50, 50, 50])}
    records = [
        stored(tmp_path, ranks, model, seed=seed) for model, both in places.items() for seed, ranks in enumerate(both)
    ]
    line = held(comparisons(evidence(tmp_path, *records)), "MCLN", "hr@10")
    assert (line["n_seeds"], line["n_cases"], line["n_differing"]) == (2, 4, 3)
    assert line["difference"] == pytest.approx(0.5)
    assert line["se_cases"] == pytest.approx(math.sqrt((0.25 + 0 + 0 + 0.25) / 3 / 4))
    assert line["se_seeds"] == pytest.approx(math.sqrt(2 * 0.25**2) / math.sqrt(2))
    assert line["p_permutation"] == pytest.approx(2 / 2**3)


def test_a_standard_error_of_zero_is_zero_and_no_p_value_is():
    test = {"row": "MCLN", "vs": "BPRMF", "metric": "hr@5", "note": "", "unequal": "", "keys": "a b"}
    numbers = dict.fromkeys(significance.MEASURES, 0.0)
    texts = significance.line({**test, **numbers}).texts
    named = {column.name: text for column, text in zip(significance.COLUMNS, texts, strict=True)}
    assert {named[name] for name in ("p perm.", "p Wilcoxon", "p Holm")} == {"<0.0001"}
    assert {named[name] for name in ("SE cases", "SE seeds")} == {"0.0000"}


def test_rows_of_unlike_numbers_of_seeds_are_paired_by_case(tmp_path):
    """BPRMF by case: 1, 1/2, 0; MCLN's one seed hits in all. A failed seed counts for nothing."""
    failed = unfinished("MCLN", seed=1)
    records = [stored(tmp_path, [1, 1, 50], seed=0), stored(tmp_path, [1, 50, 50], seed=1)]
    records += [stored(tmp_path, [1, 1, 1], "MCLN"), failed]
    line = held(comparisons(evidence(tmp_path, *records)), "MCLN", "hr@5")
    assert line["difference"] == pytest.approx((0 + 0.5 + 1) / 3)
    assert (line["n_seeds"], line["n_differing"]) == (1, 2)
    assert math.isnan(line["se_seeds"])


def test_the_error_over_seeds_of_unlike_numbers_by_hand():
    """Means 1, 3 have the error 1, and 0, 3, 6 have 3 / sqrt(3)."""
    ours, theirs = np.array([1.0, 3.0]), np.array([0.0, 3.0, 6.0])
    assert seed_error(ours, theirs, is_paired=False) == pytest.approx(math.sqrt(1 + 3))
    assert seed_error(theirs + 1, theirs, is_paired=True) == 0
    assert math.isnan(seed_error(ours[:1], theirs, is_paired=False))


@pytest.mark.parametrize(("seeds", "error"), [((0, 1), 0.25), ((1, 2), math.hypot(0.125, 0.125))])
def test_only_equal_seeds_are_paired(tmp_path, seeds, error):
    """H@5 by seed: BPRMF .25 and .5, MCLN 1 and .75, so that the differences are .75 and .25."""
    theirs = zip((0, 1), ([1, 9, 9, 9], [1, 1, 9, 9]), strict=True)
    ours = zip(seeds, ([1, 1, 1, 1], [1, 1, 1, 9]), strict=True)
    records = [stored(tmp_path, places, seed=seed) for seed, places in theirs]
    records += [stored(tmp_path, places, "MCLN", seed=seed) for seed, places in ours]
    line = held(comparisons(evidence(tmp_path, *records)), "MCLN", "hr@5")
    assert line["se_seeds"] == pytest.approx(error)


def test_hits_of_many_cases_are_tested_as_exactly_as_those_of_few():
    places = (np.repeat([row], [5000, 5300], axis=1).astype(np.uint8) for row in ([0, 10], [10, 0]))
    found = measures(*(Ranked("c", place) for place in places), "hr@10")
    exact = stats.binomtest(5000, 10_300).pvalue
    assert found["p_permutation"] == pytest.approx(exact, rel=1e-6)
    assert found["p_wilcoxon"] == pytest.approx(exact, rel=0.05)  # by the normal distribution


def test_seeds_on_other_cases_are_a_reason(tmp_path):
    records = [
        *(stored(tmp_path, WEAK, seed=seed) for seed in (0, 1)),
        *(stored(tmp_path, STRONG, "MCLN", seed=seed, users=np.arange(8) + seed) for seed in (0, 1)),
    ]
    found = comparisons(evidence(tmp_path, *records))
    assert set(found["note"]) == {"not comparable: the seeds of MCLN were tested on different cases"}


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


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_ranks_that_cannot_be_read_are_a_reason(tmp_path, damage):
    records = [stored(tmp_path, WEAK, key="b"), record("MCLN", key="m")]
    if damage == "broken":
        (tmp_path / "beauty" / "MCLN").mkdir()
        (tmp_path / "beauty" / "MCLN" / f"{records[1].job.key}.users.parquet").write_bytes(b"half")
    found = comparisons(evidence(tmp_path, *records))
    assert set(found["note"]) == {"not comparable: the ranks of record m are missing or broken"}


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
    marks = signs_of(many)
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
    assert Note(significance.LEGEND, is_warning=True) in page.notes
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
    assert signs_of(duel) == {}
    assert not [cell for page in significance.pages(duel) for cell in page.cells if cell.sign]
    assert Note(significance.LEGEND, is_warning=True) not in comparison.pages(duel)[1].notes


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
