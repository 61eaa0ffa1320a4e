"""The evidence that a report is made from: the records, read once and brought to one form."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bench.report.conditions import told_apart
from bench.report.paper import Published, load
from bench.report.rows import STUDIED, model_of
from bench.spec import BASELINES, PAPER_MODELS, RANKINGS, Job, is_knocked_out
from bench.store.frame import frame
from bench.store.record import Record
from bench.store.store import Store
from bench.study import Study

RUN = ["dataset", "row", "of", "protocol", "budget", "features", "seed"]  # what names a run; one record stands for it
NEWEST = ["engine", "protocol_version", "started", "key"]  # the order of a run's records; the last one stands for it
OPTIONAL = [  # columns that a frame lacks where no record has the fact
    "users", "items", "interactions", "density", "modalities", "epochs", "parameters", "is_candidate_dependent",
    "candidate_hash", "peak_memory_mib", "seconds.train", "seconds.evaluate", "sampling", "tuning.trials",
    "tuning.seconds", "tuning.protocol", "tuning.budget", "gradient.reason", "n_cases", "base_hash",
    *(f"{what}.{ranking}" for what in ("best_epoch", "chosen_by") for ranking in RANKINGS),
    *(f"ties_{ranking}" for ranking in RANKINGS),
]  # fmt: skip
Places = Collection[tuple[str, str, str]]  # data set, protocol, and budget or ranking, by name
SAME_PRESET = {(STUDIED, "released"): "default"}  # model and preset that is its default under another name


@dataclass(frozen=True, eq=False)
class Evidence:
    """Records, the folder whose parquet files hold their ranks, and the choices of what a report shows.

    Attributes:
        studies: the studies whose variants have tables of their own.
        ours: the row under study, whose gain over the paper's baselines is %Imp.
        metrics: further metrics to show, such as "recall@20", computed from the stored ranks.
        paper: the paper's numbers; without it, those of ``paper.csv``.
        left_out: path to reason, for every record that could not be used (``Store.left_out``).
        is_installed: returns whether the installed code is the code that a job was planned with.
        asked: the comparisons that tables are made of, each by folder, protocol and budget; None for all.
    """

    records: Sequence[Record]
    results: Path
    studies: Sequence[Study] = ()
    ours: str = STUDIED
    metrics: tuple[str, ...] = ()
    paper: Published | None = None
    left_out: Mapping[Path, str] = field(default_factory=dict)
    is_installed: Callable[[Job], bool] = lambda job: False
    asked: Places | None = None

    @classmethod
    def of(cls, store: Store, **asked: Any) -> "Evidence":
        """Read all intact records of ``store``, and why the others are left out; ``asked`` are further attributes."""
        records = store.records(in_full=True)
        return cls(records, store.root, left_out=store.left_out, **asked)

    @property
    def losses(self) -> list[str]:
        """A sentence for each record that was left out."""
        return [f"Left out: {self.left_out[path].replace(f'{self.results}/', '')}." for path in sorted(self.left_out)]

    @cached_property
    def published(self) -> Published:
        return load(self.studies) if self.paper is None else self.paper

    @cached_property
    def every(self) -> pd.DataFrame:
        """The records that are ``asked`` for, one row each (see ``in_one_form``); a column per study has variants."""
        rows = in_one_form(self.records)  # of all records, so that a data set is named the same whatever is asked
        if self.asked is not None:
            places = rows[["folder", "protocol", "budget"]].itertuples(index=False, name=None)
            rows = rows.loc[[place in self.asked for place in places]]
        is_variant = pd.Series(False, index=rows.index)
        for study in self.studies:
            runs = zip(rows["model"], rows["hyper"], rows["settings"], strict=True)
            labels = pd.Series([label(study, *run) for run in runs], index=rows.index, dtype=object)
            labels = labels.where(rows["tuning.trials"].isna(), None)  # searched settings never count as a variant
            rows[variant_of(study)] = labels
            is_variant |= labels.notna()
        is_variant = is_variant & rows["hyper"].map(bool)  # a run by default settings also stays in Table 2
        return rows.assign(is_variant=is_variant).copy()  # for the reason in ``standing``

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The standing records, one row each."""
        return self.standing(self.every)

    @cached_property
    def main(self) -> pd.DataFrame:
        """The standing records that Table 2 compares, without variants of studies and without knock-outs."""
        return self.frame[~self.frame["is_variant"] & ~self.frame["is_knocked_out"]]

    @cached_property
    def by_key(self) -> dict[str, Record]:
        return {record.key: record for record in self.records}

    @cached_property
    def baselines(self) -> set[str]:
        """The rows that the row under study is compared with: those of all baselines, and of MCLN if not studied."""
        is_baseline = self.frame["model"].isin([*BASELINES, *PAPER_MODELS])
        return set(self.frame.loc[is_baseline, "row"]) - self.studied

    @cached_property
    def studied(self) -> set[str]:
        """The rows of the model under study, with any preset and settings."""
        return {row for row in self.frame["row"] if model_of(row) == model_of(self.ours)}

    def rows_of(self, keys: Collection[str]) -> pd.DataFrame:
        """Return the records with these keys; each text may hold several keys, as in the column of a table's cells."""
        return self.every[self.every["key"].isin({key for text in keys for key in text.split()})]

    def variants(self, study: Study) -> pd.DataFrame:
        """Return the standing records of the study's variants without knock-outs: ``row`` is the variant, ``of`` the
        model's own row.

        They are chosen anew among all records, since a default run and a run with settings may be the same variant.
        """
        runs = self.every[self.every[variant_of(study)].notna() & ~self.every["is_knocked_out"]]
        return self.standing(runs.assign(row=runs[variant_of(study)]))

    def standing(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the one record of each run that tables show; ``superseded`` counts the run's other records.

        A record made with the installed code goes before all others, so that after a change is taken back the newer
        records of the abandoned code no longer stand. Then the newest goes first: by engine version, then by start.
        """
        if rows.empty:
            return rows.assign(superseded=[])
        several = set(rows.loc[rows.duplicated(RUN, keep=False), "key"])
        is_installed = [key in several and self.is_installed(self.by_key[key].job) for key in rows["key"]]
        rows = rows.assign(is_installed=is_installed)
        rows = rows.sort_values(["is_installed", *NEWEST], na_position="first", kind="stable")
        rows = rows.assign(superseded=rows.groupby(RUN).cumcount())
        last = rows.groupby(RUN).tail(1).sort_values([*RUN, "key"], ignore_index=True)
        return last.copy()  # puts the columns of one type together in memory, which makes taking rows faster


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


def variant_of(study: Study) -> str:
    """Return the name of the column of ``Evidence.every`` that has the study's variants."""
    return f"variant.{study.name}"


def label(study: Study, model: str, hyper: dict, settings: dict) -> str | None:
    """Return the label of the variant that a run is; None where it is none of the study's."""
    variant = study.variant(model, hyper, settings)
    return variant.label if variant else None
