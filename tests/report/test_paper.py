"""The file of the paper's numbers."""

import pandas as pd
import pytest

from bench.report.paper import COLUMNS, STATISTICS, index, load
from bench.run.studies import STUDIES
from bench.spec import BenchError


def lines(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS, dtype=str)


def test_table_1_is_there_and_agrees_with_itself():
    paper = load()
    for dataset in ("beauty", "art", "taobao"):
        users, items, interactions, density = (paper["table1", dataset, "", s] for s in STATISTICS)
        assert round(interactions / (users * items), 5) == density


def test_a_value_of_table_2_is_one_more_line():
    paper = index(lines(["table2", "art", "SVD++", "ndcg@10", "0.25", "made up"]))
    assert paper == {("table2", "art", "SVD++", "ndcg@10"): 0.25}


def test_tables_3_to_5_go_by_the_labels_of_the_studies():
    rows = [("table3", "w/ V&CL"), ("table4", "w/ inter-modal"), ("table5", "5 layers")]
    made = lines(*([table, "art", row, "hr@10", "0.25", "made up"] for table, row in rows))
    paper = index(made, STUDIES.values())
    assert list(paper) == [(table, "art", row, "hr@10") for table, row in rows]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["table9", "art", "NGCF", "hr@5", "1", ""], "unknown table in paper.csv 'table9'"),
        (["table2", "arts", "NGCF", "hr@5", "1", ""], "did you mean art"),
        (["table2", "art", "MCLM", "hr@5", "1", ""], "did you mean MCLN"),
        (["table3", "art", "w/ V&CLL", "hr@5", "1", ""], "did you mean w/ T&CL or w/ V&CL"),
        (["table2", "art", "NGCF", "users", "1", ""], "unknown metric in paper.csv 'users'"),
        (["table2", "art", "NGCF", "hr@5", "?", ""], "table2 art NGCF hr@5 is no number: '?'"),
    ],
)
def test_a_wrong_line_is_an_error(line, said):
    with pytest.raises(BenchError, match=said.replace("?", r"\?")):
        index(lines(line), STUDIES.values())


def test_a_place_given_twice_and_other_columns_are_errors():
    line = ["table2", "art", "NGCF", "hr@5", "1", ""]
    with pytest.raises(BenchError, match="twice"):
        index(lines(line, line))
    with pytest.raises(BenchError, match="needs the columns"):
        index(lines(line).drop(columns="source"))
