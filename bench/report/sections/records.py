"""The list of all records as a table: what ran, what came of it, where and with what."""

import math

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.leaderboard import outcomes, why_empty
from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.rows import DATASETS, seeds_of
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
    for n, run in enumerate(rows.to_dict("records")):
        status = run["status"] if run["key"] in standing else f"{run['status']}, superseded"
        names = [run[name] for name in ("features", "row", "protocol", "budget")]
        texts = [run["key"], DATASETS.get(run["dataset"], run["dataset"]), *names, str(run["seed"]), status]
        cells = [*map(Cell, texts), *values(rows.loc[[n]]), *machine(evidence.by_key[run["key"]])]
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


def values(run: pd.DataFrame) -> list[Cell]:
    """The metrics of one record, each with a reason where it is empty, and its seconds."""
    made = []
    first = run.iloc[0]
    for metric in (f"{ranking}.{METRIC}" for ranking in RANKINGS):
        value = first.get(metric, math.nan)
        note = why_empty(outcomes(run, [metric]), metric, seeds_of(run)) if pd.isna(value) else ""
        made.append(Cell(number(value, ".4f"), note=note))
    return made + [Cell(number(first.get(f"seconds.{part}", math.nan), ",.1f")) for part in ("train", "evaluate")]


def machine(record: Record) -> list[Cell]:
    made = record.provenance
    versions = ", ".join(f"{name} {version}" for name, version in made.items() if name not in MACHINE)
    return [Cell(made.get("device", "")), Cell(versions)]
