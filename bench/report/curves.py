"""Learning curves: what selects the epoch, against epochs and against seconds."""

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.layout import Figure
from bench.report.paper import heading
from bench.report.prose import caption
from bench.report.summary import blocks, in_block, order
from bench.report.variants import main_runs
from bench.spec import RANKINGS, SHOWN
from bench.store.record import Record

AXES = {"epoch": "epoch", "seconds": "seconds of training"}


def contents(evidence: Evidence) -> list[Figure]:
    """A figure for each protocol and budget in which some run trained."""
    records = main_runs(evidence.frame)
    found = []
    if records.empty:
        return found
    for _, group in records[records["status"] == "done"].groupby(["protocol", "budget"]):
        data = points(group, evidence.by_key)
        if len(data):
            found.append(figure(group, data))
    return found


def points(records: pd.DataFrame, by_key: dict[str, Record]) -> pd.DataFrame:
    """One line an evaluation: the selecting metric, and whether its epoch was chosen.

    A run that trains nothing, such as a floor, has no curve.
    """
    lines = []
    for block in blocks(records):
        part = in_block(records, block)
        rows = {row: place for place, row in enumerate(order(list(part["row"])))}
        for run in part.sort_values(["row", "seed"], key=lambda c: c.map(rows) if c.name == "row" else c).itertuples():
            record = by_key[run.key]
            metrics = [f"{ranking}.{record.job.protocol.select_metric}" for ranking in RANKINGS]
            for entry in record.curve if run.epochs > 0 else ():
                metric = next((m for m in metrics if m in entry), None)
                if metric:
                    is_best = entry["epoch"] == run.best_epoch
                    where = [*block, run.row, run.seed, metric]
                    lines.append([*where, int(entry["epoch"]), entry["seconds"], entry[metric], is_best, run.key])
    columns = ["dataset", "features", "model", "seed", "metric", "epoch", "seconds", "value", "is_best", "key"]
    return pd.DataFrame(lines, columns=columns)


def figure(records: pd.DataFrame, data: pd.DataFrame) -> Figure:
    protocol, budget, select_on = records[["protocol", "budget", "select_on"]].iloc[0]
    return Figure(
        name=f"learning-curves-{protocol}-{budget}",
        title=f"Learning curves (protocol {protocol}, budget {budget})",
        caption=f"The metric that selects the epoch, on the {select_on} set. {caption(records)}",
        notes=[
            "A line a run; a ring is the epoch that was chosen. Seconds are those of training so far.",
            "A panel a data set and metric: values of sampled candidates and of full ranking do not compare.",
        ],
        keys=sorted(set(data["key"])),
        data=data,
        draw=draw_curves,
    )


def draw_curves(data: pd.DataFrame):
    """Two rows, epochs and seconds; a panel a data set and selecting metric."""
    from bench.report.drawing import legend, looks, panels

    places = ["dataset", "features", "metric"]
    columns = list(data[places].drop_duplicates().itertuples(index=False, name=None))
    drawn, axes = panels(len(AXES), len(columns))
    look = looks(list(dict.fromkeys(data["model"])))
    for place, part in data.groupby(places, sort=False):
        column = axes[:, columns.index(place)]
        for (model, _), run in part.groupby(["model", "seed"], sort=False):
            best, colour = run[run["is_best"]], look[model]["color"]
            for axis, x in zip(column, AXES, strict=True):
                axis.plot(run[x], run["value"], label=model, color=colour, linewidth=1)
                axis.plot(best[x], best["value"], "o", color=colour, fillstyle="none", markersize=6)
        ranking, metric = place[2].split(".")
        column[0].set_title(f"{heading(place[:2])}, {ranking} {SHOWN.get(metric, metric)}")
        for axis, x in zip(column, AXES, strict=True):
            axis.set_xlabel(AXES[x])
    legend(drawn, axes)
    return drawn
