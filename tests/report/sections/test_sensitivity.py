"""Orders of models under two readings: by hand, against scipy, and as a picture."""

import math

import pandas as pd
import pytest

from bench.report.render.figures import slopes
from bench.report.render.text import markdown
from bench.report.sections import sensitivity
from bench.report.sections.sensitivity import agreement
from bench.spec import PROTOCOLS
from tests.report.made import evidence, record

MODELS = ("BPRMF", "NGCF", "VBPR", "LightGCN")


def sides(left, right):
    return pd.DataFrame({"left": left, "right": right})


def made(value, model, *, full=None, **job):
    """A record whose values of full ranking differ from those of the sampled one."""
    found = record(model, value, **job)
    metrics = {name: full if full is not None and name.startswith("full") else value for name in found.metrics}
    return found.model_copy(update={"metrics": metrics})


def contents(*records):
    return sensitivity.pages(evidence(*records))


def test_tau_by_hand():
    """1 2 3 4 against 1 3 2 4: one of six pairs swapped, (5 - 1) / 6. A tie on one side: (5 - 0) / sqrt(5 x 6)."""
    assert agreement(sides([1, 2, 3, 4], [1, 3, 2, 4])) == (pytest.approx(4 / 6), 1)
    assert agreement(sides([1, 2, 3, 3], [1, 2, 3, 4])) == (pytest.approx(5 / math.sqrt(5 * 6)), 0)
    assert agreement(sides([1, 2, 3], [3, 2, 1])) == (pytest.approx(-1), 3)


def test_too_few_rows_and_equal_values_have_no_tau():
    assert math.isnan(agreement(sides([1, 2], [1, 2]))[0])
    assert math.isnan(agreement(sides([1, 1, 1], [1, 2, 3]))[0])


def test_sampled_against_full_ranking():
    records = [made(v, m, full=f) for m, v, f in zip(MODELS, (4, 3, 2, 1), (4, 2, 3, 1), strict=True)]
    page, drawing = contents(*records, made(9, "MCLN"))  # MCLN has no full ranking
    assert page.name == "sensitivity-smoke"
    line = page.blocks[0].lines[0].texts
    assert line[:5] == ["Beauty (entities)", "paper, sampled", "paper, full", "4", "+0.667"]
    assert line[-1] == "1 of 6"
    assert drawing.data[["row", "left_place", "right_place"]].values.tolist() == [
        ["BPRMF", 1, 1], ["NGCF", 2, 3], ["LightGCN", 4, 4], ["VBPR", 3, 2],
    ]  # fmt: skip
    assert page.keys == sorted(r.key for r in records)


def test_paper_against_clean_under_each_ranking():
    records = [
        made(v if name == "paper" else -v, m, protocol=PROTOCOLS[name])
        for m, v in zip(MODELS[:3], (3, 2, 1), strict=True)
        for name in PROTOCOLS
    ]
    page, _ = contents(*records)
    between = page.data.drop_duplicates(["left", "right"])[["left", "right", "tau_b"]].values.tolist()
    assert between == [
        ["clean, sampled", "clean, full", pytest.approx(1)],
        ["paper, sampled", "paper, full", pytest.approx(1)],
        ["paper, sampled", "clean, sampled", pytest.approx(-1)],
        ["paper, full", "clean, full", pytest.approx(-1)],
    ]


def test_ties_share_a_place_and_the_next_one_is_left_out():
    records = [made(v, m, full=v) for m, v in zip(MODELS, (4, 3, 3, 1), strict=True)]
    _, drawing = contents(*records)
    assert dict(drawing.data[["row", "left_place"]].values) == {"BPRMF": 1, "NGCF": 2, "VBPR": 2, "LightGCN": 4}


def test_two_rows_give_a_reason_and_no_figure():
    (page,) = contents(made(1, "BPRMF"), made(2, "NGCF"))
    assert page.reasons == ["only 2 rows are on both sides; an order needs at least 3"]
    assert "— <sup>1</sup>" in markdown(page)


def test_no_row_in_both_gives_nothing():
    assert contents(made(1, "MCLN")) == []
    assert contents() == []


def test_other_data_sets_and_budgets_are_never_compared():
    records = [made(n, m, dataset=d) for d in ("beauty", "art") for n, m in enumerate(MODELS)]
    page, *drawings = contents(*records)
    assert page.data["dataset"].value_counts().to_dict() == {"beauty": 4, "art": 4}
    assert [drawing.data["left_place"].max() for drawing in drawings] == [4, 4]


def test_each_data_set_has_a_picture_of_its_own():
    """Two whose names are one in a path share theirs."""
    records = [made(n, m, dataset=d) for d in ("beauty", "a b", "a_b") for n, m in enumerate(MODELS)]
    _, *drawings = contents(*records)
    found = {drawing.stem: list(dict.fromkeys(drawing.data["dataset"])) for drawing in drawings}
    assert found == {"sensitivity-slopes-beauty": ["beauty"], "sensitivity-slopes-a_b": ["a b", "a_b"]}


def test_the_picture_has_a_panel_each_pair_and_a_line_each_row():
    records = [made(n, m, dataset=d) for d in ("a b", "a_b") for n, m in enumerate(MODELS)]
    _, drawing = contents(*records)
    panels = [axis for axis in slopes(drawing.data).axes if axis.get_title()]
    assert [axis.get_title() for axis in panels] == ["a b (entities)", "a_b (entities)"]
    assert [list(line.get_ydata()) for line in panels[0].lines] == [
        [n, n] for n in drawing.data["left_place"].tolist()[:4]
    ]
