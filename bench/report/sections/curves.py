"""Learning curves: what selects the epoch, against epochs and against seconds."""

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
    """A figure for each protocol and budget in which some run trained for more than one epoch."""
    found = []
    for _, group in evidence.main.groupby(TABLE[:2]):
        records = group[group["status"] == "done"]
        data = with_independent(points(records, evidence.by_key), group["select_on"].iloc[0])
        if len(data):
            found.append(figure(records, data))
    return found


def points(records: pd.DataFrame, by_key: dict[str, Record]) -> pd.DataFrame:
    """One line per evaluation: the selecting metric, and whether its epoch was chosen.

    A run of one epoch has no curve, nor has one that trains nothing, such as a floor.
    """
    lines = []
    for block in blocks(records):
        part = in_block(records, block)
        place = {row: n for n, row in enumerate(order(part["row"]))}
        part = part.assign(place=part["row"].map(place)).sort_values(["place", "seed"])
        for run in part[part["epochs"] > 1].to_dict("records"):
            names = [*block, *(run[name] for name in ("protocol", "budget", "row", "seed"))]
            lines += [[*names, *point, run["key"]] for point in course(run, by_key[run["key"]])]
    return pd.DataFrame(lines, columns=COLUMNS)


def with_independent(data: pd.DataFrame, select_on: str) -> pd.DataFrame:
    """``data`` with the course of the independent run, on the test set, wherever MCLN has one on sampled candidates."""
    metric = "sampled.ndcg@10"
    mine = data[(data["model"] == STUDIED) & (data["metric"] == metric)]
    lines = []
    for dataset, features in blocks(mine) if select_on == "test" else ():
        chosen, where = set(independent.best()["epoch"].items()), mine[["protocol", "budget"]].iloc[0]
        for run in independent.runs().query("dataset == @dataset").to_dict("records"):
            is_best = ((dataset, run["run"]), run["epoch"]) in chosen
            names = [dataset, features, *where, independent.NAME, run["run"], metric]
            lines.append([*names, run["epoch"], math.nan, run["ndcg@10"], is_best, ""])
    return pd.concat([data, pd.DataFrame(lines, columns=COLUMNS)], ignore_index=True) if lines else data


def course(run: dict, record: Record) -> list[tuple]:
    """(metric, epoch, seconds, value, whether it was chosen) of each evaluation in each ranking that selects."""
    found = []
    for ranking in RANKINGS:
        metric, best = f"{ranking}.{record.job.protocol.select_metric}", run[f"best_epoch.{ranking}"]
        for entry in record.curve:
            if metric in entry:
                found.append((metric, int(entry["epoch"]), entry["seconds"], entry[metric], entry["epoch"] == best))
    return found


def figure(records: pd.DataFrame, data: pd.DataFrame) -> Figure:
    protocol, budget, select_on = records[["protocol", "budget", "select_on"]].iloc[0]
    said = [
        "Each line is one run, and a ring marks the epoch that was chosen. Seconds count the training so far.",
        "Each data set and metric has its own panel: values on sampled candidates and in full ranking do not compare.",
    ]
    if (data["model"] == independent.NAME).any():
        said.append(f"{independent.NOTE} Its course is the thin grey line, without a correction and by epochs alone.")
    return Figure(
        question=Question.COST,
        kind="learning-curves",
        what="Learning curves",
        caption=f"The metric that selects the epoch, on {SELECTORS[select_on]}. {caption(records)}",
        notes=[*map(Note, said), *mixtures(records)],
        data=data,
        protocol=protocol,
        budget=budget,
        plot="curves",
    )
