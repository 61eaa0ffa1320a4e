"""CSV and plain text: digits, and what a terminal leaves out."""

import pandas as pd
import pytest

from bench.report.model import Block, Cell, Column, Figure, Line, Note, Question, Table
from bench.report.render.text import csv, escaped, figure_page, markdown, text


def table(**more) -> Table:
    data = pd.DataFrame({"keys": ["a"], "n": [1_234_567.0], "value": [0.123456789], "small": [1.5e-7], "name": ["x"]})
    about = {"question": Question.DATA, "kind": "t", "what": "T", "caption": "", "notes": [], "blocks": []}
    return Table(**{"data": data, **about, **more})


def test_a_csv_has_six_significant_digits_and_whole_numbers_whole():
    assert csv(table()) == "keys,n,value,small,name\na,1234567,0.123457,1.5e-07,x\n"


def test_a_terminal_shows_no_paper_columns_no_rows_without_a_record_and_only_warnings():
    columns = [Column("Model", "name"), Column("H@5"), Column("paper", is_papers=True)]
    lines = [
        Line([Cell("A"), Cell("0.5"), Cell("0.75")]),
        Line([Cell("B"), Cell("—", note="not run"), Cell("0.25")], is_run=False),
        Line([Cell("C"), Cell("—", note="failed"), Cell("—")]),
    ]
    said = text(table(blocks=[Block(columns=columns, lines=lines)], notes=[Note("plain"), Note("look out", True)]))
    assert "0.75" not in said
    assert "not run" not in said
    assert "[2] failed" in said
    assert "— [2]" in said
    assert "plain" not in said
    assert "look out" in said


@pytest.mark.parametrize("name", ["=1+1", "+1", "-x", "@SUM(A1)", " =1", "plain"])
def test_a_name_that_a_spreadsheet_would_compute_is_quoted(name):
    rows = csv(table(data=pd.DataFrame({"row": [name], "n": [-1.5]}))).splitlines()
    assert rows[1] == f"{name if name == 'plain' else chr(39) + name},-1.5"


def test_a_title_with_the_name_of_a_data_set_is_escaped():
    """The figure of the models' places has the data set in its title."""
    what = "Places of the models, <b>a*b_c"
    assert markdown(table(what=what)).startswith("# Places of the models, &lt;b>a\\*b\\_c\n")
    about = {"question": Question.DATA, "kind": "f", "caption": "", "notes": [], "data": table().data}
    assert figure_page(Figure(what=what, plot="cost", **about)).startswith("# Places of the models, &lt;b>a\\*b\\_c\n")


def test_brackets_in_a_name_make_no_link():
    assert escaped("[x](javascript:alert(1))") == r"\[x\](javascript:alert(1))"
