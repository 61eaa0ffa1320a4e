"""The paper's published numbers, read from ``paper.csv``; a number that is not there is never made up.

A value is one more line there: ``table2,beauty,BPRMF,hr@5,<value>,<where it was read>``; the rows of Tables 3 to 5
are the labels of ``bench/studies.py``.
"""

from pathlib import Path

import pandas as pd

from bench.spec import METRICS, PAPER_MODELS, SHOWN_MODELS, BenchError, unknown
from bench.studies import STUDIES

CSV = Path(__file__).with_name("paper.csv")
COLUMNS = ["table", "dataset", "row", "metric", "value", "source"]
PLACE = COLUMNS[:4]

DATASETS = {"beauty": "Beauty", "art": "Art", "taobao": "Taobao"}  # in the paper's order, with its names
STATISTICS = ("users", "items", "interactions", "density")
ROWS = tuple(SHOWN_MODELS.get(model, model) for model in PAPER_MODELS)
*BASELINES, STUDIED = ROWS  # the last one's row is the authors' released code
IMPROVEMENT = "%Imp."
VARIED = ("table3", "table4", "table5")  # compare variants of the studied model
FLOORS = ("Pop", "ItemKNN", "EASE")  # not the paper's: what any model should beat
OURS = "MCLN:itemwise"

Published = dict[tuple[str, str, str, str], float]  # (table, dataset, row, metric) to the paper's value


def heading(block: tuple[str, str]) -> str:
    """A (data set, features) as tables call it."""
    return f"{DATASETS.get(block[0], block[0])} ({block[1]})"


def load(path: Path = CSV) -> Published:
    """The numbers of ``path``."""
    return index(pd.read_csv(path, dtype=str, keep_default_na=False))


def index(lines: pd.DataFrame) -> Published:
    """The lines of the file by place.

    Raises:
        BenchError: for other columns, an unknown name, a value that is no number, or a place given twice.
    """
    if list(lines.columns) != COLUMNS:
        raise BenchError(f"{CSV.name} needs the columns {','.join(COLUMNS)}")
    known = {"table1": (("",), STATISTICS), "table2": ((*ROWS, IMPROVEMENT), METRICS)}
    known |= {name: (STUDIES[name].labels, METRICS) for name in VARIED}
    published = {}
    for line in lines.itertuples(index=False):
        place = (line.table, line.dataset, line.row, line.metric)
        rows, metrics = known.get(line.table, ((), ()))
        choices = {"table": known, "data set": DATASETS, "row": rows, "metric": metrics}
        for (kind, names), name in zip(choices.items(), place, strict=True):
            if name not in names:
                raise unknown(f"{kind} in {CSV.name}", name, names)
        where = f"{CSV.name}: {' '.join(filter(None, place))}"
        if place in published:
            raise BenchError(f"{where} is given twice")
        try:
            published[place] = float(line.value)
        except ValueError:
            raise BenchError(f"{where} is no number: {line.value!r}") from None
    return published
