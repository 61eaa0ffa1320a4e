"""The order of rows and of data sets."""

from bench.report.rows import blocks, order
from tests.report.made import evidence, record


def test_order_is_floors_then_the_papers_rows_then_ours_then_others():
    rows = ["Zeta", "EASE", "MCLN:itemwise", "MCLN", "Pop", "BPRMF", "BM3"]
    assert order(rows) == ["Pop", "EASE", "BPRMF", "MCLN", "MCLN:itemwise", "BM3", "Zeta"]


def test_data_sets_stand_in_the_papers_order_and_folders_go_by_their_name():
    names = ("taobao", "some/where/mine", "art", "beauty-sim", "beauty")
    found = blocks(evidence(*(record(dataset=name) for name in names)).every)
    assert [name for name, _ in found] == ["beauty", "art", "taobao", "beauty-sim", "mine"]
