"""How figures look, and how they become files.

Matplotlib draws them in seaborn's style. Seaborn itself would draw nothing here: the values are means already, the
panels stand at fixed places, which is fast, and importing it would take a second in every process that draws.
"""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import matplotlib
import pandas as pd
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from bench.report.rows import FLOORS, ITEMWISE, ROWS

Draw = Callable[[pd.DataFrame], Figure]
METADATA = {  # nothing that changes from run to run
    "svg": {"Date": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}
FORMATS = tuple(METADATA)
STYLE = {
    **style.library["seaborn-v0_8-whitegrid"],
    "svg.hashsalt": "mcln-bench",
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,
    "savefig.dpi": 120,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "axes.titley": 1.0,  # a place that is given is not searched, which takes most of the time
}
MARKERS = "os^Dv<>ph*XP"
PANEL = (3.0, 2.3)  # inches
GAP = (0.65, 0.65)  # to the left of and below a panel: its ticks, labels and the title of the next one
LEGEND = 1.6


def pictures(draw: Draw, data: pd.DataFrame) -> dict[str, bytes]:
    """The figure in each format; equal data give equal bytes."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever the user's own settings of matplotlib are
        matplotlib.rcParams.update(STYLE)
        figure = draw(data)
        return {form: saved(figure, form) for form in FORMATS}


def saved(figure: Figure, form: str) -> bytes:
    out = BytesIO()
    figure.savefig(out, format=form, metadata=METADATA[form])
    return out.getvalue()


def panels(n_rows: int, n_columns: int) -> tuple[Figure, Any]:
    """An empty figure and its axes, (n_rows, n_columns), at fixed places, with room for a legend."""
    (width, height), (left, below) = PANEL, GAP
    size = n_columns * (width + left) + LEGEND, n_rows * (height + below) + 0.3
    figure = Figure(figsize=size)
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    figure.subplots_adjust(
        left=left / size[0],
        right=1 - LEGEND / size[0],
        bottom=below / size[1],
        top=1 - 0.3 / size[1],
        wspace=left / width,
        hspace=below / height,
    )
    for axis in axes.flat:
        axis.xaxis.set_label_coords(0.5, -0.24 / height)
        axis.yaxis.set_label_coords(-0.45 / width, 0.5)
        axis.tick_params(pad=1)
    return figure, axes


def scale_log(axis: Any) -> None:
    """A logarithmic x axis, with numbers at 1, 2 and 5."""
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_locator(NullLocator())


def looks(rows: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and marker of each row: a model looks the same in all figures."""
    known = [*ROWS, ITEMWISE, *FLOORS]
    places = {row: place for place, row in enumerate([*known, *sorted(set(rows) - set(known))])}
    dark_then_light = matplotlib.color_sequences["tab20"]
    colours = dark_then_light[::2] + dark_then_light[1::2]
    return {
        row: {"color": colours[places[row] % len(colours)], "marker": MARKERS[places[row] % len(MARKERS)]}
        for row in rows
    }


def legend(figure: Figure, axes: Any) -> None:
    """One legend for all panels, at the right; a name that several panels have stands once."""
    handles = {}
    for axis in axes.flat:
        for handle, name in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    place = 1 - (LEGEND - 0.1) / figure.get_figwidth(), 0.5
    figure.legend(list(handles.values()), list(handles), loc="center left", bbox_to_anchor=place)
