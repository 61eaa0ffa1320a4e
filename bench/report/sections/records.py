"""The list of all records as a table: what ran, what came of it, where and with what."""

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
MACHINE = ("device", "threads", "start")  # what else a record says of its making are versions


def table(evidence: Evidence) -> Table:
    """Every record, those included that a newer one supersedes, by data set, model, protocol, budget and seed."""
    rows = evidence.every.sort_values(
        ["dataset", "features", "row", "protocol", "budget", "seed", "key"], ignore_index=True
    )
    tables = [evidence.frame, *map(evidence.variants, evidence.studies)]
    standing = {key for rows in tables for key in rows["key"]}
    lines = []
    for run in rows.to_dict("records"):
        status = run["status"] if run["key"] in standing else f"{run['status']}, superseded"
        names = [run[name] for name in ("features", "row", "protocol", "budget")]
        texts = [run["key"], DATASETS.get(run["dataset"], run["dataset"]), *names, str(run["seed"]), status]
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
    """The metrics of one record, each with a reason where it is empty, and its seconds."""
    made = []
    for metric in (f"{ranking}.{METRIC}" for ranking in RANKINGS):
        value = run.get(metric, math.nan)
        note = why_empty([{**run, metric: value}], metric, [run["seed"]]) if pd.isna(value) else ""
        made.append(Cell(number(value, ".4f"), note=note))
    return made + [Cell(number(run.get(f"seconds.{part}", math.nan), ",.1f")) for part in ("train", "evaluate")]


def machine(record: Record) -> list[Cell]:
    made = record.provenance
    versions = ", ".join(f"{name} {version}" for name, version in made.items() if name not in MACHINE)
    return [Cell(made.get("device", "")), Cell(versions)]
