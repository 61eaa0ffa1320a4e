"""The order of rows and of data sets."""

import pytest

from bench.registry import cards, outside
from bench.report.rows import MODELS, blocks, model_of, order
from bench.spec import row_name
from tests.report.made import evidence, record


def test_order_is_floors_then_the_papers_rows_then_ours_then_others():
    rows = ["Zeta", "EASE", "MCLN:itemwise", "MCLN", "Pop", "BPRMF", "BM3"]
    assert order(rows) == ["Pop", "EASE", "BPRMF", "MCLN", "MCLN:itemwise", "BM3", "Zeta"]


def test_data_sets_stand_in_the_papers_order_and_folders_go_by_their_name():
    names = ("taobao", "some/where/mine", "art", "beauty-sim", "beauty")
    found = blocks(evidence(*(record(dataset=name) for name in names)).every)
    assert [name for name, _ in found] == ["beauty", "art", "taobao", "beauty-sim", "mine"]


@pytest.mark.parametrize("row", ["SVD++", "SVD++:released", "SVD++ (tuned)", "SVD++:released (file=a:b (1))"])
def test_a_row_begins_with_its_model(row):
    assert model_of(row) == "SVD++"


def test_every_model_of_the_benchmark_is_known_by_name():
    assert {row_name(card, "default") for card in cards() if card not in outside} == MODELS
