"""What the page knows of a block's lines and columns."""

import pytest

from bench.report.layout import Block, Cell
from bench.report.views import grid, is_number


def test_the_improvement_stays_below_the_lines_that_are_sorted():
    lines = [[Cell("A"), Cell("0.5")], [Cell("%Imp."), Cell("+1.00")]]
    made = grid(Block(title="t", header=["Model", "H@5"], lines=lines), {}, title="t")
    assert [line[0].text for _, line in made.body] == ["A"]
    assert [line[0].text for _, line in made.foot] == ["%Imp."]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["0.5000 ± 0.3536", "—", "1,000"], True),
        (["+50.00", "-0.05", "3e-05", "<0.001", "12%", "0.41 †"], True),
        (["—"], True),
        (["0.5", "BPRMF"], False),
        (["0, 1"], False),
        (["2024-01-01"], False),
        ([""], False),
    ],
)
def test_a_column_of_numbers_is_told_from_one_of_text(texts, expected):
    assert is_number(texts) is expected
