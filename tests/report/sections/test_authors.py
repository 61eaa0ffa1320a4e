"""The authors' own runs of MCLN and MEGCF beside our difference, by hand."""

import pandas as pd
import pytest

from bench.report import independent
from bench.report.sections.authors import pages, sentences
from bench.spec import BUDGETS, PROTOCOLS
from tests.report import made
from tests.report.conftest import ALL, HALF
from tests.report.made import stored


def test_the_differences_by_hand(tmp_path):
    """Beauty has 8,678 items, and 99 candidates are drawn with replacement: .46876 / 1.01134 is .46350."""
    records = [stored(tmp_path, HALF, "MEGCF"), stored(tmp_path, ALL, "MCLN")]
    evidence = made.evidence(*records, folder=tmp_path)
    (page,) = pages(evidence)
    lines = {tuple(line.texts[:2]): line for line in page.blocks[0].lines}
    beauty = lines["Beauty (entities)", "N@10"]
    assert beauty.texts[2:] == ["0.4688", "0.4635", "0.4570", "+0.0065", "+0.5000"]
    assert set(beauty.keys.split()) == {record.key for record in records}
    copies = 1 - (1 - 1 / 8678) ** 99
    gap = page.data.set_index(["dataset", "metric"]).loc[("beauty", "ndcg@10"), "gap"]
    assert gap == pytest.approx(0.46876 / (1 + copies) - 0.45701, rel=1e-9)
    assert lines["Art", "N@10"].texts[4:] == ["0.6405", "-0.0104", "—"]
    assert lines["Art", "N@10"].keys == ""
    assert sentences(evidence) == [
        "By their authors' own code and content, the N@10 of MCLN minus that of MEGCF is at least +0.0065 on Beauty "
        "(entities, ours +0.5000), -0.0104 on Art (no run of ours), -0.0059 on Taobao (no run of ours)."
    ]


@pytest.mark.parametrize(
    "change", [{"protocol": PROTOCOLS["clean"]}, {"dataset": "toy"}, {"budget": BUDGETS["quick"], "model": "MEGCF"}]
)
def test_there_is_nothing_to_set_beside_them(tmp_path, change):
    """Not under another protocol, nor on another data set, nor without MCLN."""
    model = {"model": "MCLN", **change}
    evidence = made.evidence(stored(tmp_path, ALL, **model), folder=tmp_path)
    assert pages(evidence) == sentences(evidence) == []


def test_a_difference_of_rows_made_under_unequal_conditions_is_warned_of(tmp_path):
    records = [stored(tmp_path, HALF, "MEGCF"), stored(tmp_path, ALL, "MCLN", engine=9)]
    (page,) = pages(made.evidence(*records, folder=tmp_path))
    assert page.notes[-1].is_warning
    assert page.notes[-1].text.startswith("Not comparable: the records of Beauty (entities) differ in engine version")


def test_without_our_megcf_the_authors_runs_stand_alone(tmp_path):
    (page,) = pages(made.evidence(stored(tmp_path, ALL, "MCLN"), folder=tmp_path))
    assert page.data["ours"].isna().all()
    assert "+0.0065 on Beauty (entities, no MEGCF there), -0.0104 on Art (no run of ours)" in page.notes[0].text
    assert set(page.data["keys"]) == {""}


def test_the_runs_of_megcf_are_at_their_best_ndcg_as_those_of_mcln_are():
    """By its log, Art has its highest HR@5 at epoch 539, but NDCG@10 is 0.63794 there and 0.64054 at epoch 879."""
    lines = independent.megcf()
    assert dict(lines["epoch"]) == {"beauty": 859, "art": 879, "taobao": 19}
    assert dict(lines["ndcg@10"]) == {"beauty": 0.45701, "art": 0.64054, "taobao": 0.33822}


def test_every_value_of_megcf_names_its_source():
    lines = pd.read_csv(independent.MEGCF)
    assert list(lines["dataset"]) == ["beauty", "art", "taobao"]
    assert lines["source"].str.startswith("hfutmars/MEGCF at 3022b33").all()
    values = lines[["hr@5", "hr@10", "ndcg@5", "ndcg@10"]]
    assert values.gt(0).all(axis=None)
    assert (lines["ndcg@5"] < lines["hr@5"]).all()
    assert (lines["hr@5"] < lines["hr@10"]).all()
    assert (lines["hr@10"] < 1).all()
