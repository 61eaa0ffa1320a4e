"""The details of each record for the HTML page's script, which shows them: settings, values, curves, provenance."""

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
LEVELS = len(DIGITS) ** 2 - 1  # the highest level of a point of a curve, which is written in two DIGITS


def details(evidence: Evidence) -> dict[str, Any]:
    """Return the records in the order of their keys, each with its title, its groups of terms and texts, its curves.

    What several records share is stored once. ``columns`` has the heading and terms of each kind of group: a group is
    the place of its kind in ``columns``, followed by its texts. ``texts`` has each text of more than three letters that
    occurs more than once: its place in ``texts`` stands for it.
    """
    parts = []
    for run in evidence.every.sort_values("key").to_dict("records"):
        record, title = evidence.by_key[run["key"]], f"{run['row']}, {heading((run['dataset'], run['features']))}"
        parts.append((record.key, title, groups_of(record), curves_of(record, run)))
    counts: Counter[str] = Counter()
    for _, title, groups, curves in parts:
        counts.update([title, *(text for group in groups.values() for text in group.values())])
        counts.update(curve["name"] for curve in curves)
    shared = [text for text, n in counts.items() if n > 1 and len(text) > 3]
    places = {text: place for place, text in enumerate(shared)}
    columns: dict[tuple[str, ...], int] = {}

    def brief(text: str) -> str | int:
        return places.get(text, text)

    records = []
    for key, title, groups, curves in parts:
        entry: dict[str, Any] = {"key": key, "title": brief(title), "groups": []}
        for name, group in groups.items():
            column = columns.setdefault((name, *group), len(columns))
            entry["groups"].append([column, *map(brief, group.values())])
        if curves:
            entry["curves"] = [{**curve, "name": brief(curve["name"])} for curve in curves]
        records.append(entry)
    return {"records": records, "columns": list(columns), "texts": shared}


def groups_of(record: Record) -> dict[str, dict[str, str]]:
    """Return the terms and texts of a record by heading, without groups that are empty."""
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
    """Return the learning curve of the selecting metric for each ranking, if it has more than one point.

    ``y`` are levels between ``low`` and ``high`` (see ``levels``). ``x`` are the epochs; evenly spaced epochs are given
    as ``first`` and ``step`` instead. ``best`` is the epoch that was chosen.
    """
    curves = []
    for ranking in RANKINGS:
        metric = record.job.protocol.select_metric
        points = [(entry["epoch"], entry[name]) for entry in record.curve if (name := f"{ranking}.{metric}") in entry]
        if len(points) > 1:
            epochs, values = zip(*points, strict=True)
            name = f"{SHOWN.get(metric, metric)}, {ranking}, on the {record.job.protocol.select_on} set"
            low, high = min(values), max(values)
            extent = {"low": float(f"{low:.{PLACES}g}"), "high": float(f"{high:.{PLACES}g}")}
            course = {**epochs_of(list(map(int, epochs))), **extent, "y": levels(values, low, high)}
            best = run.get(f"best_epoch.{ranking}")
            curves.append({"name": name, **course} | ({} if pd.isna(best) else {"best": int(best)}))
    return curves


def levels(values: Sequence[float], low: float, high: float) -> str:
    """Return two digits of base 36 for each value: its level from 0 at ``low`` to LEVELS at ``high``."""
    places = [round(LEVELS * (value - low) / (high - low or 1)) for value in values]
    return "".join(DIGITS[place // len(DIGITS)] + DIGITS[place % len(DIGITS)] for place in places)


def epochs_of(epochs: list[int]) -> dict[str, Any]:
    steps = {after - before for before, after in pairwise(epochs)}
    return {"first": epochs[0], "step": steps.pop()} if len(steps) == 1 else {"x": epochs}


def text(value: Any) -> str:
    """Return a value for reading: text without quotes, a float to six significant digits, anything else as JSON."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value)
