"""Names, titles and folders of pages, and numbers as text."""

import pandas as pd
import pytest

from bench.report.model import Question, Table, number


def page(**about) -> Table:
    data = pd.DataFrame({"keys": ["b a", "a", ""]})
    said = {"question": Question.COMPARISON, "kind": "table2", "what": "Table 2", "caption": "", "notes": []}
    return Table(**said, data=data, blocks=[], **about)


@pytest.mark.parametrize(
    ("about", "name", "title", "path"),
    [
        ({}, "table2", "Table 2", "table2"),
        (
            {"protocol": "paper", "budget": "smoke", "ranking": "full"},
            "table2-paper-smoke-full",
            "Table 2 (protocol paper, budget smoke, full ranking)",
            "paper-smoke/table2-full",
        ),
        ({"budget": "quick"}, "table2-quick", "Table 2 (budget quick)", "protocols-quick/table2"),
    ],
)
def test_a_page_is_named_by_what_it_is_about(about, name, title, path):
    made = page(**about)
    assert (made.name, made.title, made.path) == (name, title, path)


def test_no_protocol_leads_out_of_the_reports():
    assert page(protocol="../x", budget="a/b").path.startswith("__x-a_b/")


def test_the_records_behind_a_page_are_named_once():
    assert page().keys == ["a", "b"]


def test_a_difference_of_zero_has_no_sign():
    texts = [number(value, "+.4f") for value in (0.00001, -0.00001, 0.5, -0.5, float("nan"))]
    assert texts == ["0.0000", "0.0000", "+0.5000", "-0.5000", "—"]
