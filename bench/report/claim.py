"""Does MCLN take out what it says it takes out? What occlusion found on the sets whose irrelevant content is known."""

import itertools
import math
from typing import Any

import pandas as pd

from bench.report.evidence import Evidence
from bench.report.layout import Block, Cell, Figure, Page, Table, number
from bench.report.paper import FLOORS, OURS, STUDIED, heading
from bench.report.summary import BLOCK, NO_RUN, blocks, in_block, leaderboard, order, seeds_of, standing, why_empty
from bench.spec import is_knocked_out

BASE, CONTENT = f"{STUDIED} (modalities=none, use_cl=False)", f"{STUDIED} (use_cl=False)"  # of the paper's Table 3
FIRST = (BASE, CONTENT, STUDIED, f"{STUDIED}:paper", OURS, "VBPR")
CHANGE = {part: f"occlusion.{part}.score_change" for part in ("irrelevant", "relevant")}
RATIO, SLOPE = "occlusion.ratio", "gradient.irrelevant"
MEASURES = {  # fact to (heading, format)
    "sampled.ndcg@10": ("N@10", ".4f"),
    CHANGE["irrelevant"]: ("score: irr.", ".3f"),
    CHANGE["relevant"]: ("score: rel.", ".3f"),
    RATIO: ("irr. / rel.", ".3f"),
    "occlusion.irrelevant.rank_changed": ("other rank: irr.", ".1%"),
    "occlusion.relevant.rank_changed": ("other rank: rel.", ".1%"),
    "occlusion.irrelevant.rank_change": ("places: irr.", ".2f"),
    "occlusion.relevant.rank_change": ("places: rel.", ".2f"),
    "occlusion.irrelevant.ndcg@10_change": ("N@10: irr.", "+.4f"),
    "occlusion.relevant.ndcg@10_change": ("N@10: rel.", "+.4f"),
    SLOPE: ("slope: irr. / all", ".3f"),
}
CAPTION = (
    "A trained model's scores after items are given one another's preference-irrelevant (irr.) content, and after they "
    "are given one another's preference-relevant (rel.) content. Score: mean change over the scores' standard "
    "deviation within a case; irr. / rel. is what a method that removes irrelevant content brings to 0. Other rank: "
    "share of the test items; places: mean change of the rank; N@10: its change. Slope: norm of the score's gradient "
    "in the irrelevant columns over that in all columns."
)
NOTES = [
    "The simulated irrelevant columns are twice as strong, and as many: a linear map drawn at random has irr. / rel. "
    "1.84 and slope 0.707.",
    "Base reads no content, so nothing changes by construction; what training itself learnt from content is kept.",
]


def contents(evidence: Evidence) -> list[Page]:
    """A table and a figure for each protocol and budget with a record that knows."""
    records, found = standing(evidence.frame), []
    if CHANGE["irrelevant"] not in records:
        return []
    for (protocol, budget), group in records.groupby(["protocol", "budget"]):
        where = f"protocol {protocol}, budget {budget}"
        parts = [part for part in map(lambda block: in_block(group, block), blocks(group)) if is_known(part)]
        if parts:
            data = pd.concat([cells(part) for part in parts], ignore_index=True)
            keys = sorted(key for part in parts for key in part["key"])
            found += [table(data, keys, f"claim-{protocol}-{budget}", where)]
            found += [figure(data, keys, f"figure-claim-{protocol}-{budget}", where)]
    return found


def is_known(part: pd.DataFrame) -> bool:
    """Whether a (data set, features) has planted content, and something was measured."""
    return bool(part[CHANGE["irrelevant"]].notna().any()) and not is_knocked_out(part["features"].iloc[0])


