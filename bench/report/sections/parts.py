"""Does a part of a model matter? Each variant of a study is tested against the unchanged model, case by case."""

from collections.abc import Iterator

import pandas as pd

from bench.report import paired
from bench.report.boards import ranked
from bench.report.conditions import unlike
from bench.report.differences import BETTER, WORSE, incomparable, sign
from bench.report.evidence import Evidence
from bench.report.paired import ALPHA
from bench.report.rows import BLOCK, in_block
from bench.study import Study

LEGEND = (
    f"{BETTER} better, {WORSE} worse than the unchanged model (sign-flip test, Holm p < {ALPHA} over the variants and "
    "metrics of a model on a data set)."
)


def marked(evidence: Evidence, study: Study, records: pd.DataFrame, data: pd.DataFrame, ranking: str) -> pd.DataFrame:
    """Return ``data``, the cells of a study's table, with a mark in ``sign`` where a variant is better or worse than
    the unchanged model by more than chance.

    There is no mark in the unchanged model's own row, where the two cannot be paired, and where they differ in more
    than the settings that the study's variants change. ``records`` are the records behind the cells.
    """
    signs = pd.Series("", index=data.index)
    for (*block, model), part in data.groupby([*BLOCK, "model"]):
        runs = in_block(records[records["of"] == model], block)
        unchanged = set(runs.loc[~runs["hyper"].map(bool), "row"])
        if len(unchanged) == 1:  # versions of a model may disagree on which variant the unchanged model is
            whole = unchanged.pop()
            pairs = {row: runs[runs["row"].isin([row, whole])] for row in part["row"].unique()}
            comparable = [row for row, pair in pairs.items() if not unlike(pair, study.changed)]
            lines = differences(evidence, part[part["row"].isin(comparable)], whole, ranking)
            tests = pd.DataFrame(lines, columns=["cell", "difference", "p"])
            tests["p_holm"] = paired.holm(tests["p"].to_numpy(dtype=float))
            signs.loc[tests["cell"]] = [sign(test) for test in tests.to_dict("records")]
    return data.assign(sign=signs)


def differences(evidence: Evidence, part: pd.DataFrame, whole: str, ranking: str) -> Iterator[tuple[int, float, float]]:
    """Yield (index, mean difference from the row ``whole``, its p) for each cell that can be paired with that row."""
    filled = part[part["mean"].notna()]
    keys_of = dict(zip(filled["row"], filled["keys"], strict=True))
    ranks = {row: ranked(evidence, keys.split(), ranking, row) for row, keys in keys_of.items()}
    for cell in filled[filled["row"] != whole].itertuples() if whole in ranks else ():
        if not incomparable(ranks[cell.row], ranks[whole], whole):
            by_user = ranks[cell.row].minus(ranks[whole], cell.metric)
            yield cell.Index, float(by_user.mean()), paired.permutation_p(by_user)
