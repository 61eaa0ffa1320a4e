"""The cost of quality: a table of seconds, memory and parameters, and a figure of quality against training time."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from bench.report.conditions import mixtures
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE
from bench.report.model import Block, Cell, Column, Figure, Line, Note, Page, Question, Table, number
from bench.report.prose import caption
from bench.report.rows import BLOCK, about, blocks, heading, order
from bench.spec import SHOWN, counted
from bench.store.frame import HELD_UP

QUALITY = "sampled.ndcg@10"
HELD_UP_SHARE = 0.1  # a run that was held up for at least this share of its training seconds is named in a note
SHARED = (
    " Runs on a GPU may have shared it with others at the time, which lengthens their seconds; with --jobs-per-gpu 1 "
    "each has it to itself."
)
NUMBERS = {  # fact of a record: (its column, the format of its numbers)
    QUALITY: (Column("N@10", metric=SHOWN["ndcg@10"]), ".4f"),
    "seconds.prepare": (Column("prepare s"), ",.1f"),
    "seconds.train": (Column("train s"), ",.1f"),
    "seconds.epoch": (Column("s per epoch"), ",.3f"),
    "seconds.evaluate": (Column("evaluate s"), ",.1f"),
    "epochs": (Column("epochs"), ",.0f"),
    "best_epoch": (Column("best epoch"), ",.0f"),
    "parameters": (Column("parameters"), ",.0f"),
    "peak_memory_mib": (Column("memory MiB"), ",.1f"),
    "tuning.trials": (Column("trials"), ",.0f"),
    "tuning.seconds": (Column("tuning s"), ",.1f"),
}
WHOLE = tuple(NUMBERS)[:-2]  # the columns of the table of its own
BELOW = (  # the columns of the table below a comparison
    "best_epoch", "epochs", "seconds.train", "seconds.evaluate", "parameters", "peak_memory_mib", "tuning.trials",
    "tuning.seconds",
)  # fmt: skip


def pages(evidence: Evidence) -> list[Page]:
    """Return a table for each protocol and budget with a finished record, and a figure if anything was trained."""
    found = []
    for (protocol, budget), group in evidence.main.groupby(TABLE[:2]):
        records = group[group["status"] == "done"]
        if len(records):
            data, shared = means(records, "sampled"), {"protocol": protocol, "budget": budget}
            shared |= {"question": Question.COST, "caption": caption(records, "sampled")}
            notes = [machines(records), *held_up(records), *mixtures(records)]
            found.append(table(data, notes, shared))
            found += [figure(data, notes, shared)] if (data["epochs"] > 0).any() else []
    return found


def means(records: pd.DataFrame, ranking: str, *, rows: Sequence[str] = ()) -> pd.DataFrame:
    """Return one line per data set and model: the means over the seeds of the finished runs, unrounded.

    A mean is NaN where a record lacks the value. Settings that no search found count as no trials and no seconds. The
    best epoch is that of ``ranking``. Without ``rows``, there are all of them in the usual order.
    """
    done = records[records["status"] == "done"]
    done = done.assign(best_epoch=done[f"best_epoch.{ranking}"]).reindex(columns=[*BLOCK, "row", "key", *NUMBERS])
    done = done.astype(dict.fromkeys(NUMBERS, float)).fillna({"tuning.trials": 0.0, "tuning.seconds": 0.0})
    groups, lines = dict(list(done.groupby([*BLOCK, "row"]))), []
    for block, row in itertools.product(blocks(done), rows or order(done["row"])):
        runs = groups.get((*block, row))
        if runs is not None:
            values = dict(zip(NUMBERS, runs[list(NUMBERS)].to_numpy().mean(axis=0), strict=True))
            lines.append({**about(block, model=row), **values, "keys": " ".join(runs["key"])})
    return pd.DataFrame(lines)


def block(records: pd.DataFrame, ranking: str, *, variants: Sequence[str] = ()) -> Block | None:
    """Return the costs of a comparison's rows, which may be a study's ``variants``, and of the searches for their
    settings; None where no run finished."""
    data, kind = means(records, ranking, rows=variants), "Variant" if variants else "Model"
    return replace(laid_out(data, BELOW, kind), notes=held_up(records)) if len(data) else None


def laid_out(data: pd.DataFrame, columns: Sequence[str], kind: str = "Model") -> Block:
    """Lay out these columns of ``data``, the lines of ``means``, whose rows are of this ``kind``."""
    lines = []
    for run in data.to_dict("records"):
        names = [Cell(heading((run["dataset"], run["features"]))), Cell(run["model"])]
        values = [Cell(number(run[column], NUMBERS[column][1])) for column in columns]
        place = about((run["dataset"], run["features"]), **({"model": run["model"]} if kind == "Model" else {}))
        lines.append(Line(names + values, about=place, keys=run["keys"]))
    names = [Column("Data set", "name"), Column(kind, "name")]
    return Block(columns=[*names, *(NUMBERS[column][0] for column in columns)], lines=lines)


def machines(records: pd.DataFrame) -> Note:
    """Return a note on the machines and threads of the runs, whose times are comparable only where these are equal."""
    texts = []
    for (device, threads), n in records.groupby(["device", "threads"]).size().items():
        on_threads = f", {counted(int(threads), 'thread')}" if threads else ""
        texts.append(f"{device or 'not recorded'}{on_threads}: {n}")
    text = f"Machines, with their number of runs: {'; '.join(texts)}."
    return Note(text + (SHARED if (~records["device"].isin(["cpu", ""])).any() else ""))


def held_up(records: pd.DataFrame) -> list[Note]:
    """Return a warning that names the runs held up for a good part of their training."""
    share = records["seconds.held_up"] / records["seconds.train"]
    runs = records.assign(share=share)[share >= HELD_UP_SHARE]
    if not len(runs):
        return []
    named = "; ".join(
        f"{run.row} on {heading((run.dataset, run.features))}, seed {run.seed} ({run.share:.0%})"
        for run in runs.itertuples()
    )
    text = f"Held up while they trained, by a pause or by other work on the machine, for a share of train s: {named}. "
    rule = f"The time between two evaluations counts if its epochs took more than {HELD_UP} times the run's median."
    return [Note(text + rule, is_warning=True)]


def table(data: pd.DataFrame, notes: list[Note], shared: dict[str, Any]) -> Table:
    """Return the table of costs; ``notes`` and ``shared`` are what it has in common with the figure."""
    texts = [
        "N@10 is NDCG@10 on sampled candidates; all values are means over the seeds of the finished runs.",
        "prepare s is the time before training: reading the data, building graphs, and all of fitting a floor.",
        "s per epoch is the median over the stretches between evaluations; for a run evaluated once, training time / "
        "epochs. What comes before the first epoch, such as the stages of InvRL, is in train s alone.",
        "Memory is the peak of the device or, on a CPU, of the whole process.",
    ]
    return Table(
        kind="cost",
        what="Cost: seconds, memory and parameters",
        blocks=[laid_out(data, WHOLE)],
        notes=[*map(Note, texts), *notes],
        data=data[[*BLOCK, "model", *WHOLE, "keys"]],
        **shared,
    )


def figure(data: pd.DataFrame, notes: list[Note], shared: dict[str, Any]) -> Figure:
    """Return the figure of quality against training time, without the models that train for no epoch."""
    is_trained = data["epochs"] > 0
    texts = [
        "Higher is better and further left is cheaper; the time axis is logarithmic. Points are means over the seeds."
    ]
    if not is_trained.all():
        untrained = ", ".join(sorted(set(data[~is_trained]["model"])))
        texts.append(f"Not shown, because they are fitted without training: {untrained}.")
    return Figure(
        kind="cost-figure",
        what="Quality against training time",
        notes=[*map(Note, texts), *notes],
        data=data.loc[is_trained, [*BLOCK, "model", QUALITY, "seconds.train", "keys"]],
        plot="cost",
        **shared,
    )
