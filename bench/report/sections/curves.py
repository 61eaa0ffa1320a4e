"""Learning curves: the metric that selects the epoch, against epochs and against seconds."""

import math

import pandas as pd

from bench.report import independent
from bench.report.conditions import mixtures
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE
from bench.report.model import Figure, Note, Question
from bench.report.prose import SELECTORS, caption
from bench.report.rows import BLOCK, STUDIED, blocks, in_block, order
from bench.spec import RANKINGS
from bench.store.record import Record

COLUMNS = [*BLOCK, "protocol", "budget", "model", "seed", "metric", "epoch", "seconds", "value", "is_best", "key"]


def pages(evidence: Evidence) -> list[Figure]:
    """Return a figure for each protocol and budget in which some run trained for more than one epoch."""
    found = []
    for _, group in evidence.main.groupby(TABLE[:2]):
        records = group[group["status"] == "done"]
        data = with_independent(points(records, evidence.by_key), group["select_on"].iloc[0])
        if len(data):
            found.append(figure(records, data))
    return found


def points(records: pd.DataFrame, by_key: dict[str, Record]) -> pd.DataFrame:
    """Return one line per evaluation: the value of the selecting metric, and whether the epoch was chosen.

    Runs of a single epoch, and models that train nothing, such as floors, have no curve.
    """
    lines = []
    for block in blocks(records):
        part = in_block(records, block).sort_values("seed", kind="stable")
        trained = part[part["epochs"] > 1].to_dict("records")
        for run in (run for row in order(part["row"]) for run in trained if run["row"] == row):
            names = [*block, *(run[name] for name in ("protocol", "budget", "row", "seed"))]
            lines += [[*names, *point, run["key"]] for point in course(run, by_key[run["key"]])]
    return pd.DataFrame(lines, columns=COLUMNS)


def with_independent(data: pd.DataFrame, select_on: str) -> pd.DataFrame:
    """Return ``data`` with the independent runs' curves where MCLN has one on sampled candidates; they were measured on
    the test set, so they are added only if ``select_on`` is the test set."""
    metric = "sampled.ndcg@10"
    ours = data[(data["model"] == STUDIED) & (data["metric"] == metric)]
    lines = []
    for dataset, features in blocks(ours) if select_on == "test" else ():
        chosen, where = set(independent.best()["epoch"].items()), ours[["protocol", "budget"]].iloc[0]
        for run in independent.runs().query("dataset == @dataset").to_dict("records"):
            is_best = ((dataset, run["run"]), run["epoch"]) in chosen
            names = [dataset, features, *where, independent.NAME, run["run"], metric]
            lines.append([*names, run["epoch"], math.nan, run["ndcg@10"], is_best, ""])
    return pd.concat([data, pd.DataFrame(lines, columns=COLUMNS)], ignore_index=True) if lines else data


def course(run: dict, record: Record) -> list[tuple]:
    """Return (metric, epoch, seconds, value, whether chosen) for each evaluation in each ranking that selects."""
    lines = []
    for ranking in RANKINGS:
        metric, best = f"{ranking}.{record.job.protocol.select_metric}", run[f"best_epoch.{ranking}"]
        for entry in record.curve:
            if metric in entry:
                lines.append((metric, int(entry["epoch"]), entry["seconds"], entry[metric], entry["epoch"] == best))
    return lines


def figure(records: pd.DataFrame, data: pd.DataFrame) -> Figure:
    """Return the figure of one protocol and budget; ``data`` are the lines of ``points``."""
    protocol, budget, select_on = records[["protocol", "budget", "select_on"]].iloc[0]
    texts = [
        "Each line is one run, and a ring marks the epoch that was chosen. Seconds count the training so far.",
        "Each data set and metric has its own panel: values on sampled candidates and in full ranking do not compare.",
    ]
    if (data["model"] == independent.NAME).any():
        texts.append(f"{independent.NOTE} Its course is the thin grey line, without a correction and by epochs alone.")
    return Figure(
        question=Question.COST,
        kind="learning-curves",
        what="Learning curves",
        caption=f"The metric that selects the epoch, on {SELECTORS[select_on]}. {caption(records)}",
        notes=[*map(Note, texts), *mixtures(records)],
        data=data,
        protocol=protocol,
        budget=budget,
        plot="curves",
    )
