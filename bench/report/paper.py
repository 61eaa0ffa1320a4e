"""The paper's published numbers, read from ``paper.csv``; a number missing there is missing in all tables.

To add a value, add a line ``table2,beauty,BPRMF,hr@5,<value>,<where it was read>``; the rows of Tables 3 to 5 are the
labels of their studies.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd

from bench.report.rows import DATASETS, ROWS
from bench.spec import METRICS, BenchError, unknown
from bench.study import Study

CSV = Path(__file__).with_name("paper.csv")
COLUMNS = ["table", "dataset", "row", "metric", "value", "source"]
PLACE = COLUMNS[:4]
STATISTICS = ("users", "items", "interactions", "density")
IMPROVEMENT = "%Imp."

Published = dict[tuple[str, str, str, str], float]  # (table, dataset, row, metric) to the paper's value


def load(studies: Iterable[Study] = ()) -> Published:
    """Read the numbers of the file; without ``studies``, which name the rows of the others, only Tables 1 and 2."""
    lines = pd.read_csv(CSV, dtype=str, keep_default_na=False)
    return index(lines if studies else lines[lines["table"].isin(["table1", "table2"])], studies)


def index(lines: pd.DataFrame, studies: Iterable[Study] = ()) -> Published:
    """Return the values of the file's lines by table, data set, row and metric.

    Raises:
        BenchError: for other columns, an unknown name, a value that is no number, or a place given twice.
    """
    if list(lines.columns) != COLUMNS:
        raise BenchError(f"{CSV.name} needs the columns {','.join(COLUMNS)}")
    known = {"table1": (("",), STATISTICS), "table2": ((*ROWS, IMPROVEMENT), METRICS)}
    known |= {study.name: (study.labels, METRICS) for study in studies if study.is_papers}
    published = {}
    for place, line in zip(lines[PLACE].itertuples(index=False, name=None), lines["value"], strict=True):
        check(place, known)
        where = f"{CSV.name}: {' '.join(filter(None, place))}"
        if place in published:
            raise BenchError(f"{where} is given twice")
        try:
            published[place] = float(line)
        except ValueError:
            raise BenchError(f"{where} is not a number: {line!r}") from None
    return published


def check(place: tuple[str, str, str, str], known: dict[str, tuple[Collection[str], Collection[str]]]) -> None:
    """Check each name of ``place``; ``known`` holds the rows and metrics of each table.

    Raises:
        BenchError: for the first name that is unknown.
    """
    table, dataset, row, metric = place
    rows, metrics = known.get(table, ((), ()))
    for kind, name, names in (
        ("table", table, known), ("data set", dataset, DATASETS), ("row", row, rows), ("metric", metric, metrics)
    ):  # fmt: skip
        if name not in names:
            raise unknown(f"{kind} in {CSV.name}", name, names)
