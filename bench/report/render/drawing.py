"""The looks of figures, and their conversion to files.

Matplotlib draws the figures in seaborn's style. Seaborn itself is not used: the values are means already, panels at
fixed places are faster to draw, and importing it would take a second in every drawing process.
"""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from PIL import Image

from bench.report.rows import FLOORS, ITEMWISE, ROWS, STUDIED
from bench.spec import CAUSAL_MODELS, NEWER_MODELS
from bench.store.frame import TUNED

Draw = Callable[[pd.DataFrame], Figure]
FORMATS = ("svg", "png", "pdf")
METADATA = {  # leave out all that changes from run to run
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}
DPI = 300  # pixels per inch of the PNG
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
    "text.parse_math": False,  # a data set's name may have dollar signs
    "axes.titley": 1.0,  # matplotlib does not search for a place of the title, which would take most of the time
}
MARKERS = "os^Dv<>phXPd8"  # filled, then hollow for further rows; the star is for the row under study
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))  # together with the markers, these tell lines apart in grey
SINGLE, DOUBLE = 3.4, 7.0  # the widths of one and of two columns of a paper, in inches like all sizes below
PANEL = 1.55  # the height of a panel
BESIDE = 3  # the most panels side by side
GAP = (0.62, 0.62)  # to the left of and below a panel, for its ticks, its labels and the title of the next panel
ABOVE = 0.25  # above the first panels
ENTRY = (1.1, 0.17)  # the width and height of an entry of the legend


def pictures(draw: Draw, data: pd.DataFrame) -> dict[str, bytes]:
    """Return the figure in each format; equal data give equal bytes."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # undoes the user's own settings of matplotlib
        matplotlib.rcParams.update(STYLE)
        figure = draw(data)
        return {form: saved(figure, form) for form in FORMATS}


def saved(figure: Figure, form: str) -> bytes:
    out = BytesIO()
    if form == "png":
        picture(figure).save(out, form, dpi=(DPI, DPI), compress_level=1)  # takes half the time of level 6
    else:
        figure.savefig(out, format=form, metadata=METADATA[form])
    return out.getvalue()


def picture(figure: Figure) -> Image.Image:
    """Return the pixels of a figure, without the alpha channel, since its background is opaque."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def panels(n_rows: int, n_columns: int) -> tuple[Figure, Any]:
    """Return an empty figure as wide as one or two columns of a paper, and its axes, (n_rows, n_columns).

    A row of more than ``BESIDE`` panels continues on the line below, so that each stays wide enough for its numbers.
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
    """Make the x axis logarithmic, with numbers at 1, 2 and 5 where the ``values`` span little, else fewer."""
    span = values.max() / values.min()
    fewer = (1, 3) if span < 300 else (1,)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if span < 30 else fewer))
    axis.xaxis.set_major_formatter(lambda x, _: f"{x / 1000:g}k" if x >= 1000 else f"{x:g}")  # 10k fits in, 10000 not
    axis.xaxis.set_minor_locator(NullLocator())


def looks(rows: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the colour, marker and dashes of each row; the model under study has a thick black line with stars.

    A model of this benchmark looks the same in all figures. A tuned row has the colour of its model, other dashes, and
    a hollow marker where the model's is filled, or the reverse.
    """
    fixed = list(dict.fromkeys([*ROWS, ITEMWISE, *FLOORS, *NEWER_MODELS, *CAUSAL_MODELS]))
    models = {row: row.removesuffix(TUNED) for row in rows}
    places = {row: place for place, row in enumerate([*fixed, *sorted(set(models.values()) - set(fixed))])}
    dark_and_light = matplotlib.color_sequences["tab20"]  # in turns
    colours = dark_and_light[::2] + dark_and_light[1::2]
    by_row = {}
    for row, model in models.items():
        place, is_studied, is_tuned = places[model], model == STUDIED, row != model
        is_hollow = bool(place // len(MARKERS) % 2) != is_tuned
        by_row[row] = {
            "color": "black" if is_studied else colours[place % len(colours)],
            "marker": "*" if is_studied else MARKERS[place % len(MARKERS)],
            "markersize": 8 if is_studied else 4,
            "fillstyle": "none" if is_hollow else "full",
            "linestyle": DASHES[((0 if is_studied else place) + is_tuned) % len(DASHES)],
            "linewidth": 2.0 if is_studied else 1.0,
            "zorder": 4 if is_studied else 2,
        }
    return by_row


def legend(figure: Figure, axes: Any) -> None:
    """Set every panel in its place, and below them a legend for all, which has each name once."""
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
    look = {"ncols": n_beside, "columnspacing": 1, "handlelength": 1.8, "frameon": False}
    figure.legend(list(handles.values()), list(handles), loc="lower center", bbox_to_anchor=(0.5, 0), **look)
