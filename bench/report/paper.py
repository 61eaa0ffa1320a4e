"""The paper's published numbers, read from ``paper.csv``; a number missing there is missing in all tables.

To add a value, add a line ``table2,beauty,BPRMF,hr@5,<value>,<where it was read>``; the rows of Tables 3 to 5 are the
labels of their studies (a test checks the names).
"""

from pathlib import Path

import pandas as pd

CSV = Path(__file__).with_name("paper.csv")
PLACE = ["table", "dataset", "row", "metric"]
STATISTICS = ("users", "items", "interactions", "density")
IMPROVEMENT = "%Imp."

Published = dict[tuple[str, str, str, str], float]  # (table, dataset, row, metric) to the paper's value


def load() -> Published:
    """Read the numbers of the file."""
    lines = pd.read_csv(CSV, keep_default_na=False)
    return dict(zip(lines[PLACE].itertuples(index=False, name=None), lines["value"], strict=True))
