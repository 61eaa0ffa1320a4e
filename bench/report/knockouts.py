"""Does content matter? NDCG@10 with the real content, with that of other items, with noise, and with none."""

import itertools
import math

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.layout import Block, Cell, Table, number
from bench.report.paper import heading
from bench.report.prose import mixture
from bench.report.summary import BLOCK, NO_RUN, blocks, leaderboard, order, seeds_of, standing, why_empty
from bench.report.tables import mean_text
from bench.spec import KNOCKOUTS, RANKINGS, is_knocked_out

METRIC = "ndcg@10"
CAPTION = (
    "N@10 with real content, with rows shuffled among the items (no item keeps its own), with noise of the "
    "same norm, and without content. Gain: real less shuffled; in % of shuffled."
)


def contents(evidence: Evidence) -> list[Table]:
    return tables(evidence.frame)


def tables(frame: pd.DataFrame) -> list[Table]:
    """A table for each protocol, budget and ranking that has a knock-out."""
    records, found = standing(frame), []
    if not records["features"].map(is_knocked_out).any():
        return []
    for _, group in records.groupby(["protocol", "budget"]):
        if group["features"].map(is_knocked_out).any():
            found += [knockouts(group, ranking) for ranking in RANKINGS]
    return found


def knockouts(records: pd.DataFrame, ranking: str) -> Table:
    """The table of one protocol, budget and ranking."""
    protocol, budget = records[["protocol", "budget"]].iloc[0]
    parts = [family(records, *base) for base in bases(records)]
    data = pd.concat([cells(part, ranking) for part in parts], ignore_index=True)
    return Table(
        name=f"knockouts-{protocol}-{budget}-{ranking}",
        title=f"Modality knock-outs (protocol {protocol}, budget {budget}, {ranking} ranking)",
        caption=CAPTION,
        blocks=[block(lines) for _, lines in data.groupby(BLOCK, sort=False)],
        notes=[note for part in parts for note in notes(part)],
        keys=sorted({key for part in parts for key in part["key"]}),
        data=data,
        ranking=ranking,
    )


def bases(records: pd.DataFrame) -> list[tuple[str, str]]:
    """(data set, base) of every knock-out."""
    knocked = records[records["features"].map(is_knocked_out)]
    return blocks(knocked.assign(features=knocked["features"].str.partition(",")[0]))


def family(records: pd.DataFrame, dataset: str, base: str) -> pd.DataFrame:
    """The records of ``base`` and of its knock-outs, and those without content, which every base shares.

    Their ``features`` are the base; what it was made into is in a column ``variant``.
    """
    first, _, words = records["features"].str.partition(",").to_numpy().T
    variant = pd.Series(words, index=records.index).where(records["features"] != "none", "none").replace("", "real")
    is_own = (records["dataset"] == dataset) & ((first == base) | (records["features"] == "none"))
    return records.assign(variant=variant, features=base)[is_own]


def cells(part: pd.DataFrame, ranking: str) -> pd.DataFrame:
    """One line a cell, unrounded: a model under a variant; the gain, absolute and in percent, is the model's."""
    metric, seeds, lines = f"{ranking}.{METRIC}", seeds_of(part), []
    variants = [*KNOCKOUTS, *sorted(set(part["variant"]) - set(KNOCKOUTS))]
    boards = {v: leaderboard(part[part["variant"] == v], [metric], len(seeds)).droplevel(BLOCK) for v in variants}
    boards = {variant: board.to_dict("index") for variant, board in boards.items()}
    for row, variant in itertools.product(order(list(part["row"])), variants):
        own = part[(part["row"] == row) & (part["variant"] == variant)]
        cell = boards[variant].get((metric, row), NO_RUN)
        lines.append(
            {
                **dict(zip(BLOCK, part[BLOCK].iloc[0], strict=True)),
                "row": row,
                "variant": variant,
                "mean": cell["mean"],
                "std": cell["std"],
                "n_seeds": int(cell["count"]),
                "note": why_empty(own, metric, seeds) if math.isnan(cell["mean"]) else "",
                "keys": " ".join(own["key"]),
            }
        )
    data = pd.DataFrame(lines)
    means = data.pivot(index="row", columns="variant", values="mean")
    gain = means["real"] - means["shuffled"]
    data["gain"] = data["row"].map(gain)
    data["gain_percent"] = data["row"].map(100 * gain / means["shuffled"].where(means["shuffled"] > 0))
    return data


def block(data: pd.DataFrame) -> Block:
    """The lines of one data set and base."""
    lines = []
    for row, own in data.groupby("row", sort=False):
        shown = [Cell(mean_text(cell), note=cell["note"]) for cell in own.to_dict("records")]
        gain, percent = own[["gain", "gain_percent"]].iloc[0]
        why = "" if not math.isnan(gain) else "needs the values with real and with shuffled content"
        lines.append([Cell(row), *shown, Cell(number(gain, "+.4f"), note=why), Cell(number(percent, "+.1f"), note=why)])
    header = ["Model", *dict.fromkeys(data["variant"]), "gain", "gain %"]
    return Block(title=heading(tuple(data[BLOCK].iloc[0])), header=header, lines=lines)


def notes(part: pd.DataFrame) -> list[str]:
    """A warning where these records were made under unequal conditions; the content is to differ."""
    return mixture(part.assign(data_hash=""), f"{heading(tuple(part[BLOCK].iloc[0]))} and its knock-outs")
