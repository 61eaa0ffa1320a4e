"""Figure 4 and its like: quality against the number of layers."""

from itertools import groupby

import pandas as pd

from bench.report.layout import Figure, Table
from bench.report.paper import heading
from bench.report.summary import blocks as in_order
from bench.spec import SHOWN
from bench.studies import Study

PLOTTED = ("hr@10", "ndcg@10")


def layers(study: Study, tables: list[Table]) -> list[Figure]:
    """A figure for each protocol and budget of a study's tables of sampled candidates: a line a model."""
    sampled = sorted((t for t in tables if t.ranking == "sampled"), key=place)
    return [layered(study, list(group)) for _, group in groupby(sampled, key=place)]


def place(table: Table) -> list[str]:
    """Protocol, budget and ranking: the end of the name."""
    return table.name.split("-")[-3:]


def layered(study: Study, tables: list[Table]) -> Figure:
    numbers = pd.concat([table.data for table in tables], ignore_index=True)
    numbers = numbers.assign(layers=numbers["row"].str.split().str[0].astype(int))
    columns = ["dataset", "features", "model", "layers", "metric", "mean", "std", "n_seeds", "keys", "note"]
    protocol, budget, _ = place(tables[0])
    empty = numbers[numbers["note"] != ""].drop_duplicates(["dataset", "features", "model", "layers", "note"])
    missing = [f"{heading((e.dataset, e.features))}, {e.model}, {e.row}: {e.note}." for e in empty.itertuples()]
    return Figure(
        name=f"{study.name}-layers-{protocol}-{budget}",
        title=f"{study.title} (protocol {protocol}, budget {budget})",
        caption=" ".join(dict.fromkeys(table.caption for table in tables)),
        notes=["H@10 is HR@10, N@10 is NDCG@10; bars are sample standard deviations over the seeds.", *missing],
        keys=sorted({key for table in tables for key in table.keys}),
        data=numbers.loc[numbers["metric"].isin(PLOTTED), columns],
        draw=draw_layers,
    )


def draw_layers(data: pd.DataFrame):
    """A panel a data set and metric, a line a model."""
    from bench.report.drawing import legend, looks, panels

    blocks = in_order(data)
    figure, axes = panels(len(PLOTTED), len(blocks))
    look = looks(list(dict.fromkeys(data["model"])))
    for (dataset, features, metric), part in data.groupby(["dataset", "features", "metric"], sort=False):
        axis = axes[PLOTTED.index(metric), blocks.index((dataset, features))]
        for model, line in part.groupby("model", sort=False):
            deviation = line["std"] if (line["n_seeds"] > 1).any() else None
            axis.errorbar(line["layers"], line["mean"], yerr=deviation, label=model, capsize=2, **look[model])
        axis.set(xticks=sorted(set(data["layers"])), title=heading((dataset, features)) if metric == PLOTTED[0] else "")
    for metric, row in zip(PLOTTED, axes, strict=True):
        row[0].set_ylabel(SHOWN[metric])
    for axis in axes[-1]:
        axis.set_xlabel("layers")
    legend(figure, axes)
    return figure
