"""The numbers that people wrote in README.md and docs/findings.md are those of the reference report."""

import itertools
import re
from pathlib import Path

import pandas as pd
import pytest

from bench.report.rows import DATASETS

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "reports/reference"
TABLES = ("table2-*.csv", "table3-*.csv", "knockouts-*.csv")
SMALL = 0.03  # a number up to this may be a difference or a standard deviation, a larger one is a mean
OTHERS = {  # numbers that stand in no table, of which the text says so
    "0.404", "0.406", "0.434", "0.452", "0.454",  # MEGCF with the words of reviews, and the log of its authors
    "0.551", "0.557",  # the independent study of MCLN
    "0.304", "0.312",  # seed 0 of LightGCN and MEGCF, where the tables have means over seeds
    "0.064", "0.420",  # the older records of MCLN:itemwise on Beauty
    "0.058", "0.040", "0.045",  # searches on validation data; the best for MCLN:itemwise, 0.064, stands above
    "0.317", "0.319", "0.324",  # content rows of another norm, and other weights of MGCL's contrastive loss
}  # fmt: skip


def cells() -> pd.DataFrame:
    """Return the shown means of the reference, with ``source``: protocol and table."""
    places = [f"*-{budget}/{pattern}" for budget in ("standard", "full") for pattern in TABLES]
    paths = [path for place in places for path in sorted(REPORTS.glob(place))]
    frames = [pd.read_csv(path).assign(source=str(path.relative_to(REPORTS))) for path in paths]
    curves = [pd.read_csv(path) for path in sorted(REPORTS.glob("*-standard/learning-curves.csv"))]
    courses = pd.concat(curves).rename(columns={"model": "row", "value": "mean"})
    courses = courses.assign(source=courses["protocol"] + courses["epoch"].astype(str))
    return pd.concat([*frames, courses], ignore_index=True).dropna(subset=["mean"])


CELLS = cells()


def paragraphs(page: str) -> list[str]:
    """Return the paragraphs and bullets of a page that have a number of three places, with the heading in front."""
    found = []
    for section in re.split(r"^##? ", (ROOT / page).read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        found += [f"{heading}: {' '.join(part.split())}" for part in re.split(r"\n\n|\n- |<!--.*?-->", text)]
    return [part for part in found if re.search(r"\b0\.\d{3}\b", part)]


def said(text: str) -> pd.DataFrame:
    """Return the cells of the rows and of the data sets that a paragraph names."""
    sets = [name for name, title in DATASETS.items() if title in text]
    rows = [row for row in CELLS["row"].unique() if re.search(rf"\b{re.escape(row)}(?![\w+]|:\w)", text)]
    if "tuning" in text.lower():
        rows += [f"{row} (tuned)" for row in rows]
    if "Base" in text:
        rows.append("Base")
    selected = CELLS[CELLS["row"].isin(rows) & CELLS["dataset"].isin(sets or list(DATASETS))]
    metrics = {"ndcg@10": True, "hr@5": "HR@5" in text, "sampled.ndcg@10": "at epoch" in text}
    return selected[selected["metric"].fillna("ndcg@10").isin([name for name, is_meant in metrics.items() if is_meant])]


def strangers(text: str) -> list[str]:
    """Return the numbers of a paragraph that no cell has which it may speak of, and no difference or deviation."""
    selected = said(text)
    known = set(selected["mean"].round(3))
    small = set(selected["std"].dropna().round(3))
    for _, group in selected.groupby(["dataset", "metric", "source"], dropna=False):
        small |= {round(abs(a - b), 3) for a, b in itertools.combinations(group["mean"].unique(), 2)}
    known |= {value for value in small if value <= SMALL}
    return [n for n in re.findall(r"\b0\.\d{3}\b", text) if n not in OTHERS and float(n) not in known]


@pytest.mark.parametrize("page", ["README.md", "docs/findings.md"])
def test_the_numbers_in_prose_are_those_of_the_report(page):
    parts = paragraphs(page)
    assert parts
    assert {part: strangers(part) for part in parts if strangers(part)} == {}


def test_a_number_that_no_cell_has_is_found():
    best = CELLS.query("dataset == 'beauty' and row == 'MGCN' and metric == 'ndcg@10'")["mean"].max()
    assert strangers(f"Beauty: MGCN has {best:.3f}") == []
    assert strangers(f"Art: MGCN has {best:.3f}") == [f"{best:.3f}"]
    assert strangers(f"Beauty: BPRMF has {best:.3f}") == [f"{best:.3f}"]


@pytest.mark.parametrize(
    ("words", "table", "dataset", "row", "sign"),
    [
        ("below MGCN by no more than chance under `paper`", "paper-standard/table2-sampled", "beauty", "MGCL", ""),
        ("and by more than chance under `clean`", "clean-standard/table2-sampled", "beauty", "MGCL", "▼"),
        ("than chance above the whole model's", "paper-standard/table3-sampled", "taobao", "Base", "▲"),
        ("under `paper` by no more than chance (0.034", "paper-standard/table2-full", "taobao", "EASE", ""),
        ("under `clean` by no more than chance (0.029", "clean-standard/table2-full", "taobao", "EASE", ""),
        ("under `clean` clearly (0.071 and", "clean-standard/table2-full", "beauty", "EASE", "▼"),
        ("under `paper` by no more than chance (0.080", "paper-standard/table2-full", "beauty", "EASE", ""),
        ("same holds there for CausalMMRec", "clean-standard/table2-full", "beauty", "CausalMMRec", "▼"),
        ("same holds there for CausalMMRec", "paper-standard/table2-full", "beauty", "CausalMMRec", ""),
    ],
)
def test_what_prose_calls_chance_has_no_mark_in_the_report(words, table, dataset, row, sign):
    cell = pd.read_csv(REPORTS / f"{table}.csv").fillna({"sign": ""}).set_index(["dataset", "row", "metric"])
    assert words in " ".join((ROOT / "docs/findings.md").read_text().split())
    assert cell.loc[(dataset, row, "ndcg@10"), "sign"] == sign


def test_how_far_the_rows_of_taobao_lie_apart():
    """What docs/protocols.md says of them beside the spread over seeds."""
    taobao = CELLS.query("dataset == 'taobao' and metric == 'ndcg@10'")
    rows = taobao.set_index("row").groupby("source")["mean"]
    paper, clean = (rows.get_group(f"{name}-standard/table2-sampled.csv") for name in ("paper", "clean"))
    text = " ".join((ROOT / "docs/protocols.md").read_text().split())
    assert f"neighbouring rows differ by {paper.sort_values().diff().median():.4f} in the median" in text
    gaps = [f"{means['MGCL'] - means['MCLN']:.3f}" for means in (paper, clean)]
    assert f"MCLN is {gaps[0]} (`paper`) and {gaps[1]} (`clean`) below MGCL" in text
