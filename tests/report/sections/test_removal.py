"""One record taken away: exactly its cells are empty, in every table, by their CSV."""

from io import StringIO

import pandas as pd
import pytest

from bench.report.render.text import csv
from bench.report.sections import comparison
from tests.report.made import evidence, many

RECORDS = [record for record in many() if record.job.source != "old"]  # the one would stand again without the other
CELL = ["dataset", "features", "row", "metric"]
MARKS = ["best", "second"]  # these pass to another where the best goes


def cells(records) -> pd.DataFrame:
    """Every cell of every comparison as its CSV has it."""
    pages = {
        table.name: pd.read_csv(StringIO(csv(table)), dtype=str, keep_default_na=False)
        for table in comparison.pages(evidence(*records))
        if table.ranking
    }
    return (
        pd.concat(pages, names=["table", "line"]).reset_index("table").set_index(["table", *CELL]).drop(columns=MARKS)
    )


@pytest.fixture(scope="module")
def before():
    return cells(RECORDS)


@pytest.mark.parametrize("gone", RECORDS[::3], ids=lambda record: f"{record.job.row}-{record.status}-{record.key[:4]}")
def test_a_removed_record_changes_exactly_its_cells(before, gone):
    """A cell keeps the seed that is left, without a spread; one that has none left is empty and says why."""
    after = cells([record for record in RECORDS if record is not gone])
    own = before["keys"].str.contains(gone.key)
    assert own.sum() == 2 * 4  # both rankings, four metrics
    assert set(after.index) == set(before.index)
    after = after.loc[before.index]
    assert (after[~own] == before[~own]).all(axis=None)
    own &= before["mean"] != ""
    is_left = own & (before["n_seeds"] == "2")
    assert (after.loc[is_left, "n_seeds"] == "1").all()
    assert (after.loc[is_left, "mean"] != before.loc[is_left, "mean"]).all()
    assert (after.loc[own, "std"] == "").all()
    assert (after.loc[own & ~is_left, ["mean", "difference"]] == "").all(axis=None)
    assert after.loc[own & ~is_left, "note"].str.contains("not run").all()
    assert not after["keys"].str.contains(gone.key).any()
