"""The file of the paper's numbers."""

from collections import defaultdict

import pandas as pd
import pytest

from bench.report.paper import CSV, IMPROVEMENT, PLACE, STATISTICS, load
from bench.report.rows import DATASETS, ROWS
from bench.report.sections import comparison, studies
from bench.run.studies import STUDIES
from bench.spec import METRICS, SHOWN
from tests.report.made import evidence, record


def test_table_1_is_there_and_agrees_with_itself():
    paper = load()
    for dataset in ("beauty", "art", "taobao"):
        users, items, interactions, density = (paper["table1", dataset, "", s] for s in STATISTICS)
        assert round(interactions / (users * items), 5) == density


def test_each_line_of_the_file_has_a_place_of_its_own_in_a_table():
    known = {"table1": ({""}, STATISTICS), "table2": ({*ROWS, IMPROVEMENT}, METRICS)}
    known |= {study.name: (set(study.labels), METRICS) for study in STUDIES.values() if study.is_papers}
    for table, dataset, row, metric in load():
        rows, metrics = known[table]
        assert dataset in DATASETS
        assert row in rows
        assert metric in metrics
    lines = pd.read_csv(CSV, keep_default_na=False)
    assert not lines.duplicated(PLACE).any()
    assert all(lines["source"])
    assert lines["value"].dtype == float  # as it is only where each is a number


SUMS = {  # of the paper's values, per row and per metric, by table and data set; made by awk from the file once
    ("table2", "beauty"): {
        "%Imp.": 26.85, "BPRMF": 1.6424, "DMRL": 1.9916, "InvRL": 1.945, "LightGCN": 1.9808, "MCLN": 2.1403,
        "MGAT": 1.9095, "MMGCN": 1.8796, "NGCF": 1.8538, "SVD++": 1.7591, "VBPR": 1.803, "hr@10": 10.7388,
        "hr@5": 12.7202, "ndcg@10": 11.2883, "ndcg@5": 11.0078,
    },
    ("table2", "art"): {
        "%Imp.": 9.06, "BPRMF": 2.4811, "DMRL": 2.7027, "InvRL": 2.6936, "LightGCN": 2.689, "MCLN": 2.7648,
        "MGAT": 2.6375, "MMGCN": 2.6059, "NGCF": 2.6306, "SVD++": 2.5498, "VBPR": 2.6071, "hr@10": 10.1589,
        "hr@5": 9.6041, "ndcg@10": 7.9015, "ndcg@5": 7.7576,
    },
    ("table2", "taobao"): {
        "%Imp.": 16.01, "BPRMF": 1.2462, "DMRL": 1.4373, "InvRL": 1.498, "LightGCN": 1.4986, "MCLN": 1.5625,
        "MGAT": 1.466, "MMGCN": 1.41, "NGCF": 1.3812, "SVD++": 1.3009, "VBPR": 1.3395, "hr@10": 7.5433,
        "hr@5": 7.6083, "ndcg@10": 7.6614, "ndcg@5": 7.3372,
    },
    ("table3", "beauty"): {
        "Base": 0.9362, "MCLN": 1.0004, "hr@5": 5.4757, "ndcg@5": 4.2148, "w/ T": 0.969, "w/ T&CL": 0.9853,
        "w/ T&ID&CL": 0.9898, "w/ V": 0.94, "w/ V&CL": 0.9492, "w/ V&ID&CL": 0.9502, "w/ V&T": 0.9722,
        "w/ V&T&CL": 0.9982,
    },
    ("table3", "art"): {
        "Base": 1.2948, "MCLN": 1.3291, "hr@5": 7.1004, "ndcg@5": 6.0313, "w/ T": 1.3141, "w/ T&CL": 1.3205,
        "w/ T&ID&CL": 1.3216, "w/ V": 1.2991, "w/ V&CL": 1.3026, "w/ V&ID&CL": 1.3054, "w/ V&T": 1.3165,
        "w/ V&T&CL": 1.328,
    },
    ("table3", "taobao"): {
        "Base": 0.6883, "MCLN": 0.7127, "hr@5": 1.6042, "ndcg@5": 1.2037, "w/ V": 0.6987, "w/ V&CL": 0.7082,
    },
    ("table4", "beauty"): {
        "MCLN": 1.0004, "hr@5": 1.6507, "ndcg@5": 1.2726, "w/ inter-modal": 0.9507, "w/ intra-modal": 0.9722,
    },
    ("table4", "art"): {
        "MCLN": 1.3291, "hr@5": 2.1345, "ndcg@5": 1.8117, "w/ inter-modal": 1.3006, "w/ intra-modal": 1.3165,
    },
    ("table5", "beauty"): {
        "1 layer": 0.9904, "2 layers": 1.0004, "3 layers": 0.999, "4 layers": 0.9932, "5 layers": 0.988,
        "hr@5": 2.8083, "ndcg@5": 2.1627,
    },
    ("table5", "art"): {
        "1 layer": 1.3259, "2 layers": 1.3291, "3 layers": 1.3219, "4 layers": 1.3192, "5 layers": 1.3121,
        "hr@5": 3.5692, "ndcg@5": 3.039,
    },
    ("table5", "taobao"): {
        "1 layer": 0.702, "2 layers": 0.7039, "3 layers": 0.709, "4 layers": 0.7127, "5 layers": 0.7077,
        "hr@5": 2.0177, "ndcg@5": 1.5176,
    },
}  # fmt: skip


