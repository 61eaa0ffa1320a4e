"""What figures draw, and that equal records give equal bytes."""

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO

import pandas as pd
import pytest
from PIL import Image

from bench.report import drawers
from bench.report.model import Figure
from bench.report.render.drawing import looks, pictures
from bench.report.render.figures import PLOTS
from bench.report.render.text import figure_page
from bench.report.sections import pages
from bench.spec import CAUSAL_MODELS, NEWER_MODELS, PAPER_MODELS
from tests.report.made import evidence, record


def layered(n, value, *, model="LightGCN", **more):
    return record(model, value, hyper={"n_layers": n}, **more)


def figure(name, *records) -> Figure:
    (page,) = [page for page in pages(evidence(*records)) if isinstance(page, Figure) and page.name == name]
    return page


@pytest.fixture(scope="module")
def figure4():
    runs = [layered(n, 0.1 * n, seed=seed) for n in (1, 2, 3) for seed in (0, 1)]
    art = [layered(n, 0.8 - 0.1 * n, model="MCLN", dataset="art") for n in (1, 2)]
    return figure("figure4-layers-paper-smoke", *runs, *art)


def test_figure_4_draws_a_line_a_model_and_a_panel_a_data_set(figure4):
    axes = PLOTS["layers"](figure4.data).axes
    assert [axis.get_title() for axis in axes] == ["Beauty (entities)", "Art (entities)", "", ""]
    assert [axis.get_ylabel() for axis in axes] == ["H@10", "H@10", "N@10", "N@10"]
    (line,) = [line for line in axes[0].containers[0].lines if line is not None][:1]
    assert line.get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert line.get_ydata().tolist()[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert [name for axis in axes[:2] for name in axis.get_legend_handles_labels()[1]] == ["LightGCN", "MCLN"]


def test_a_ring_marks_the_best_number_of_layers_and_a_note_says_so(figure4):
    for axis, best in zip(PLOTS["layers"](figure4.data).axes, (3, 1, 3, 1), strict=True):
        (ring,) = [line for line in axis.lines if line.get_fillstyle() == "none"]
        assert ring.get_xdata().tolist() == [best]
    assert "a ring marks the best value of a model" in figure4.notes[0].text


def test_a_data_set_with_one_point_per_model_has_no_panel(figure4):
    art = figure4.data["dataset"] == "art"
    data = figure4.data[~art | (figure4.data["layers"] == 1)]
    assert [axis.get_title() for axis in PLOTS["layers"](data).axes] == ["Beauty (entities)", ""]
    assert "is not drawn beside one that has" in figure4.notes[0].text
    alone = data[data["layers"] == 1]  # where all are such, each has its panel
    assert [axis.get_title() for axis in PLOTS["layers"](alone).axes] == ["Beauty (entities)", "Art (entities)", "", ""]


def test_a_figure_names_its_conditions_and_records(figure4):
    page = figure_page(figure4)
    for said in ("Protocol paper", "Budget smoke", "Beauty (entities)", "Seeds: ", "](figure4-layers.svg)"):
        assert said in page
    assert all(key in page for key in figure4.keys)
    assert len(figure4.keys) == 8
    assert "Beauty (entities), LightGCN, 4 layers: not run." in [note.text for note in figure4.notes]


def test_a_name_with_dollar_signs_is_no_formula():
    cost = figure("cost-figure-paper-smoke", record(dataset="5$ or 9$"), record(dataset="$^$"))
    drawn = pictures(PLOTS[cost.plot], cost.data)["svg"].decode()
    assert ">5$ or 9$ (entities)<" in drawn
    assert ">$^$ (entities)<" in drawn


def test_equal_records_give_equal_pictures(figure4):
    with ProcessPoolExecutor(1) as other:
        again = other.submit(drawers.pictures, figure4.plot, figure4.data).result()
    first = pictures(PLOTS[figure4.plot], figure4.data)
    assert first == again
    assert list(first) == ["svg", "png", "pdf"]
    assert first["png"].startswith(b"\x89PNG")
    assert b"LightGCN</text>" in first["svg"]
    assert b"<dc:date>" not in first["svg"]
    assert b"CreationDate" not in first["pdf"]


def test_pictures_need_no_torch_and_tables_no_matplotlib():
    code = (
        "import sys, bench.report.write; assert not {'torch', 'matplotlib'} & set(sys.modules); "
        "import bench.report.render.figures; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_model_under_study_stands_out_among_slopes():
    made = [record(model, value) for model, value in (("BPRMF", 0.1), ("VBPR", 0.2), ("NGCF", 0.3))]
    data = figure("sensitivity-slopes-beauty-smoke", *made, record("MCLN", 0.4, preset="itemwise")).data
    colours = {line.get_color() for line in PLOTS["slopes"](data).axes[0].get_lines()}
    assert colours == {"tab:red", "0.55"}


def test_a_figure_is_as_wide_as_one_column_or_two_with_labels_on_all_axes(figure4):
    two = PLOTS["layers"](figure4.data)
    one = PLOTS["layers"](figure4.data[figure4.data["dataset"] == "beauty"])
    assert (two.get_figwidth(), one.get_figwidth()) == (7.0, 3.4)
    assert {axis.get_xlabel() for axis in two.axes} == {"layers"}
    assert [axis.get_ylabel() for axis in two.axes] == ["H@10", "H@10", "N@10", "N@10"]


def test_a_row_of_more_than_three_panels_goes_on_below(figure4):
    """Four data sets, two metrics: three and one panel for each, and no empty one."""
    data = pd.concat([figure4.data.assign(dataset=name) for name in ("beauty", "art", "taobao", "toy")])
    drawn = PLOTS["layers"](data)
    assert [axis.get_ylabel() for axis in drawn.axes] == ["H@10"] * 4 + ["N@10"] * 4
    tops = [round(axis.get_position().y1, 3) for axis in drawn.axes]
    assert tops[0] == tops[1] == tops[2] > tops[3] > tops[4] == tops[5] == tops[6] > tops[7]
    widths = {round(axis.get_position().width, 3) for axis in drawn.axes}
    assert len(widths) == 1
    assert 7.0 * widths.pop() > 1.5  # inches


def test_lines_differ_in_grey_and_the_model_under_study_is_thick():
    found = looks(["MCLN", "BPRMF", "VBPR", "LightGCN"])
    assert len({(str(look["linestyle"]), look["marker"]) for look in found.values()}) == 4
    assert {row: look["linewidth"] for row, look in found.items()} == {
        **dict.fromkeys(["BPRMF", "VBPR", "LightGCN"], 1.0),
        "MCLN": 2.0,
    }


def test_a_model_looks_the_same_whatever_stands_beside_it():
    models = [*PAPER_MODELS, *NEWER_MODELS, *CAUSAL_MODELS]
    together = looks(models)
    assert [looks([model])[model] for model in models] == [together[model] for model in models]
    seen = {(look["color"], look["marker"], look["fillstyle"], str(look["linestyle"])) for look in together.values()}
    assert len(seen) == len(together)


def test_a_tuned_row_has_the_colour_of_its_model_and_another_line():
    found = looks(["LightGCN", "LightGCN (tuned)", "MCLN (tuned)"])
    plain, tuned = found["LightGCN"], found["LightGCN (tuned)"]
    assert (tuned["color"], tuned["marker"]) == (plain["color"], plain["marker"])
    assert (plain["fillstyle"], tuned["fillstyle"]) == ("full", "none")
    assert tuned["linestyle"] != plain["linestyle"]
    assert (found["MCLN (tuned)"]["color"], found["MCLN (tuned)"]["fillstyle"]) == ("black", "none")


def test_the_pixels_are_as_wide_as_the_figure_at_300_dots_an_inch_and_opaque(figure4):
    made = pictures(PLOTS[figure4.plot], figure4.data)
    picture = Image.open(BytesIO(made["png"]))
    assert (picture.mode, picture.width) == ("RGB", 7 * 300)
    assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.01)
