"""What figures hold and draw, and that equal records give equal bytes."""

import math
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from bench.report import write
from bench.report.contents import contents
from bench.report.costs import machines, means
from bench.report.drawing import pictures
from bench.report.evidence import Evidence
from bench.report.layout import Figure
from bench.report.render import figure_page
from bench.report.summary import standing
from bench.spec import PROTOCOLS
from bench.store.store import frame
from tests.report.made import record, unfinished


def layered(n, value, *, model="LightGCN", **more):
    return record(model, value, hyper={"n_layers": n}, **more)


def figure(name, *records) -> Figure:
    found = contents(Evidence(list(records), Path()))
    (page,) = [page for page in found if isinstance(page, Figure) and page.name == name]
    return page


@pytest.fixture
def figure4():
    runs = [layered(n, 0.1 * n, seed=seed) for n in (1, 2, 3) for seed in (0, 1)]
    return figure("figure4-layers-paper-smoke", *runs, layered(1, 0.7, model="MCLN", dataset="art"))


def test_figure_4_draws_a_line_a_model_and_a_panel_a_data_set(figure4):
    axes = figure4.draw(figure4.data).axes
    assert [axis.get_title() for axis in axes] == ["Beauty (entities)", "Art (entities)", "", ""]
    assert [axis.get_ylabel() for axis in axes] == ["H@10", "", "N@10", ""]
    (line,) = [line for line in axes[0].containers[0].lines if line is not None][:1]
    assert line.get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert line.get_ydata().tolist()[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert [name for axis in axes[:2] for name in axis.get_legend_handles_labels()[1]] == ["LightGCN", "MCLN"]


def test_a_figure_names_its_conditions_and_records(figure4):
    page = figure_page(figure4)
    for said in ("Protocol paper", "Budget smoke", "Beauty (entities)", "Seeds: ", "figure4-layers-paper-smoke.svg"):
        assert said in page
    assert all(key in page for key in figure4.keys)
    assert len(figure4.keys) == 7
    assert "Beauty (entities), LightGCN, 4 layers: not run." in figure4.notes


def curve(*values, metric="sampled.ndcg@10"):
    return [{"epoch": 5.0 * n, "seconds": 2.5 * n, "loss": 0.5, metric: v} for n, v in enumerate(values, 1)]


def test_learning_curves_hold_what_selects_and_mark_the_epoch_chosen():
    bpr = record(curve=curve(0.1, 0.3, 0.2), facts={"best_epoch": 10})
    mcln = record("MCLN", curve=curve(0.4, 0.2, metric="full.ndcg@10"), facts={"best_epoch": 5})
    page = figure("learning-curves-paper-smoke", mcln, bpr, unfinished("VBPR"), layered(1, 0.2, curve=curve(0.1, 0.2)))
    found = page.data
    assert found["model"].tolist() == ["BPRMF"] * 3 + ["MCLN"] * 2
    assert found["epoch"].tolist() == [5, 10, 15, 5, 10]
    assert found["seconds"].tolist() == [2.5, 5.0, 7.5, 2.5, 5.0]
    assert found["value"].tolist() == [0.1, 0.3, 0.2, 0.4, 0.2]
    assert found.loc[found["is_best"], ["model", "epoch"]].values.tolist() == [["BPRMF", 10], ["MCLN", 5]]
    axes = page.draw(found).axes
    titles = ["Beauty (entities), sampled N@10", "Beauty (entities), full N@10", "", ""]
    assert [axis.get_title() for axis in axes] == titles
    assert axes[2].get_lines()[0].get_xdata().tolist() == [2.5, 5.0, 7.5]
    assert axes[0].get_lines()[1].get_xydata().tolist() == [[10.0, 0.3]]


def test_what_trains_nothing_has_no_curve_and_one_evaluation_is_a_point():
    floor = record("Pop", curve=curve(0.1), facts={"epochs": 0})
    names = [page.name for page in contents(Evidence([floor], Path()))]
    assert not [name for name in names if name.startswith("learning")]
    page = figure("learning-curves-paper-smoke", floor, record(curve=curve(0.1)))
    assert page.data[["model", "epoch", "value"]].values.tolist() == [["BPRMF", 5, 0.1]]


def test_a_floor_is_in_the_table_of_cost_and_not_in_its_figure():
    floor = record("Pop", 0.1, seconds={"train": 1e-6, "evaluate": 1.0}, facts={"epochs": 0})
    assert math.isnan(means(standing(frame([floor])))["seconds.epoch"].iloc[0])
    page = figure("cost-figure-paper-smoke", floor, record())
    assert page.data["model"].tolist() == ["BPRMF"]
    assert "Not shown, being fitted without training: Pop." in page.notes
    names = [page.name for page in contents(Evidence([floor], Path()))]
    assert "cost-paper-smoke" in names
    assert "cost-figure-paper-smoke" not in names


def test_cost_has_no_mean_of_only_some_of_the_seeds():
    whole, short = record(value=0.2), record(value=0.4, seed=1)
    short = short.model_copy(update={"metrics": {}})
    row = means(standing(frame([whole, short]))).iloc[0]
    assert math.isnan(row["sampled.ndcg@10"])
    assert row["seconds.train"] == 2.0


def test_cost_is_a_mean_over_the_seeds_and_draws_quality_against_seconds():
    runs = [record(value=0.2, seconds={"train": 10.0, "evaluate": 1.0}, facts={"epochs": 4})]
    runs += [record(value=0.4, seconds={"train": 20.0, "evaluate": 2.0}, facts={"epochs": 10}, seed=1)]
    runs += [record("VBPR", 0.9, seconds={"train": 40.0}, provenance={"device": "cpu", "threads": "2"})]
    found = means(standing(frame(runs))).set_index("model")
    row = found.loc["BPRMF"]
    assert row["sampled.ndcg@10"] == pytest.approx((0.2 + 0.4) / 2)
    assert row["seconds.train"] == (10 + 20) / 2
    assert row["seconds.epoch"] == (10 / 4 + 20 / 10) / 2
    assert found["seconds.evaluate"].isna().tolist() == [False, True]
    assert machines(frame(runs)) == "not recorded,  threads: 2; cpu, 2 threads: 1"
    page = figure("cost-figure-paper-smoke", *runs)
    (axis,) = page.draw(page.data).axes
    assert axis.get_xscale() == "log"
    assert [line.get_xydata().tolist() for line in axis.get_lines()] == [[[15.0, pytest.approx(0.3)]], [[40.0, 0.9]]]
    assert axis.get_legend_handles_labels()[1] == ["BPRMF", "VBPR"]


def test_equal_records_give_equal_pictures(figure4):
    drawing = figure4.draw, figure4.data
    with ProcessPoolExecutor(1) as other:
        first, again = pictures(*drawing), other.submit(write.pictures, *drawing).result()
    assert first == again
    assert list(first) == ["svg", "png", "pdf"]
    assert first["png"].startswith(b"\x89PNG")
    assert b"LightGCN</text>" in first["svg"]
    assert b"<dc:date>" not in first["svg"]
    assert b"CreationDate" not in first["pdf"]


def test_pictures_need_no_torch_and_tables_no_matplotlib():
    code = (
        "import sys, bench.report.write; assert not {'torch', 'matplotlib'} & set(sys.modules); "
        "import bench.report.drawing; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_epoch_does_not_take_what_comes_before_the_epochs():
    curve = [{"epoch": n, "loss": 1.0, "seconds": 100.0 + 2 * n, "sampled.ndcg@10": 0.1} for n in (5, 10)]
    spent = {"seconds": {"train": 120.0, "evaluate": 1.0}, "facts": {"epochs": 10, "best_epoch": 5}}
    several, once = record("InvRL", curve=curve, **spent), record("VBPR", curve=curve[1:], **spent)
    found = means(standing(frame([several, once, record("Pop", facts={"epochs": 0})]))).set_index("model")
    assert found["seconds.epoch"].dropna().to_dict() == {"InvRL": 2.0, "VBPR": 12.0}


def test_a_learning_curve_names_no_ranking_of_the_test_items():
    made = record(protocol=PROTOCOLS["clean"], curve=[{"epoch": 1, "loss": 1.0, "seconds": 2.0, "full.ndcg@10": 0.1}])
    (figure,) = [page for page in contents(Evidence([made], Path())) if page.name.startswith("learning-curves")]
    assert "Ranking" not in figure.caption
    assert "on the valid set. Protocol clean" in figure.caption
