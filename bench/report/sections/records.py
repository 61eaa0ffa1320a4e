"""The table of all records: what ran, with which result, on which machine, and with which versions."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.leaderboard import why_empty
from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.rows import DATASETS
from bench.spec import RANKINGS
from bench.store.record import Record

METRIC = "ndcg@10"
COLUMNS = [
    *(Column(name, "name") for name in ("Key", "Data set", "Features", "Model", "Protocol", "Budget")),
    Column("Seed"), Column("Status", "name"),
    *(Column(f"N@10 {ranking}") for ranking in RANKINGS), Column("train s"), Column("evaluate s"),
    Column("Device", "name"), Column("Versions", "name"),
]  # fmt: skip
MACHINE = ("device", "threads", "start")  # all other entries of a record's provenance are versions


def table(evidence: Evidence) -> Table:
    """Return the table of every record, superseded ones included, by data set, model, protocol, budget and seed."""
    by = ["dataset", "features", "row", "protocol", "budget", "seed", "key"]
    rows = evidence.every.sort_values(by, ignore_index=True)
    lines = []
    for run in rows.to_dict("records"):
        names = [run[name] for name in ("features", "row", "protocol", "budget")]
        seed, status = str(run["seed"]), evidence.status(run["key"])
        texts = [run["key"], DATASETS.get(run["dataset"], run["dataset"]), *names, seed, status]
        cells = [*map(Cell, texts), *values(run), *machine(evidence.by_key[run["key"]])]
        about = {name: run[name] for name in ("dataset", "protocol", "budget")}
        about |= {"features": run["base"], "model": run["row"]}
        lines.append(Line(cells, about=about, keys=run["key"]))
    return Table(
        question=Question.RECORDS,
        kind="records",
        what="All records",
        caption="Every record, with its N@10 on the test set. Of a superseded one's run, tables show another record.",
        blocks=[Block(columns=COLUMNS, lines=lines)],
        notes=[Note(loss, is_warning=True) for loss in evidence.losses],
        data=rows,
    )


def values(run: Mapping[str, Any]) -> list[Cell]:
    """Return the cells of one record's metrics, each with the reason where it is empty, and of its seconds."""
    cells = []
    for metric in (f"{ranking}.{METRIC}" for ranking in RANKINGS):
        value = run.get(metric, math.nan)
        note = why_empty([{**run, metric: value}], metric, [run["seed"]]) if pd.isna(value) else ""
        cells.append(Cell(number(value, ".4f"), note=note))
    return cells + [Cell(number(run.get(f"seconds.{part}", math.nan), ",.1f")) for part in ("train", "evaluate")]


def machine(record: Record) -> list[Cell]:
    """Return the cells of the device and of the versions."""
    versions = ", ".join(f"{name} {version}" for name, version in record.provenance.items() if name not in MACHINE)
    return [Cell(record.provenance.get("device", "")), Cell(versions)]