def whole_paper():
    """Made-up records that fill every row of the paper's Tables 2 to 5, and Taobao's, which has images alone."""
    found = []
    for dataset in ("beauty", "art", "taobao"):
        is_visual = dataset == "taobao"
        about = {"dataset": dataset, "facts": {"modalities": "visual" if is_visual else "visual, textual"}}
        found += [record(model, **about) for model in ("BPRMF", "SVDPP", "NGCF", "LightGCN", "VBPR")]
        found += [record(model, **about) for model in ("MMGCN", "MGAT", "InvRL", "DMRL")]
        depth = {"n_attention_layers": 4 if is_visual else 2}
        found.append(record("MCLN", settings={"modalities": "all", "use_cl": True, "use_id": True, **depth}, **about))
        for study in (STUDIES["table3"], STUDIES["table4"], STUDIES["table5"]):
            found += [record("MCLN", hyper=dict(one.hyper), **about) for one in study.variants if one.hyper]
    return found


def shown(table, titles):
    """Row and metric to the paper's value that the table shows, by data set."""
    found = defaultdict(dict)
    for block in table.blocks:
        for line in block.lines:
            row = titles.get(line.texts[0].removesuffix(" †"), line.texts[0].removesuffix(" †"))
            for column, text in zip(block.columns, line.texts, strict=True):
                if column.name == "paper" and text != "—":
                    found[block.about["dataset"]][row, column.metric] = float(text)
    return found


def test_all_234_values_of_the_paper_stand_in_the_tables():
    made = evidence(*whole_paper())
    first, second = comparison.pages(made)[:2]
    found = {("table2", dataset): own for dataset, own in shown(second, {}).items()}
    for name in ("table3", "table4", "table5"):
        page = studies.tables(made, name)[0]
        titles = {title: label for label, title in STUDIES[name].titles.items()}
        found |= {(name, dataset): own for dataset, own in shown(page, titles).items()}
    n_values = sum(map(len, found.values()))
    assert n_values + sum(len(line.texts[5:9]) for line in first.blocks[0].lines) == 234
    names = {name: metric for metric, name in SHOWN.items()}
    for place, own in found.items():
        sums = defaultdict(float)
        for (row, metric), value in own.items():
            sums[row] += value
            sums[names[metric]] += value
        assert sums == pytest.approx(SUMS[place]), place
    assert found.keys() == SUMS.keys()
    assert [line.texts[5:9] for line in first.blocks[0].lines] == [
        ["15,576", "8,678", "139,318", "0.00103"],
        ["25,165", "9,324", "201,427", "0.00086"],
        ["12,539", "8,735", "83,648", "0.00076"],
    ]
