"""Does a part of a model matter? Each variant of a study against the model as it is, case by case."""

from collections.abc import Iterator

import pandas as pd

from bench.report import paired
from bench.report.boards import ranked
from bench.report.conditions import unlike
from bench.report.evidence import Evidence
from bench.report.model import Note
from bench.report.paired import ALPHA
from bench.report.rows import BLOCK, in_block
from bench.report.sections.significance import BETTER, WORSE, incomparable, sign
from bench.study import Study

LEGEND = (
    f"{BETTER} better, {WORSE} worse than the model as it is (sign-flip test, Holm p < {ALPHA} over the variants and "
    "metrics of a model on a data set)."
)


def marked(evidence: Evidence, study: Study, records: pd.DataFrame, data: pd.DataFrame, ranking: str) -> pd.DataFrame:
    """``data``, the cells of a study's table, with a mark in ``sign`` where a variant is better or worse than the model
    as it is by more than chance; empty in the model's own row, where the two cannot be paired, and where they differ in
    more than the settings that the study's variants change.

    Args:
        records: what the cells come from.
    """
    signs = pd.Series("", index=data.index)
    for (*block, model), part in data.groupby([*BLOCK, "model"]):
        own = in_block(records[records["of"] == model], block)
        as_it_is = set(own.loc[~own["hyper"].map(bool), "row"])
        if len(as_it_is) == 1:  # versions of a model may disagree on which variant it is
            whole = as_it_is.pop()
            both = {row: own[own["row"].isin([row, whole])] for row in part["row"].unique()}
            like = [row for row, runs in both.items() if not unlike(runs, study.changed)]
            found = differences(evidence, part[part["row"].isin(like)], whole, ranking)
            tests = pd.DataFrame(found, columns=["cell", "difference", "p"])
            tests["p_holm"] = paired.holm(tests["p"].to_numpy(dtype=float))
            signs.loc[tests["cell"]] = [sign(test) for test in tests.to_dict("records")]
    return data.assign(sign=signs)


def legend(data: pd.DataFrame) -> list[Note]:
    """What the marks mean, where there are any."""
    return [Note(LEGEND, is_warning=True)] if data["sign"].any() else []


def differences(evidence: Evidence, part: pd.DataFrame, whole: str, ranking: str) -> Iterator[tuple[int, float, float]]:
    """(index of the cell, mean difference from the row ``whole``, its p) of each cell that can be paired with it."""
    known = part[part["mean"].notna()]
    rows = dict(zip(known["row"], known["keys"], strict=True))
    ranks = {row: ranked(evidence, keys.split(), ranking, row) for row, keys in rows.items()}
    for cell in known[known["row"] != whole].itertuples() if whole in ranks else ():
        if not incomparable(ranks[cell.row], ranks[whole], whole):
            found = paired.differences(ranks[cell.row].values(cell.metric), ranks[whole].values(cell.metric))
            yield cell.Index, float(found.mean()), paired.permutation_p(found)
