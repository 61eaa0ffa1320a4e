"""What quality costs: a table of seconds, memory and parameters, and quality against training time."""

from collections.abc import Mapping, Sequence

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE, run_means
from bench.report.model import Block, Cell, Column, Figure, Line, Note, Page, Table, keys_of, number
from bench.report.prose import caption
from bench.report.rows import BLOCK, blocks, heading, order
from bench.spec import SHOWN

QUALITY = "sampled.ndcg@10"
NUMBERS = {  # what a run costs, as a heading and in a format
    QUALITY: ("N@10", ".4f"),
    "seconds.train": ("train s", ",.1f"),
    "seconds.epoch": ("s an epoch", ",.3f"),
    "seconds.evaluate": ("evaluate s", ",.1f"),
    "epochs": ("epochs", ",.0f"),
    "best_epoch": ("best epoch", ",.0f"),
    "parameters": ("parameters", ",.0f"),
    "peak_memory_mib": ("memory MiB", ",.1f"),
    "tuning.trials": ("trials", ",.0f"),
    "tuning.seconds": ("tuning s", ",.1f"),
}
WHOLE = tuple(NUMBERS)[:8]
BELOW = (  # a comparison
    "best_epoch", "epochs", "seconds.train", "seconds.evaluate", "parameters", "peak_memory_mib", "tuning.trials",
    "tuning.seconds",
)  # fmt: skip


def pages(evidence: Evidence) -> list[Page]:
    """A table and a figure for each protocol and budget with a finished record."""
    found = []
    for (protocol, budget), group in evidence.main.groupby(TABLE[:2]):
        records = group[group["status"] == "done"]
        if len(records):
            data, about = means(records, "sampled"), {"protocol": protocol, "budget": budget}
            found.append(table(records, data, about))
            found += [figure(records, data, about)] if (data["epochs"] > 0).any() else []
    return found


def means(records: pd.DataFrame, ranking: str, *, rows: Sequence[str] | None = None) -> pd.DataFrame:
    """One line a data set and model: means over the seeds of the finished runs, unrounded.

    No value where a record lacks it; the settings that no search found took no trials.

    Args:
        ranking: whose best epoch.
        rows: in their order.
    """
    own = records[records["status"] == "done"]
    own = own.assign(best_epoch=own[f"best_epoch.{ranking}"]).reindex(columns=[*own, *set(NUMBERS) - set(own)])
    own = own.astype(dict.fromkeys(NUMBERS, float)).fillna({"tuning.trials": 0.0, "tuning.seconds": 0.0})
    keys = own.groupby([*BLOCK, "row"])["key"].agg(" ".join)
    found = run_means(own, list(NUMBERS)).assign(keys=keys).to_dict("index")
    rows = rows or order([row for *_, row in found])
    places = [(*block, row) for block in blocks(own) for row in rows if (*block, row) in found]
    return pd.DataFrame([dict(zip([*BLOCK, "model"], place, strict=True)) | found[place] for place in places])


def lines_of(data: pd.DataFrame, columns: Sequence[str]) -> list[Line]:
    lines = []
    for run in data.to_dict("records"):
        names = [Cell(heading((run["dataset"], run["features"]))), Cell(run["model"])]
        values = [Cell(number(run[column], NUMBERS[column][1])) for column in columns]
        lines.append(Line(names + values, about={"dataset": run["dataset"]}))
    return lines


def columns_of(columns: Sequence[str], kind: str = "Model") -> list[Column]:
    metrics = {QUALITY: SHOWN["ndcg@10"]}
    named = [Column(NUMBERS[column][0], metric=metrics.get(column, "")) for column in columns]
    return [Column("Data set", "name"), Column(kind, "name"), *named]


def block(
    records: pd.DataFrame, ranking: str, *, rows: Sequence[str] | None = None, kind: str = "Model"
) -> Block | None:
    """What the rows of a comparison took, and the search for their settings."""
    data = means(records, ranking, rows=rows)
    return Block(columns=columns_of(BELOW, kind), lines=lines_of(data, BELOW)) if len(data) else None


def machines(records: pd.DataFrame) -> str:
    """On what the runs were timed: times of different machines, or numbers of threads, do not compare."""
    counts = records.groupby(["device", "threads"]).size()
    return "; ".join(f"{device or 'not recorded'}, {threads} threads: {n}" for (device, threads), n in counts.items())


def table(records: pd.DataFrame, data: pd.DataFrame, about: Mapping[str, str]) -> Table:
    said = [
        "N@10 is NDCG@10 on sampled candidates; all values are means over the seeds of the finished runs.",
        "s an epoch: from the first evaluation to the last; of a run evaluated once, all training / epochs.",
        "Memory is the peak of the device or, on a CPU, of the whole process.",
        f"Machines and runs: {machines(records)}.",
    ]
    return Table(
        name="cost-{protocol}-{budget}".format(**about),
        title="Cost: seconds, memory and parameters (protocol {protocol}, budget {budget})".format(**about),
        caption=caption(records, "sampled"),
        blocks=[Block(columns=columns_of(WHOLE), lines=lines_of(data, WHOLE))],
        notes=list(map(Note, said)),
        keys=keys_of(data),
        data=data[[*BLOCK, "model", *WHOLE, "keys"]],
        **about,
    )


def figure(records: pd.DataFrame, data: pd.DataFrame, about: Mapping[str, str]) -> Figure:
    is_trained = data["epochs"] > 0
    said = ["Up is better, left is cheaper; the time axis is logarithmic. Means over the seeds."]
    if not is_trained.all():
        said.append(f"Not shown, being fitted without training: {', '.join(sorted(set(data[~is_trained]['model'])))}.")
    shown = data.loc[is_trained, [*BLOCK, "model", QUALITY, "seconds.train", "keys"]]
    return Figure(
        name="cost-figure-{protocol}-{budget}".format(**about),
        title="Quality against training time (protocol {protocol}, budget {budget})".format(**about),
        caption=caption(records, "sampled"),
        notes=list(map(Note, [*said, f"Machines and runs: {machines(records)}."])),
        keys=keys_of(shown),
        data=shown,
        plot="cost",
        **about,
    )
