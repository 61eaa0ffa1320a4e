"""Counts of what the files of a data set really hold."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from tabulate import tabulate

from bench.data.dataset import Dataset, Rows
from bench.data.readers.features import is_empty
from bench.data.split import keys, split
from bench.files import write_text, writing_reports

SHOWN = {
    "users": "users",
    "items": "items",
    "interactions": "interactions (train, test, and validation outside train)",
    "density": "density",
    "train_entries": "train entries",
    "valid_entries": "validation entries",
    "test_entries": "test entries",
    "repeated_train_entries": "train entries that repeat a pair",
    "users_with_repeats": "users with repeats in train",
    "valid_in_train": "validation pairs that are also in train",
    "test_in_own_train": "test pairs that are in the user's own train list",
    "users_with_test_in_train": "users with a test item in their own train list",
    "test_equals_valid": "test pairs that are the user's validation pair",
    "cold_test_entries": "test entries on items that no train list has",
    "cold_test_items": "distinct items of those test entries",
    "items_in_train": "items in train",
    "users_without_train": "users without train entry",
    "min_train_per_user": "train entries per user (with any): minimum",
    "median_train_per_user": "train entries per user (with any): median",
    "max_train_per_user": "train entries per user (with any): maximum",
    "clean_scored_users": "users left under clean (scored)",
    "clean_valid_users": "users scored under clean that have a validation pair",
}
SPREAD = {"min": np.min, "median": np.median, "max": np.max}


def stats(dataset: Dataset) -> dict[str, int | float]:
    """Return the numbers of Table 1: users, items, interactions (train, test, validation outside train), density."""
    is_outside = ~np.isin(keys(dataset, dataset.valid), keys(dataset, dataset.train))
    interactions = len(dataset.train) + len(dataset.test) + int(is_outside.sum())
    return {
        "users": dataset.n_users,
        "items": dataset.n_items,
        "interactions": interactions,
        "density": interactions / (dataset.n_users * dataset.n_items),
    }


def audit(dataset: Dataset) -> dict[str, Any]:
    """Return all facts of a data set; the counts have the keys of ``SHOWN``."""
    train, valid, test = (keys(dataset, pairs) for pairs in (dataset.train, dataset.valid, dataset.test))
    _, first = np.unique(train, return_index=True)
    repeated = np.delete(dataset.train[:, 0], first)
    leaked = np.isin(test, train)
    degrees = np.bincount(dataset.train[:, 0], minlength=dataset.n_users)
    trained = np.unique(dataset.train[:, 1])
    cold = dataset.test[~np.isin(dataset.test[:, 1], trained), 1]
    clean = split(dataset, "clean")
    return {
        "dataset": dataset.name,
        "hash": dataset.hash,
        "feature_id": dataset.feature_id,
        **stats(dataset),
        "train_entries": len(train),
        "valid_entries": len(valid),
        "test_entries": len(test),
        "repeated_train_entries": len(repeated),
        "users_with_repeats": len(np.unique(repeated)),
        "valid_in_train": int(np.isin(valid, train).sum()),
        "test_in_own_train": int(leaked.sum()),
        "users_with_test_in_train": len(np.unique(dataset.test[leaked, 0])),
        "test_equals_valid": int(np.isin(test, valid).sum()),
        "cold_test_entries": len(cold),
        "cold_test_items": len(np.unique(cold)),
        "items_in_train": len(trained),
        "users_without_train": int((degrees == 0).sum()),
        **{f"{name}_train_per_user": float(fold(degrees[degrees > 0])) for name, fold in SPREAD.items()},
        "clean_scored_users": len(np.unique(clean.test[:, 0])),
        "clean_valid_users": len(np.intersect1d(clean.valid[:, 0], clean.test[:, 0])),
        "features": {modality: describe(rows) for modality, rows in dataset.features.items()},
        "warnings": list(dataset.warnings),
    }


def describe(rows: Rows) -> dict[str, Any]:
    """Return form, width, non-zero entries (of entities: distinct links) and items without features of a modality."""
    n_nonzero = rows.nnz if sp.issparse(rows) else np.count_nonzero(rows)
    return {
        "form": "sparse" if sp.issparse(rows) else "dense",
        "width": rows.shape[1],
        "nonzero": int(n_nonzero),
        "items_without": int(is_empty(rows).sum()),
    }


def render(audits: list[dict[str, Any]]) -> str:
    """Return the page in Markdown: facts as rows, data sets as columns, then features, warnings and hashes."""
    names = [facts["dataset"] for facts in audits]
    counts = [[label, *(show(key, facts[key]) for facts in audits)] for key, label in SHOWN.items()]
    features = [
        [facts["dataset"], facts["feature_id"], modality, *(show(key, value) for key, value in description.items())]
        for facts in audits
        for modality, description in facts["features"].items()
    ]
    columns = ["data set", "features", "modality", "form", "width", "non-zero entries", "items without"]
    warnings = [f"- {facts['dataset']}: {warning}" for facts in audits for warning in facts["warnings"]]
    hashes = [f"- {facts['dataset']}: {facts['hash']}" for facts in audits]
    blocks = ["# Audit", table(counts, ["fact", *names])]
    blocks += ["## Features", table(features, columns) if features else "none"]
    blocks += ["## Warnings", "\n".join(warnings) or "none", "## Content hashes", "\n".join(hashes)]
    return "\n\n".join(blocks) + "\n"


def table(rows: list[list[str]], headers: list[str]) -> str:
    # without this flag, tabulate would parse and reformat the numbers, which are strings with thousands separators
    return tabulate(rows, headers=headers, tablefmt="pipe", disable_numparse=True)


def show(key: str, value: int | float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.5f}" if key == "density" else f"{value:,g}" if value % 1 else f"{int(value):,}"


def write(audits: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Write ``audit.json`` and ``audit.md`` below ``folder``; earlier facts of other data sets stay in them."""
    old = folder / "audit.json"
    try:
        before = {facts["dataset"]: facts for facts in json.loads(old.read_text())}
    except (OSError, ValueError, TypeError, KeyError):  # there is no such file, or it is not an audit
        before = {}
    audits = list((before | {facts["dataset"]: facts for facts in audits}).values())
    texts = {"audit.json": json.dumps(audits, indent=1) + "\n", "audit.md": render(audits)}
    with writing_reports(folder):
        for name, text in texts.items():
            write_text(folder / name, text)
    return [folder / name for name in texts]
