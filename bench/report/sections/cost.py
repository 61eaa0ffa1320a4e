"""What quality costs: a table of seconds, memory and parameters, and quality against training time."""

from collections.abc import Mapping, Sequence
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
HELD_UP_SHARE = 0.1  # of the training seconds, from which a run is named
NUMBERS = {  # what a run costs: the column, and how its numbers are written
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
WHOLE = tuple(NUMBERS)[:-2]
BELOW = (  # a comparison
    "best_epoch", "epochs", "seconds.train", "seconds.evaluate", "parameters", "peak_memory_mib", "tuning.trials",
    "tuning.seconds",
)  # fmt: skip


def pages(evidence: Evidence) -> list[Page]:
    """A table and a figure for each protocol and budget with a finished record."""
    found = []
    for (protocol, budget), group in evidence.main.groupby(TABLE[:2]):
        records = group[group["status"] == "done"]
        if len(records):
            data, said = means(records, "sampled"), {"protocol": protocol, "budget": budget}
            said |= {"question": Question.COST, "caption": caption(records, "sampled")}
            own = [machines(records), *held_up(records), *mixtures(records)]
            found.append(table(data, own, said))
            found += [figure(data, own, said)] if (data["epochs"] > 0).any() else []
    return found


def means(records: pd.DataFrame, ranking: str, *, rows: Sequence[str] | None = None) -> pd.DataFrame:
    """One line per data set and model: means over the seeds of the finished runs, unrounded.

    No value where a record lacks it; the settings that no search found took no trials.

    Args:
        ranking: whose best epoch.
        rows: in their order.
    """
    own = records[records["status"] == "done"]
    own = own.assign(best_epoch=own[f"best_epoch.{ranking}"]).reindex(columns=[*BLOCK, "row", "key", *NUMBERS])
    own = own.astype(dict.fromkeys(NUMBERS, float)).fillna({"tuning.trials": 0.0, "tuning.seconds": 0.0})
    groups, rows, lines = dict(list(own.groupby([*BLOCK, "row"]))), rows or order(own["row"]), []
    for block in blocks(own):
        for row in rows:
            runs = groups.get((*block, row))
            if runs is not None:
                values = dict(zip(NUMBERS, runs[list(NUMBERS)].to_numpy().mean(axis=0), strict=True))
                names = dict(zip([*BLOCK, "model"], (*block, row), strict=True))
                lines.append({**names, **values, "keys": " ".join(runs["key"])})
    return pd.DataFrame(lines)


def block(records: pd.DataFrame, ranking: str, titles: Mapping[str, str] | None = None) -> Block | None:
    """What the rows of a comparison took, and the search for their settings.

    Args:
        titles: of a study's variants by label, in their order.
    """
    data = means(records, ranking, rows=list(titles) if titles else None)
    return replace(laid_out(data, BELOW, titles), notes=held_up(records, titles)) if len(data) else None


def laid_out(data: pd.DataFrame, columns: Sequence[str], titles: Mapping[str, str] | None = None) -> Block:
    lines, kind = [], "Variant" if titles else "Model"
    for run in data.to_dict("records"):
        names = [Cell(heading((run["dataset"], run["features"]))), Cell((titles or {}).get(run["model"], run["model"]))]
        values = [Cell(number(run[column], NUMBERS[column][1])) for column in columns]
        is_of = {} if titles else {"model": run["model"]}
        place = about((run["dataset"], run["features"]), **is_of)
        lines.append(Line(names + values, about=place, keys=run["keys"]))
    names = [Column("Data set", "name"), Column(kind, "name")]
    return Block(columns=[*names, *(NUMBERS[column][0] for column in columns)], lines=lines)


def machines(records: pd.DataFrame) -> Note:
    """On what the runs were timed: times of different machines, or numbers of threads, do not compare."""
    counts = records.groupby(["device", "threads"]).size()
    some = [
        f"{device or 'not recorded'}{', ' + counted(int(threads), 'thread') if threads else ''}: {n}"
        for (device, threads), n in counts.items()
    ]
    return Note(f"Machines, with their number of runs: {'; '.join(some)}.")


def held_up(records: pd.DataFrame, titles: Mapping[str, str] | None = None) -> list[Note]:
    """The runs whose training seconds are in good part not their own; ``titles`` as ``block`` has them."""
    share = records["seconds.held_up"] / records["seconds.train"]
    shown = records["row"].replace(dict(titles or {}))
    some = records.assign(share=share, shown=shown)[share >= HELD_UP_SHARE]
    if not len(some):
        return []
    said = "; ".join(
        f"{run.shown} on {heading((run.dataset, run.features))}, seed {run.seed} ({run.share:.0%})"
        for run in some.itertuples()
    )
    text = f"Held up while they trained, by a pause or by other work on the machine, for a share of train s: {said}. "
    rule = f"The time between two evaluations counts if its epochs took more than {HELD_UP} times the run's median."
    return [Note(text + rule, is_warning=True)]


def table(data: pd.DataFrame, notes: list[Note], said: dict[str, Any]) -> Table:
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
        **said,
    )


def figure(data: pd.DataFrame, notes: list[Note], said: dict[str, Any]) -> Figure:
    is_trained = data["epochs"] > 0
    texts = [
        "Higher is better and further left is cheaper; the time axis is logarithmic. Points are means over the seeds."
    ]
    if not is_trained.all():
        others = ", ".join(sorted(set(data[~is_trained]["model"])))
        texts.append(f"Not shown, because they are fitted without training: {others}.")
    return Figure(
        kind="cost-figure",
        what="Quality against training time",
        notes=[*map(Note, texts), *notes],
        data=data.loc[is_trained, [*BLOCK, "model", QUALITY, "seconds.train", "keys"]],
        plot="cost",
        **said,
    )
