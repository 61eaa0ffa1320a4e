"""Runs of authors' own code on the paper's splits, with the content that their authors used.

The independent runs are test metrics by epoch of the MCLN authors' code as others ran it unchanged, on the paper's deep
features. They are read from ``mcln_independent_runs.csv`` and come from ``hongyurain/MMR_Evaluation`` at a2dff37,
folder ``MGCE_MCLN_MGCL/MCLN``, the study of arXiv 2508.05377.

The runs of MEGCF are its authors' own, on entities of titles, reviews and images: of each log in ``hfutmars/MEGCF`` at
3022b33 the evaluation with the best test NDCG@10, as for MCLN, read from ``megcf_authors_runs.csv``. Its epochs are
counted from 0, as there. On Art, the README there names the one with the best HR@5 instead (0.71035; NDCG@10 0.63794).
"""

from functools import cache
from pathlib import Path

import pandas as pd

CSV = Path(__file__).with_name("mcln_independent_runs.csv")
MEGCF = Path(__file__).with_name("megcf_authors_runs.csv")
NAME = "independent run"
DRAWN = 99  # candidates drawn beside the test item
NOTE = (
    "The independent run is the authors' code run by others on the paper's deep features (arXiv 2508.05377; its values "
    "stand in bench/report/mcln_independent_runs.csv), whereas ours is on the features that the table names. Its "
    "evaluation draws the candidates anew each time, with a chance of about 1.1% (Beauty 1.13%) that the test item is "
    "drawn once more, and a copy of a hit counts as another hit."
)


@cache
def runs() -> pd.DataFrame:
    """Return one line per evaluation: data set, run, epoch and test metrics, as they were published."""
    return pd.read_csv(CSV)


@cache
def best() -> pd.DataFrame:
    """Return the evaluation with the best test NDCG@10, as the paper's protocol chooses it, by data set and run."""
    places = runs().groupby(["dataset", "run"])["ndcg@10"].idxmax()
    return runs().loc[places].set_index(["dataset", "run"])


def value(dataset: str, metric: str) -> float:
    """Return a metric of the first run on a data set at its best epoch; NaN where there is none."""
    return float(best()[metric].get((dataset, 1), float("nan")))


def corrected(value: float, n_items: float | int) -> float:
    """Return the least that ``value`` may be without the copies of the test item among the candidates.

    The 99 candidates are drawn with replacement from the n items, so that one of them is the test item with the chance
    p = 1 - (1 - 1/n)^99. A copy has the test item's score and ranks beside it: where one is a hit, the other is a hit
    too, except at the last place of the list (``load_data.py::test_data`` and ``model-beauty.py::_evaluate`` there).
    So the value is at most 1 + p times too high, and is divided by that. Items of the user's train list are not drawn,
    which spares the cases whose test item is among them: 5,908 of 25,165 on Art, none elsewhere.
    """
    return value / (2 - (1 - 1 / n_items) ** DRAWN)


@cache
def megcf() -> pd.DataFrame:
    """Return the test metrics of MEGCF by its authors, one line per data set."""
    return pd.read_csv(MEGCF).set_index("dataset")
