"""Records of the studies' variants: which cell a run stands in."""

import numpy as np
import pandas as pd

from bench.report.paper import STUDIED
from bench.report.summary import standing
from bench.spec import is_knocked_out
from bench.studies import STUDIES, Study


def matched(every: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The standing records of the study's variants: ``row`` is the variant's label, ``of`` the model's own row.

    ``every`` has all records, as ``bench.store.store.frame`` gives them: two of them may be the same variant, one by
    its default settings and one by name.
    """
    if every.empty:
        return standing(every).assign(of=[])
    model = every["row"].str.replace(rf"(?<=^{STUDIED}):released|( \(.*)$", "", regex=True)
    cells = every.assign(of=model, row=[label(study, *run) for run in runs(every)])
    # two models' variants share a label: apart they stand, together the newest would
    found = [standing(own) for _, own in cells[cells["row"].notna()].groupby("of")]
    return pd.concat(found, ignore_index=True) if found else standing(every[:0]).assign(of=[])


def main_runs(records: pd.DataFrame) -> pd.DataFrame:
    """``records`` that Table 2 compares: no study's variants, no content knocked out."""
    return without_variants(without_knockouts(records))


def without_knockouts(records: pd.DataFrame) -> pd.DataFrame:
    return records[~records["features"].map(is_knocked_out).astype(bool)]


def without_variants(records: pd.DataFrame) -> pd.DataFrame:
    """``records`` less those that were made for a study's variant and are in its table."""
    kept = [not (run[1] and any(label(study, *run) for study in STUDIES.values())) for run in runs(records)]
    return records.loc[np.array(kept, dtype=bool)]


def runs(records: pd.DataFrame):
    """(model, what differs from its preset, settings; none of those where they are not recorded)."""
    return zip(records["model"], records["hyper"], records["settings"], strict=True) if len(records) else ()


def label(study: Study, model: str, hyper: dict, settings: dict) -> str | None:
    variant = study.variant(model, hyper, settings)
    return variant.label if variant else None
