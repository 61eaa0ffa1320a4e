"""Which columns hold the interactions: no column is read for two things, unless that makes sense."""

import pandas as pd
import pytest

from bench.data.interactions import Choices, select
from bench.spec import BenchError

BOUGHT = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [7, 8, 7], "timestamp": [30, 10, 20]})


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"user": "item_id", "item": "item_id"}, "--user and --item both read the column item_id"),
        ({"item": "user_id"}, "--user and --item both read the column user_id"),
        ({"user": "item_id"}, "--user and --item both read the column item_id"),
        ({"time": "user_id"}, "--user and --time both read the column user_id"),
        ({"time": "item_id"}, "--item and --time both read the column item_id"),
        ({"item": "timestamp"}, "--item and --time both read the column timestamp"),
        ({"rating": "user_id", "at_least": 1}, "--user and --rating both read the column user_id"),
        ({"rating": "item_id", "at_least": 1}, "--item and --rating both read the column item_id"),
    ],
)
def test_a_column_that_is_read_twice(choices, said):
    with pytest.raises(BenchError, match=f"f.csv: {said}; name another with one of them"):
        select(BOUGHT, Choices(**choices), "f.csv")


def test_times_may_be_ratings():
    """So that what is too long ago is left out."""
    found = select(BOUGHT, Choices(rating="timestamp", at_least=20), "f.csv")
    assert found.rows["item"].tolist() == ["7", "7"]
    assert found.left_out == {"below timestamp 20": 1}
