"""What the page knows of each record, once, for the script that opens it: settings, values, curve, provenance."""

import json
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.rows import heading
from bench.spec import RANKINGS, SHOWN
from bench.store.record import Record

PLACES = 4  # significant digits of the least and the greatest value of a curve
DIGITS = string.digits + string.ascii_lowercase
LEVELS = len(DIGITS) ** 2 - 1  # between them, on which its points stand, each in two digits


def details(evidence: Evidence) -> dict[str, Any]:
    """The records by key, each with its title, its groups of terms and texts, and its curves.

    What several records say is said once: the heading of a group and its terms (``columns``), of which a group names
    the place before its own texts; and a text that is longer than its place (``texts``), which stands for it.
    """
    runs = evidence.every.sort_values("key").to_dict("records")
    both = [(run, evidence.by_key[run["key"]]) for run in runs]
    found = [(run, groups_of(record), curves_of(record, run)) for run, record in both]
    counts = Counter(said for one in found for said in texts_of(*one))
    texts = {said: place for place, said in enumerate(said for said, n in counts.items() if n > 1 and len(said) > 3)}
    columns: dict[tuple[str, ...], int] = {}

    def brief(said: str) -> str | int:
        return texts.get(said, said)

    records = []
    for run, groups, curves in found:
        lines = [
            [columns.setdefault((name, *group), len(columns)), *map(brief, group.values())]
            for name, group in groups.items()
        ]
        about = {"key": run["key"], "title": brief(title(run)), "groups": lines}
        records.append(about | ({"curves": [{**one, "name": brief(one["name"])} for one in curves]} if curves else {}))
    return {"records": records, "columns": list(columns), "texts": list(texts)}


def texts_of(run: Mapping[str, Any], groups: Mapping[str, Mapping[str, str]], curves: list[dict]) -> list[str]:
    """All that the page says of a record, text by text."""
    return [
        title(run),
        *(said for group in groups.values() for said in group.values()),
        *(one["name"] for one in curves),
    ]


def title(run: Mapping[str, Any]) -> str:
    return f"{run['row']}, {heading((run['dataset'], run['features']))}"


def groups_of(record: Record) -> dict[str, dict[str, str]]:
    """What a record says of itself, by heading, as far as it says anything."""
    job, facts = record.job, record.facts
    groups: dict[str, Mapping[str, Any]] = {
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
    return {name: {term: text(value) for term, value in group.items()} for name, group in groups.items() if group}


def curves_of(record: Record, run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The course of what chose the epoch, a line for each ranking that has one of more than one point.

    ``y`` are levels between ``low`` and ``high``, see ``levels``; ``x`` are the epochs, where no ``first`` and
    ``step`` between them say the same.
    """
    found = []
    for ranking in RANKINGS:
        metric = record.job.protocol.select_metric
        points = [(entry["epoch"], entry[name]) for entry in record.curve if (name := f"{ranking}.{metric}") in entry]
        if len(points) > 1:
            epochs, values = zip(*points, strict=True)
            name = f"{SHOWN.get(metric, metric)}, {ranking}, on the {record.job.protocol.select_on} set"
            low, high = min(values), max(values)
            extent = {"low": float(f"{low:.{PLACES}g}"), "high": float(f"{high:.{PLACES}g}")}
            course = {**epochs_of(list(map(int, epochs))), **extent, "y": levels(values, low, high)}
            found.append({"name": name, **course} | best_of(run.get(f"best_epoch.{ranking}")))
    return found


def levels(values: Sequence[float], low: float, high: float) -> str:
    """Two digits of base 36 for each value: its place between ``low`` and ``high``."""
    places = [round(LEVELS * (value - low) / (high - low or 1)) for value in values]
    return "".join(DIGITS[place // len(DIGITS)] + DIGITS[place % len(DIGITS)] for place in places)


def epochs_of(epochs: list[int]) -> dict[str, Any]:
    steps = {after - before for before, after in pairwise(epochs)}
    return {"first": epochs[0], "step": steps.pop()} if len(steps) == 1 else {"x": epochs}


def best_of(epoch: float | int | None) -> dict[str, int]:
    return {} if pd.isna(epoch) else {"best": int(epoch)}


def text(value: Any) -> str:
    """As a reader writes it: no quotes around a name, a fact of many digits to six."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value)
