"""What the page knows of each record, once, for the script that opens it: settings, values, curve, provenance."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.rows import heading
from bench.spec import RANKINGS, SHOWN
from bench.store.record import Record

PLACES = 4  # significant digits of a curve, which is drawn small


def details(evidence: Evidence, paths: Mapping[str, str]) -> dict[str, Any]:
    """The records by key, and the groups of terms and texts that they name by place: many records share theirs.

    Args:
        paths: of each record's file, as the page names it.
    """
    shared: dict[str, int] = {}

    def place(group: Mapping[str, Any]) -> int:
        return shared.setdefault(json.dumps({name: text(value) for name, value in group.items()}), len(shared))

    found = {}
    for run in evidence.every.sort_values("key").to_dict("records"):
        record = evidence.by_key[run["key"]]
        groups = {name: place(group) for name, group in groups_of(record, run).items() if group}
        title = f"{run['row']}, {heading((run['dataset'], run['features']))}"
        about = {"title": title, "status": record.status, "path": paths[record.key], "groups": groups}
        found[record.key] = about | ({"curves": curves} if (curves := curves_of(record, run)) else {})
    return {"records": found, "shared": [json.loads(group) for group in shared]}


def groups_of(record: Record, run: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What a record says of itself, by heading; ``run`` is its line of the evidence."""
    job, facts = record.job, record.facts
    return {
        "Run": {
            **{"protocol": f"{job.protocol.name}, version {job.protocol.version}", "budget": job.budget.name},
            **{"seed": job.seed, "status": record.status},
            **({"reason": record.reason} if record.reason else {}),
        },
        "Values": {
            f"{name}, {ranking}": f"{record.metrics[f'{ranking}.{metric}']:.4f}"
            for ranking in RANKINGS
            for metric, name in SHOWN.items()
            if f"{ranking}.{metric}" in record.metrics
        },
        "Settings": record.settings,
        "Cost": {
            **{f"{part}, seconds": f"{spent:,.1f}" for part, spent in record.seconds.items()},
            **{name: facts[name] for name in ("epochs", "parameters", "peak_memory_mib") if name in facts},
        },
        "Provenance": {**record.provenance, "data hash": job.data_hash, "source": job.source, "engine": job.engine},
    }


def curves_of(record: Record, run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The course of what chose the epoch, a line for each ranking that has one of more than one point."""
    found = []
    for ranking in RANKINGS:
        metric = record.job.protocol.select_metric
        points = [(entry["epoch"], entry[name]) for entry in record.curve if (name := f"{ranking}.{metric}") in entry]
        if len(points) > 1:
            epochs, values = zip(*points, strict=True)
            name = f"{SHOWN.get(metric, metric)}, {ranking}, on the {record.job.protocol.select_on} set"
            rounded = [float(f"{value:.{PLACES}g}") for value in values]
            best = run.get(f"best_epoch.{ranking}")
            found.append({"name": name, "x": list(map(int, epochs)), "y": rounded} | best_of(best))
    return found


def best_of(epoch: float | int | None) -> dict[str, int]:
    return {} if pd.isna(epoch) else {"best": int(epoch)}


def text(value: Any) -> str:
    """As a reader writes it: no quotes around a name, a fact of many digits to six."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value)
