"""What quality costs: a table of seconds, memory and parameters, and quality against training time."""

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.layout import Block, Cell, Figure, Page, Table, number
from bench.report.paper import heading
from bench.report.prose import caption
from bench.report.summary import BLOCK, blocks, order, run_means
from bench.report.variants import main_runs

QUALITY = "sampled.ndcg@10"
FORMS = {
    QUALITY: ".4f", "seconds.train": ",.1f", "seconds.epoch": ",.3f", "seconds.evaluate": ",.1f",
    "epochs": ",.0f", "best_epoch": ",.0f", "parameters": ",.0f", "peak_memory_mib": ",.1f",
}  # fmt: skip
HEADER = ["N@10", "train s", "s an epoch", "evaluate s", "epochs", "best epoch", "parameters", "memory MiB"]


def contents(evidence: Evidence) -> list[Page]:
    return pages(main_runs(evidence.frame))


def pages(records: pd.DataFrame) -> list[Page]:
    """A table and a figure for each protocol and budget of the finished ones among the standing ``records``."""
    found = []
    if records.empty:
        return found
    for _, group in records[records["status"] == "done"].groupby(["protocol", "budget"]):
        data = means(group)
        found += [table(group, data), *([figure(group, data)] if (data["epochs"] > 0).any() else [])]
    return found


def means(records: pd.DataFrame) -> pd.DataFrame:
    """One line a data set and model: means over the seeds, unrounded; no value where a record lacks it."""
    own = records.reindex(columns=[*records, *(c for c in FORMS if c not in records)])
    own = own.astype(dict.fromkeys(FORMS, float))
    keys = own.groupby([*BLOCK, "row"])["key"].agg(" ".join)
    found = run_means(own, list(FORMS)).assign(keys=keys).to_dict("index")
    rows = order([row for *_, row in found])
    places = [(*block, row) for block in blocks(own) for row in rows if (*block, row) in found]
    return pd.DataFrame([dict(zip([*BLOCK, "model"], place, strict=True)) | found[place] for place in places])


def described(records: pd.DataFrame, data: pd.DataFrame, name: str, what: str) -> dict:
    """What table and figure share."""
    protocol, budget = records[["protocol", "budget"]].iloc[0]
    return {
        "name": f"{name}-{protocol}-{budget}",
        "title": f"{what} (protocol {protocol}, budget {budget})",
        "caption": caption(records, "sampled"),
        "keys": sorted(key for keys in data["keys"] for key in keys.split()),
    }


def machines(records: pd.DataFrame) -> str:
    """On what the runs were timed: times of different machines, or numbers of threads, do not compare."""
    counts = records.groupby(["device", "threads"]).size()
    return "; ".join(f"{device or 'not recorded'}, {threads} threads: {n}" for (device, threads), n in counts.items())


def table(records: pd.DataFrame, data: pd.DataFrame) -> Table:
    lines = []
    for run in data.to_dict("records"):
        values = [Cell(number(run[column], form)) for column, form in FORMS.items()]
        lines.append([Cell(heading((run["dataset"], run["features"]))), Cell(run["model"]), *values])
    return Table(
        blocks=[Block(title="", header=["Data set", "Model", *HEADER], lines=lines)],
        notes=[
            "N@10 is NDCG@10 on sampled candidates; all values are means over the seeds of the finished runs.",
            "s an epoch: from the first evaluation to the last; of a run evaluated once, all training / epochs.",
            "Memory is the peak of the device or, on a CPU, of the whole process.",
            f"Machines and runs: {machines(records)}.",
        ],
        data=data,
        **described(records, data, "cost", "Cost: seconds, memory and parameters"),
    )


def figure(records: pd.DataFrame, data: pd.DataFrame) -> Figure:
    is_trained = data["epochs"] > 0
    said = ["Up is better, left is cheaper; the time axis is logarithmic. Means over the seeds."]
    if not is_trained.all():
        said.append(f"Not shown, being fitted without training: {', '.join(sorted(set(data[~is_trained]['model'])))}.")
    shown = data.loc[is_trained, [*BLOCK, "model", QUALITY, "seconds.train", "keys"]]
    return Figure(
        notes=[*said, f"Machines and runs: {machines(records)}."],
        data=shown,
        draw=draw_cost,
        **described(records, shown, "cost-figure", "Quality against training time"),
    )


def draw_cost(data: pd.DataFrame):
    """A panel a data set, a point a model."""
    from bench.report.drawing import legend, looks, panels, scale_log

    parts = list(data.groupby(BLOCK, sort=False))
    drawn, axes = panels(1, len(parts))
    look = looks(list(dict.fromkeys(data["model"])))
    for (block, part), axis in zip(parts, axes[0], strict=True):
        scale_log(axis)
        axis.set(title=heading(block), xlabel="seconds of training", ylabel="N@10, sampled")
        for run in part.to_dict("records"):
            axis.plot(run["seconds.train"], run[QUALITY], linestyle="none", label=run["model"], **look[run["model"]])
    legend(drawn, axes)
    return drawn
