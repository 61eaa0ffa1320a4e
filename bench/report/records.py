"""The list of all records as a table: what ran, what came of it, where and with what."""

import math

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.layout import Block, Cell, Table, number
from bench.report.paper import DATASETS
from bench.report.summary import why_empty
from bench.spec import RANKINGS
from bench.store.record import Record
from bench.store.store import frame

METRIC = "ndcg@10"
HEADER = [
    "Key", "Data set", "Features", "Model", "Protocol", "Budget", "Seed", "Status",
    *(f"N@10 {ranking}" for ranking in RANKINGS), "train s", "evaluate s", "Device", "Versions",
]  # fmt: skip
MACHINE = ("device", "threads", "start")  # what else a record says of its making are versions


def index(evidence: Evidence) -> Table:
    """Every record, those included that a newer one supersedes, by data set, model, protocol, budget and seed."""
    found = sorted(evidence.records, key=lambda r: r.key)
    rows = frame(found).assign(is_candidate_dependent=[r.facts.get("is_candidate_dependent") is True for r in found])
    order = rows.sort_values(["dataset", "features", "row", "protocol", "budget", "seed", "key"])[["dataset", "row"]]
    standing, lines = set(evidence.frame["key"]), []
    for n, dataset, model in order.itertuples():
        record, job = found[n], found[n].job
        status = record.status if record.key in standing else f"{record.status}, superseded"
        run = [DATASETS.get(dataset, dataset), job.features, model, job.protocol.name, job.budget.name, str(job.seed)]
        plain = [Cell(text) for text in (record.key, *run, status)]
        lines.append([*plain, *values(record, rows, n), *machine(record)])
    return Table(
        name="records",
        title="Records",
        caption="Every record, with N@10 on the test set; a superseded one has a newer one of the same run beside it.",
        blocks=[Block(title="", header=HEADER, lines=lines)],
        notes=[],
        keys=list(rows["key"]),
        data=rows,
    )


def values(record: Record, rows: pd.DataFrame, n: int) -> list[Cell]:
    """Its metrics, each with a reason where it is empty, and its seconds; ``n`` is its line of the frame."""
    made = []
    for metric in (f"{ranking}.{METRIC}" for ranking in RANKINGS):
        value = record.metrics.get(metric, math.nan)
        note = why_empty(rows.loc[[n]], metric, [record.job.seed]) if math.isnan(value) else ""
        made.append(Cell(number(value, ".4f"), note=note))
    return made + [Cell(number(record.seconds.get(part, math.nan), ",.1f")) for part in ("train", "evaluate")]


def machine(record: Record) -> list[Cell]:
    made = record.provenance
    versions = ", ".join(f"{name} {version}" for name, version in made.items() if name not in MACHINE)
    return [Cell(made.get("device", "")), Cell(versions)]
