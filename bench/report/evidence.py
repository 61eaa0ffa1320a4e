"""The evidence that a report is made from: the records, read once and brought to one form."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, wraps
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.report.one_form import NEWEST, RUN, in_one_form
from bench.report.paper import Published, load
from bench.report.rows import BLOCK, STUDIED, model_of
from bench.spec import BASELINES, PAPER_MODELS, Job
from bench.store.record import Record
from bench.store.store import Store
from bench.study import Study

Places = Collection[tuple[str, str, str]]  # data set, protocol, and budget or ranking, by name


@dataclass(frozen=True, eq=False)
class Evidence:
    """Records, the folder whose parquet files hold their ranks, and the choices of what a report shows.

    Attributes:
        studies: the studies whose variants have tables of their own.
        ours: the row under study, whose gain over the paper's baselines is %Imp.
        metrics: further metrics to show, such as "recall@20", computed from the stored ranks.
        paper: the paper's numbers.
        left_out: path to reason, for every record that could not be used (``Store.left_out``).
        is_installed: returns whether the installed code is the code that a job was planned with.
        asked: the comparisons that tables are made of, each by folder, protocol and budget; None for all.
    """

    records: Sequence[Record]
    results: Path
    studies: Sequence[Study] = ()
    ours: str = STUDIED
    metrics: tuple[str, ...] = ()
    paper: Published = field(default_factory=load)
    left_out: Mapping[Path, str] = field(default_factory=dict)
    is_installed: Callable[[Job], bool] = lambda job: False
    asked: Places | None = None
    remembered: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)  # see ``remember``

    @classmethod
    def of(cls, store: Store, **asked: Any) -> "Evidence":
        """Read all intact records of ``store``, and why the others are left out; ``asked`` are further attributes."""
        records = store.records()
        return cls(records, store.root, left_out=store.left_out, **asked)

    @property
    def hours(self) -> str:
        """How long all jobs took in all, those that failed and those that have a newer record included."""
        return f"{sum(sum(record.seconds.values()) for record in self.records) / 3600:.1f} h"

    @property
    def losses(self) -> list[str]:
        """A sentence for each record that was left out."""
        return [f"Left out: {self.left_out[path].replace(f'{self.results}/', '')}." for path in sorted(self.left_out)]

    @cached_property
    def every(self) -> pd.DataFrame:
        """The records that are ``asked`` for, one row each (see ``in_one_form``); a column per study has variants."""
        rows = in_one_form(self.records)  # of all records, so that a data set is named the same whatever is asked
        if self.asked is not None:
            places = rows[["folder", "protocol", "budget"]].itertuples(index=False, name=None)
            rows = rows.loc[[place in self.asked for place in places]]
        runs = list(rows[["model", "hyper", "settings", "dataset", "modalities"]].itertuples())
        is_variant = pd.Series(False, index=rows.index)
        for study in self.studies:
            labels = pd.Series([label(study, run) for run in runs], index=rows.index, dtype=object)
            # searched settings never count as a variant
            rows[variant_of(study)] = labels.where(rows["tuning.trials"].isna(), None)
            is_variant |= has_place(study, rows)
        # a run by default settings also stays in Table 2, and so does the row under study
        is_variant &= rows["hyper"].map(bool) & (rows["row"] != self.ours)
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

    @cached_property
    def shown(self) -> set[str]:
        """The keys of the records that some table shows; all others are superseded."""
        tables = [self.frame, *map(self.variants, self.studies)]
        return {key for records in tables for key in records["key"]}

    def status(self, key: str) -> str:
        """Return how the job of a record ended, and whether the record is superseded."""
        return self.by_key[key].status + ("" if key in self.shown else ", superseded")

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
        several = set(rows.loc[rows.duplicated(RUN, keep=False), "key"])
        is_installed = [key in several and self.is_installed(self.by_key[key].job) for key in rows["key"]]
        rows = rows.assign(is_installed=is_installed)
        rows = rows.sort_values(["is_installed", *NEWEST], na_position="first", kind="stable")
        rows = rows.assign(superseded=rows.groupby(RUN).cumcount())
        last = rows.groupby(RUN).tail(1).sort_values([*RUN, "key"], ignore_index=True)
        return last.copy()  # puts the columns of one type together in memory, which makes taking rows faster


def remember(function: Callable) -> Callable:
    """Decorate a function of an Evidence and hashable arguments: what it returns is kept as long as the Evidence is."""

    @wraps(function)
    def call(evidence: Evidence, *args):
        place = (function, *args)
        if place not in evidence.remembered:
            evidence.remembered[place] = function(evidence, *args)
        return evidence.remembered[place]

    return call


def variant_of(study: Study) -> str:
    """Return the name of the column of ``Evidence.every`` that has the study's variants."""
    return f"variant.{study.name}"


def label(study: Study, run: Any) -> str | None:
    """Return the label of the study's variant that a run is; None if it is none, or one that its data cannot have."""
    variant = study.variant(run.model, run.hyper, run.settings)
    return variant.label if variant and not study.why_not(variant, run.dataset, run.modalities) else None


def has_place(study: Study, rows: pd.DataFrame) -> np.ndarray:
    """Whether the study's table shows each record of ``rows``.

    The one table of a study for all has the models that have two or more variants on some data set. Such a model has
    its rows on every data set where any model has two variants, even if one of them was not run.
    """
    runs = rows[rows[variant_of(study)].notna() & ~rows["is_knocked_out"]]
    if not study.is_for_all:
        return rows.index.isin(runs.index)
    table = ["protocol", "budget"]
    is_varied = runs.groupby([*table, "of", *BLOCK])[variant_of(study)].transform("nunique") > 1
    by_model = is_varied.groupby([runs[name] for name in (*table, "of")]).transform("any")
    by_block = is_varied.groupby([runs[name] for name in (*table, *BLOCK)]).transform("any")
    return rows.index.isin(runs.index[by_model & by_block])
