"""How figures look, and how they become files.

Matplotlib draws them in seaborn's style. Seaborn itself would draw nothing here: the values are means already, the
panels stand at fixed places, which is fast, and importing it would take a second in every process that draws.
"""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from PIL import Image

from bench.report.rows import FLOORS, ITEMWISE, ROWS, STUDIED
from bench.store.frame import TUNED

Draw = Callable[[pd.DataFrame], Figure]
FORMATS = ("svg", "png", "pdf")
METADATA = {  # nothing that changes from run to run
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}
DPI = 300  # of the pixels
STYLE = {
    **style.library["seaborn-v0_8-whitegrid"],
    "svg.hashsalt": "mcln-bench",
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,
    **dict.fromkeys(("font.size", "axes.titlesize", "axes.labelsize", "legend.fontsize"), 8),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize"), 8),
    **dict.fromkeys(("axes.linewidth", "grid.linewidth"), 0.5),
    "lines.linewidth": 1.0,
    "lines.markersize": 4,
    "axes.titley": 1.0,  # a place that is given is not searched, which takes most of the time
}
MARKERS = "os^Dv<>phXPd8"  # filled, and hollow for the rows beyond them; the star is for the row under study
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))  # with the markers they tell lines apart in grey
SINGLE, DOUBLE = 3.4, 7.0  # inches: one column of a paper, and two
PANEL = 1.55  # the height of one
BESIDE = 3  # panels at most
GAP = (0.62, 0.62)  # to the left of and below a panel: its ticks, labels and the title of the next one
ABOVE = 0.25
ENTRY = (1.1, 0.17)  # of the legend


def pictures(draw: Draw, data: pd.DataFrame) -> dict[str, bytes]:
    """The figure in each format; equal data give equal bytes."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever the user's own settings of matplotlib are
        matplotlib.rcParams.update(STYLE)
        figure = draw(data)
        return {form: saved(figure, form) for form in FORMATS}


def saved(figure: Figure, form: str) -> bytes:
    out = BytesIO()
    if form == "png":
        picture(figure).save(out, form, dpi=(DPI, DPI), compress_level=1)  # in half the time of 6
    else:
        figure.savefig(out, format=form, metadata=METADATA[form])
    return out.getvalue()


def picture(figure: Figure) -> Image.Image:
    """Its pixels; a ground that hides what is behind it needs no fourth channel."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def panels(n_rows: int, n_columns: int) -> tuple[Figure, Any]:
    """An empty figure as wide as one column of a paper or as two, and its axes, (n_rows, n_columns).

    A row of more than ``BESIDE`` goes on in the line below, so that each panel stays wide enough for its numbers.
    """
    n_lines, n_beside = n_rows * -(-n_columns // BESIDE), min(n_columns, BESIDE)
    figure = Figure(figsize=(SINGLE if n_columns == 1 else DOUBLE, n_lines * (PANEL + GAP[1]) + ABOVE))
    places = figure.subplots(n_lines, n_beside, squeeze=False).reshape(n_rows, -1)
    for unused in places[:, n_columns:].flat:
        unused.remove()
    axes = places[:, :n_columns]
    for axis in axes.flat:
        axis.tick_params(pad=1)
        axis.locator_params(nbins=4)
    return figure, axes


def scale_log(axis: Any, values: pd.Series) -> None:
    """A logarithmic x axis, with numbers at 1, 2 and 5 where the values span little, else fewer."""
    span = values.max() / values.min()
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if span < 30 else (1, 3) if span < 300 else (1,)))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_locator(NullLocator())


def looks(rows: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour, marker and dashes of each row: a model looks the same in all figures, the one under study is thick.

    A tuned row has the colour of its model, other dashes and, where the model's marker is filled, a hollow one.
    """
    known, models = [*ROWS, ITEMWISE, *FLOORS], {row: row.removesuffix(TUNED) for row in rows}
    places = {row: place for place, row in enumerate([*known, *sorted(set(models.values()) - set(known))])}
    dark_then_light = matplotlib.color_sequences["tab20"]
    colours = dark_then_light[::2] + dark_then_light[1::2]
    found = {}
    for row, model in models.items():
        place, is_studied, is_tuned = places[model], model == STUDIED, row != model
        is_hollow = bool(place // len(MARKERS) % 2) != is_tuned
        found[row] = {
            "color": "black" if is_studied else colours[place % len(colours)],
            "marker": "*" if is_studied else MARKERS[place % len(MARKERS)],
            "markersize": 8 if is_studied else 4,
            "fillstyle": "none" if is_hollow else "full",
            "linestyle": DASHES[((0 if is_studied else place) + is_tuned) % len(DASHES)],
            "linewidth": 2.0 if is_studied else 1.0,
            "zorder": 4 if is_studied else 2,
        }
    return found


def legend(figure: Figure, axes: Any) -> None:
    """Every panel in its place, and below them one legend for all; a name that several panels have stands once."""
    handles = {}
    for axis in axes.flat:
        for handle, name in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    n_columns, width = min(axes.shape[1], BESIDE), figure.get_figwidth()
    n_beside = max(1, int(width / ENTRY[0]))
    below = ENTRY[1] * -(-len(handles) // n_beside) + 0.1
    height = figure.get_figheight() + below
    figure.set_figheight(height)
    panel = (width - 0.1) / n_columns - GAP[0]
    figure.subplots_adjust(
        left=GAP[0] / width,
        right=1 - 0.1 / width,
        bottom=(GAP[1] - 0.15 + below) / height,
        top=1 - ABOVE / height,
        wspace=GAP[0] / panel,
        hspace=GAP[1] / PANEL,
    )
    for axis in axes.flat:
        axis.xaxis.set_label_coords(0.5, -0.24 / PANEL)
        axis.yaxis.set_label_coords(-0.45 / panel, 0.5)
    more = {"ncols": n_beside, "columnspacing": 1, "handlelength": 1.8, "frameon": False}
    figure.legend(list(handles.values()), list(handles), loc="lower center", bbox_to_anchor=(0.5, 0), **more)
