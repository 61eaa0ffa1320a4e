"""Brings records of every version to one form: a frame with one row per record."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from bench.report.rows import STUDIED
from bench.spec import RANKINGS, is_knocked_out
from bench.store.frame import frame
from bench.store.record import Record

RUN = ["dataset", "row", "of", "protocol", "budget", "features", "seed"]  # what names a run; one record stands for it
NEWEST = ["engine", "protocol_version", "started", "key"]  # the order of a run's records; the last one stands for it
OPTIONAL = [  # columns that a frame lacks where no record has the fact
    "users", "items", "interactions", "density", "modalities", "epochs", "parameters", "is_candidate_dependent",
    "candidate_hash", "peak_memory_mib", "seconds.train", "seconds.evaluate", "sampling", "tuning.trials",
    "tuning.seconds", "tuning.protocol", "tuning.budget", "gradient.reason", "n_cases", "base_hash",
    *(f"{what}.{ranking}" for what in ("best_epoch", "chosen_by") for ranking in RANKINGS),
    *(f"ties_{ranking}" for ranking in RANKINGS),
]  # fmt: skip
SAME_PRESET = {(STUDIED, "released"): "default"}  # model and preset that is its default under another name


def in_one_form(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per record, as ``bench.store.frame.frame`` makes it, whatever form the record was written in.

    Changed or added columns: ``dataset`` tells data sets of one name apart, ``folder`` is that name; ``modalities`` is
    a tuple of names, empty without content and None if unknown; ``of`` is the model's row without changed settings;
    ``base`` and ``content`` are the parts of ``features``, such as entities and shuffled; ``chosen_by.<ranking>`` and
    ``best_epoch.<ranking>`` are the metric that chose the weights behind this ranking's values, and their epoch.
    """
    plain = [by_default_preset(record) for record in records]
    rows = frame(plain)
    if rows.empty:
        return rows.reindex(
            columns=[*RUN, *NEWEST, *OPTIONAL, "model", "hyper", "settings", "status", "folder", "is_knocked_out"]
        )
    chosen = pd.DataFrame([selection(record) for record in plain], index=rows.index)
    rows = pd.concat([rows.drop(columns=[*chosen, "best_epoch"], errors="ignore"), chosen], axis=1)
    base, _, words = rows["features"].str.partition(",").to_numpy().T
    rows = rows.assign(
        of=[record.job.row for record in plain],
        eval_every=[record.job.budget.eval_every for record in plain],
        modalities=[modalities_of(record) for record in plain],
        sampling=rows["settings"].map(lambda settings: settings.get("sampling")),
        base=base,
        content=pd.Series(words, index=rows.index).replace("", "real").where(rows["features"] != "none", "none"),
        is_knocked_out=rows["features"].map(is_knocked_out),
        started=pd.to_datetime(rows["started"], utc=True, errors="coerce", format="ISO8601"),
    )
    rows = rows.reindex(columns=[*rows, *(column for column in OPTIONAL if column not in rows)])
    rows = rows.assign(folder=rows["dataset"], dataset=told_apart(rows))
    rows = rows.assign(is_candidate_dependent=rows["is_candidate_dependent"].eq(True))
    return rows.astype(dict.fromkeys(rows.columns[rows.dtypes == "str"], object))  # the same in all versions of pandas


def told_apart(rows: pd.DataFrame) -> pd.Series:
    """Return the name of each record's data set; where several versions of the data share a name, all but the latest
    have the start of their hash behind it.

    The version of a knock-out is the data that it was made from (``base_hash``). Where its record does not say, it is
    the only known version, or the knock-out's own hash if there are several.
    """
    place = ["dataset", "base"]
    version = rows["data_hash"].mask(rows["is_knocked_out"], rows["base_hash"])
    known = rows.assign(version=version).groupby(place)["version"]
    only = known.transform("first").where(known.transform("nunique") == 1)
    runs = rows.assign(version=version.fillna(rows["data_hash"].mask(only.notna(), only)))
    by_start = runs.sort_values(["started", "version"], na_position="first")
    runs = runs.assign(latest=by_start.groupby(place)["version"].transform("last"))
    is_latest = runs["version"] == runs["latest"]
    return runs["dataset"].where(is_latest, runs["dataset"] + "@" + runs["version"].str[:8])


def modalities_of(record: Record) -> tuple[str, ...] | None:
    names = record.facts.get("modalities")
    return None if names is None else tuple(filter(None, names.split(", ")))


def by_default_preset(record: Record) -> Record:
    """Return ``record`` with the preset "default" where its preset is the default under another name."""
    preset = SAME_PRESET.get((record.job.model, record.job.preset))
    return record.model_copy(update={"job": replace(record.job, preset=preset)}) if preset else record


def selection(record: Record) -> dict[str, Any]:
    """Return the metric that chose the epoch of each ranking's values, and the epoch; empty for unfinished records.

    Before version 2 of the protocols one choice held for both rankings; since then each ranking's values come from the
    weights that it chose. A model that scores an item depending on the other candidates has no full ranking.
    """
    if record.status != "done":
        return {}
    protocol, facts, chosen = record.job.protocol, record.facts, {}
    is_dependent = facts.get("is_candidate_dependent") is True
    for ranking in RANKINGS:
        if is_dependent and ranking == "full":
            continue
        by = ranking if is_dependent or protocol.select_ranking == "own" else protocol.select_ranking
        chosen[f"chosen_by.{ranking}"] = f"{protocol.select_on} {by}.{protocol.select_metric}"
        chosen[f"best_epoch.{ranking}"] = facts.get(f"best_epoch.{ranking}", facts.get("best_epoch"))
    return chosen
