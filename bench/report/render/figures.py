"""The functions that draw a ``Figure``: each takes the data and returns a matplotlib figure; PLOTS has them by name."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import independent
from bench.report.conditions import marked
from bench.report.render.drawing import DOUBLE, SINGLE, legend, looks, panels, scale_log
from bench.report.rows import BLOCK, blocks, heading
from bench.spec import RANKINGS, SHOWN

AXES = {"epoch": "epoch", "seconds": "seconds of training"}
GREY = "0.6"
SIDE_BY_SIDE = 2  # the most slope charts side by side


def cost(data: pd.DataFrame) -> Figure:
    """Draw N@10 over seconds of training: one panel per data set, one point per model."""
    parts = list(data.groupby(BLOCK, sort=False))
    figure, axes = panels(1, len(parts))
    look = looks(data["model"])
    for (block, part), axis in zip(parts, axes[0], strict=True):
        scale_log(axis, part["seconds.train"])
        axis.set(title=heading(block), xlabel="seconds of training", ylabel="N@10, sampled")
        for run in part.to_dict("records"):
            place = run["seconds.train"], run["sampled.ndcg@10"]
            axis.plot(*place, label=run["model"], **{**look[run["model"]], "linestyle": "none"})
    legend(figure, axes)
    return figure


def curves(data: pd.DataFrame) -> Figure:
    """Draw learning curves by epochs and below by seconds: one panel per data set and selecting metric, the panels of
    a ranking together."""
    places = [*BLOCK, "metric"]
    columns = list(data[places].drop_duplicates().itertuples(index=False, name=None))
    columns.sort(key=lambda place: RANKINGS.index(place[-1].partition(".")[0]))
    figure, axes = panels(len(AXES), len(columns))
    look = looks(set(data["model"]) - {independent.NAME})
    for place, part in data.groupby(places, sort=False):
        column = axes[:, columns.index(place)]
        for (model, *_), run in part.groupby(["model", "seed", "key"], sort=False):
            if model == independent.NAME:
                line = {"color": GREY, "linewidth": 0.6}
            else:
                line = {**look[model], "markersize": 3, "markevery": 0.2}
            best = run[run["is_best"]]
            for axis, x in zip(column, AXES, strict=True):
                if not run[x].isna().all():
                    axis.plot(run[x], run["value"], label=model, **line)
                    axis.plot(best[x], best["value"], "o", color=line["color"], fillstyle="none", markersize=5)
        ranking, metric = place[2].split(".")
        for axis, x in zip(column, AXES, strict=True):
            axis.set(title=heading(place), xlabel=AXES[x], ylabel=f"{SHOWN.get(metric, metric)}, {ranking}")
            spans = part[part["seconds"] > 0].groupby("model")["seconds"].max()
            if x == "seconds" and len(spans) and spans.max() > 10 * spans.min():
                scale_log(axis, part.loc[part["seconds"] > 0, "seconds"])
    legend(figure, axes)
    return figure


def layers(data: pd.DataFrame) -> Figure:
    """Draw values over the number of layers: one panel per data set and metric, one line per model. A data set in which
    each model has one number of layers is left out, unless all are such."""
    n_points = data.dropna(subset=["mean"]).groupby([*BLOCK, "model", "metric"])["layers"].nunique()
    has_line = (n_points.groupby(BLOCK).max() > 1).reindex(pd.MultiIndex.from_frame(data[BLOCK]), fill_value=False)
    data = data[has_line.to_numpy()] if has_line.any() else data
    places, metrics = blocks(data), list(dict.fromkeys(data["metric"]))
    figure, axes = panels(len(metrics), len(places))
    look = looks(data["model"])
    for (dataset, features, metric), part in data.groupby([*BLOCK, "metric"], sort=False):
        axis = axes[metrics.index(metric), places.index((dataset, features))]
        for model, line in part.groupby("model", sort=False):
            deviation = line["std"] if (line["n_seeds"] > 1).any() else None
            axis.errorbar(line["layers"], line["mean"], yerr=deviation, label=model, capsize=2, **look[model])
            if line["mean"].notna().any():
                peak = line.loc[line["mean"].idxmax()]
                axis.plot(peak["layers"], peak["mean"], "o", color=look[model]["color"], fillstyle="none", markersize=9)
        axis.set(xticks=sorted(set(data["layers"])), title=heading((dataset, features)) if metric == metrics[0] else "")
    for metric, row in zip(metrics, axes, strict=True):
        for axis in row:
            axis.set(xlabel="layers", ylabel=SHOWN[metric])
    legend(figure, axes)
    return figure


def slopes(data: pd.DataFrame) -> Figure:
    """Draw the places of the models on two sides, one line per model; one panel per data set and pair of sides, as high
    as the panel with most models in its row."""
    parts = list(data.groupby(["heading", "left", "right"], sort=False))
    n_columns = min(SIDE_BY_SIDE, len(parts))
    rows = [parts[n : n + n_columns] for n in range(0, len(parts), n_columns)]
    heights = [0.4 + 0.18 * max(len(part) for _, part in row) for row in rows]
    total = sum(heights) + 0.6 * len(heights)
    figure = Figure(figsize=(SINGLE if n_columns == 1 else DOUBLE, total))
    edges = {"left": 0.02, "right": 0.98, "bottom": 0.3 / total, "top": 1 - 0.35 / total}
    figure.subplots_adjust(**edges, wspace=0.08, hspace=0.6 * len(heights) / sum(heights))
    axes = figure.subplots(len(heights), n_columns, squeeze=False, height_ratios=heights).ravel()
    for axis, ((name, left, right), part) in zip(axes, parts, strict=False):
        axis.set_title(name)
        axis.set_xticks([0, 1], [left, right])
        slope_lines(axis, part)
    for axis in axes[len(parts) :]:
        axis.set_axis_off()
    return figure


def slope_lines(axis: Axes, part: pd.DataFrame) -> None:
    """Draw the lines and names of one panel; the rows of the model under study are red."""
    for line in part.itertuples():
        look = {"color": "tab:red", "zorder": 3} if line.is_studied else {"color": "0.55"}
        axis.plot([0, 1], [line.left_place, line.right_place], marker="o", markersize=3, linewidth=1.2, **look)
    for side, x, align in (("left", -0.06, "right"), ("right", 1.06, "left")):
        for place, rows in part.groupby(f"{side}_place")["row"]:
            axis.text(x, place, f"{place} {', '.join(rows)}", ha=align, va="center", fontsize=8)
    axis.set_xlim(-1.1, 2.1)
    axis.invert_yaxis()
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)


def content_use(data: pd.DataFrame) -> Figure:
    """Draw two bars per model, for irrelevant and for relevant content; one panel per data set."""
    parts = list(data.groupby(BLOCK, sort=False))
    n_rows = sum(part["name"].nunique() for _, part in parts)
    figure = Figure(figsize=(DOUBLE, 1 + 0.5 * len(parts) + 0.5 * n_rows), layout="constrained")
    for panel, (block, part) in zip(figure.subplots(len(parts), squeeze=False)[:, 0], parts, strict=True):
        names = list(dict.fromkeys(part["name"]))[::-1]  # the first stands on top
        for offset, kind in ((0.2, "irrelevant"), (-0.2, "relevant")):
            changes = part[part["measure"] == f"occlusion.{kind}.score_change"]
            values = changes.set_index("name")["mean"].reindex(names)
            panel.barh([n + offset for n in range(len(names))], values, height=0.4, label=f"{kind} content")
        panel.set_yticks(range(len(names)), names)
        panel.set(title=heading(block), xlabel="mean score change / standard deviation of the scores")
        panel.legend()
    return figure


def forest(data: pd.DataFrame) -> Figure:
    """Draw differences with their intervals: one line per data set, protocol, ranking and row; one panel per metric.

    A difference that is more than chance has a filled point; rows not made under equal conditions have a mark.
    """
    names = ["dataset", "features", "protocol", "ranking", "row"]
    lines = list(data[names].drop_duplicates().itertuples(index=False, name=None))[::-1]  # the first stands on top
    metrics = list(dict.fromkeys(data["metric"]))
    figure = Figure(figsize=(DOUBLE, 1 + 0.26 * len(lines)), layout="constrained")
    for axis, metric in zip(figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0], metrics, strict=True):
        for run in data[data["metric"] == metric].to_dict("records"):
            colour = {"beats": "tab:green", "loses to": "tab:red"}.get(run["verdict"], "0.5")
            extent = [[run["difference"] - run["low"]], [run["high"] - run["difference"]]]
            place = lines.index(tuple(run[name] for name in names))
            fill = "full" if colour != "0.5" else "none"
            axis.errorbar(run["difference"], place, xerr=extent, fmt="o", color=colour, capsize=2, fillstyle=fill)
            vs = marked(run["vs"], run["unequal"])
            axis.text(1.03, place, vs, transform=axis.get_yaxis_transform(), va="center")
        axis.text(1.03, len(lines), "against", transform=axis.get_yaxis_transform(), va="center", color="0.4")
        axis.set_ylim(-0.6, len(lines) - 0.4)
        axis.axvline(0, color="0.3", linewidth=0.8)
        axis.set_xlabel(f"{SHOWN[metric]}, difference")
        labels = [f"{heading(line[:2])}, {', '.join(line[2:4])}: {line[4]}" for line in lines]
        axis.set_yticks(range(len(lines)), labels)
    return figure


PLOTS = {
    "forest": forest,
    "cost": cost,
    "curves": curves,
    "layers": layers,
    "slopes": slopes,
    "content use": content_use,
}