def cells(part: pd.DataFrame) -> pd.DataFrame:
    """One line a model and measure, unrounded; ``part`` holds the records of one data set and features."""
    seeds, lines = seeds_of(part), []
    board = leaderboard(part, list(MEASURES), len(seeds)).droplevel(BLOCK).to_dict("index")
    rows = order(list(set(part["row"]) - set(FLOORS)))
    for row, measure in itertools.product(sorted(rows, key=place), MEASURES):
        own, cell = part[part["row"] == row], board.get((measure, row), NO_RUN)
        lines.append(
            {
                **dict(zip(BLOCK, part[BLOCK].iloc[0], strict=True)),
                "row": row,
                "name": named(row, part),
                "measure": measure,
                "mean": cell["mean"],
                "std": cell["std"],
                "n_seeds": int(cell["count"]),
                "note": why(own, measure, seeds) if math.isnan(cell["mean"]) else "",
                "keys": " ".join(own["key"]),
            }
        )
    return pd.DataFrame(lines)


def named(row: str, part: pd.DataFrame) -> str:
    """``row`` with its name in the paper's Table 3, where it has one: Base, Base+V+T, Base+V on data without texts."""
    modalities = part["modalities"].dropna()
    letters = [name[0].upper() for name in modalities.iloc[0].split(", ")] if len(modalities) else ["V", "T"]
    label = {BASE: "Base", CONTENT: "+".join(["Base", *letters])}.get(row)
    return f"{label}: {row}" if label else row


def place(row: str) -> int:
    return FIRST.index(row) if row in FIRST else len(FIRST)


def why(runs: pd.DataFrame, measure: str, seeds: list[int]) -> str:
    """The reason of an empty cell."""
    if measure == RATIO and (runs[CHANGE["relevant"]] == 0).any():
        return "no score changes with the relevant content"
    if measure == SLOPE and "gradient.reason" in runs and runs["gradient.reason"].notna().any():
        return runs["gradient.reason"].dropna().iloc[0]
    return why_empty(runs, measure, seeds)


def table(data: pd.DataFrame, keys: list[str], name: str, where: str) -> Table:
    return Table(
        name=name,
        title=f"What irrelevant content decides ({where})",
        caption=CAPTION,
        blocks=[block(lines) for _, lines in data.groupby(BLOCK, sort=False)],
        notes=NOTES,
        keys=keys,
        data=data,
        ranking="sampled",
    )


def block(data: pd.DataFrame) -> Block:
    lines = []
    for name, own in data.groupby("name", sort=False):
        line = [Cell(name)]
        for measure, mean, note in own[["measure", "mean", "note"]].itertuples(index=False):
            line.append(Cell(number(mean, MEASURES[measure][1]), note=note))
        lines.append(line)
    header = ["Model", *(shown for shown, _ in MEASURES.values())]
    return Block(title=heading(tuple(data[BLOCK].iloc[0])), header=header, lines=lines)


def figure(data: pd.DataFrame, keys: list[str], name: str, where: str) -> Figure:
    return Figure(
        name=name,
        title=f"Score changes by irrelevant and by relevant content ({where})",
        caption=CAPTION,
        notes=NOTES,
        keys=keys,
        data=data[data["measure"].isin(list(CHANGE.values()))].reset_index(drop=True),
        draw=draw,
    )


def draw(data: pd.DataFrame) -> Any:
    """A bar each for irrelevant and relevant content, a group of bars a model, a panel a data set."""
    from matplotlib.figure import Figure as Canvas  # seconds to import, and no table needs it

    parts = list(data.groupby(BLOCK, sort=False))
    n_rows = sum(part["name"].nunique() for _, part in parts)
    canvas = Canvas(figsize=(7, 1 + 0.5 * len(parts) + 0.5 * n_rows), layout="constrained")
    for panel, (block_name, part) in zip(canvas.subplots(len(parts), squeeze=False)[:, 0], parts, strict=True):
        names = list(dict.fromkeys(part["name"]))[::-1]  # the first stands on top
        for offset, (kind, measure) in zip((0.2, -0.2), CHANGE.items(), strict=True):
            values = part[part["measure"] == measure].set_index("name")["mean"].reindex(names)
            panel.barh([n + offset for n in range(len(names))], values, height=0.4, label=f"{kind} content")
        panel.set_yticks(range(len(names)), names)
        panel.set(title=heading(block_name), xlabel="mean score change / standard deviation of the scores")
        panel.legend()
    return canvas
