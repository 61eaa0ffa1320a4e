"""Table 2 with further metrics on request, at any list length, computed from the stored ranks without a new run."""

import math

import pandas as pd

from bench.protocol.metrics import per_case
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE, comparison
from bench.report.model import Note, Question, Table
from bench.report.prose import caption, notes
from bench.report.rows import blocks, in_block
from bench.report.sections.comparison import CSV, beside_paper, compared_block
from bench.spec import METRIC_NAMES, RANKINGS
from bench.store.store import Store

NOTE = "Each test case has one relevant item, so recall at k equals H@k, and MAP at k equals MRR at k."


def title(metric: str) -> str:
    """Return the name of a metric in a table, such as "H@20"."""
    name, _, k = metric.partition("@")
    return f"{METRIC_NAMES[name]}@{k}"


def pages(evidence: Evidence) -> list[Table]:
    """Return one table for each Table 2 if further metrics were asked for, else none."""
    groups = [records for _, records in evidence.main.groupby(TABLE[:2])] if evidence.metrics else []
    return [table(evidence, records, ranking) for records in groups for ranking in RANKINGS]


def table(evidence: Evidence, records: pd.DataFrame, ranking: str) -> Table:
    """Return the table of one protocol, budget and ranking with the metrics that were asked for."""
    names = {metric: title(metric) for metric in evidence.metrics}
    measured = with_metrics(evidence, records, ranking)
    data = comparison(measured, ranking, metrics=names)
    data = beside_paper(data, evidence.paper, "table2", ranking)
    table_blocks = [compared_block(in_block(data, block), measured, block, names=names) for block in blocks(records)]
    return Table(
        question=Question.COMPARISON,
        kind="cutoffs",
        what="Table 2 with other metrics",
        caption=caption(records, ranking),
        blocks=table_blocks,
        notes=[Note(NOTE), *notes(records, data, ranking)],
        data=data[CSV],
        **records[TABLE[:2]].iloc[0],
        ranking=ranking,
    )


def with_metrics(evidence: Evidence, records: pd.DataFrame, ranking: str) -> pd.DataFrame:
    """Return ``records`` with a column for each metric that was asked for, computed from the records' ranks."""
    columns = [f"{ranking}.{metric}" for metric in evidence.metrics]
    values = [means_of(evidence, key, ranking) for key in records["key"]]
    measured = pd.DataFrame(values, index=records.index, columns=columns)
    return records.drop(columns=records.columns.intersection(columns)).join(measured)


def means_of(evidence: Evidence, key: str, ranking: str) -> list[float]:
    """Return the metrics of one record as means over the test cases, unrounded; NaN where its ranks are missing."""
    try:
        ranks = Store(evidence.results).rank_columns(evidence.by_key[key].job)[f"rank_{ranking}"]
    except (OSError, ValueError, KeyError):  # no file, a broken file, or no such ranking
        return [math.nan] * len(evidence.metrics)
    return [float(per_case(ranks, metric).mean()) for metric in evidence.metrics]
