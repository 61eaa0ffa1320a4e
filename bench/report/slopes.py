"""Slope charts: places on the left, places on the right, a line a model."""

from typing import Any

import pandas as pd

from bench.report.paper import STUDIED

COLUMNS = 3  # panels side by side


def draw(data: pd.DataFrame) -> Any:
    """A matplotlib figure, a panel each data set and pair of sides of ``data`` (see ``sensitivity.figure``)."""
    from matplotlib.figure import Figure  # seconds to import

    panels = list(data.groupby(["heading", "left", "right"], sort=False))
    n_columns = min(COLUMNS, len(panels))
    n_lines = -(-len(panels) // n_columns)
    height = 1.0 + 0.24 * max(len(part) for _, part in panels)
    canvas = Figure(figsize=(4.2 * n_columns, height * n_lines))
    edges = {"left": 0.02, "right": 0.98, "bottom": 0.3 / (height * n_lines), "top": 1 - 0.35 / (height * n_lines)}
    canvas.subplots_adjust(**edges, wspace=0.08, hspace=0.6 / height)
    axes = canvas.subplots(n_lines, n_columns, squeeze=False).ravel()
    for axis, ((heading, left, right), part) in zip(axes, panels, strict=False):
        axis.set_title(heading, fontsize=9)
        axis.set_xticks([0, 1], [left, right], fontsize=8)
        slopes(axis, part)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    return canvas


def slopes(axis: Any, part: pd.DataFrame) -> None:
    """The lines of one panel; the rows of the model under study stand out."""
    for line in part.itertuples():
        is_studied = line.row.startswith(STUDIED)
        look = {"color": "tab:red", "zorder": 3} if is_studied else {"color": "0.55"}
        axis.plot([0, 1], [line.left_place, line.right_place], marker="o", markersize=3, linewidth=1.2, **look)
    for side, x, align in (("left", -0.06, "right"), ("right", 1.06, "left")):
        for place, rows in part.groupby(f"{side}_place")["row"]:
            axis.text(x, place, f"{place} {', '.join(rows)}", ha=align, va="center", fontsize=7)
    axis.set_xlim(-1.1, 2.1)
    axis.invert_yaxis()
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)
