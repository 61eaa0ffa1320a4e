"""Does content matter? NDCG@10 with the real content, with that of other items, with noise, and with none."""

import math

import pandas as pd

from bench.report.conditions import mixture
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE, Place, cells
from bench.report.model import Block, Cell, Column, Line, Question, Table, number
from bench.report.prose import seed_notes
from bench.report.rows import BLOCK, about, blocks, heading, order, seeds_of
from bench.report.sections.comparison import mean_text
from bench.spec import KNOCKOUTS, RANKINGS

METRIC = "ndcg@10"
PAIR = ["real", "shuffled"]  # the content of the two values whose difference is the gain
CAPTION = (
    "N@10 with real content, with rows shuffled among the items (no item keeps its own), with noise of the "
    "same norm, and without content. The gain is the value with real content minus that with shuffled rows, over the "
    "seeds that have both; gain % is in percent of the latter."
)
CSV = [*BLOCK, "row", "variant", "mean", "std", "n_seeds", "note", "keys", "gain", "gain_percent"]


def pages(evidence: Evidence) -> list[Table]:
    """Return a table for each protocol, budget and ranking that has a knock-out."""
    found = []
    for (protocol, budget), records in evidence.frame.groupby(TABLE[:2]):
        knocked = records[records["is_knocked_out"]]
        bases = blocks(knocked.assign(features=knocked["base"]))
        parts = [family(records, *base) for base in bases]
        titles = [f"{heading(base)} and its knock-outs" for base in bases]
        # The content differs on purpose; ``mixture`` compares the other conditions.
        warnings = [note for part, title in zip(parts, titles, strict=True) for note in mixture(part, title)]
        for ranking in RANKINGS if parts else ():
            data = pd.concat([with_gains(variants(part, ranking), part, ranking) for part in parts], ignore_index=True)
            page = Table(
                question=Question.CONTENT,
                kind="knockouts",
                what="Modality knock-outs",
                caption=CAPTION,
                blocks=[block(lines) for _, lines in data.groupby(BLOCK, sort=False)],
                notes=[*seed_notes(data), *warnings],
                data=data[CSV],
                protocol=protocol,
                budget=budget,
                ranking=ranking,
            )
            found.append(page)
    return found


def family(records: pd.DataFrame, dataset: str, base: str) -> pd.DataFrame:
    """Return the records of ``base``, of its knock-outs, and of runs without content, which every base shares.

    Rows that were run with real content only are left out. ``features`` is the base in all of them; ``content`` tells
    the variants apart.
    """
    is_related = (records["base"] == base) | (records["features"] == "none")
    related = records[(records["dataset"] == dataset) & is_related].assign(features=base)
    return related[related["row"].isin(related.loc[related["content"] != "real", "row"])]


def variants(part: pd.DataFrame, ranking: str) -> pd.DataFrame:
    """Return one line per model and variant of its content, unrounded."""
    seeds, kinds = seeds_of(part), [*KNOCKOUTS, *sorted(set(part["content"]) - set(KNOCKOUTS))]
    names, places = part[BLOCK].iloc[0].to_dict(), []
    for row in order(part["row"]):
        for kind in kinds:
            runs = part[(part["row"] == row) & (part["content"] == kind)]
            places.append(Place({**names, "row": row, "variant": kind}, runs, seeds))
    return cells(places, {f"{ranking}.{METRIC}": METRIC})


def with_gains(data: pd.DataFrame, part: pd.DataFrame, ranking: str) -> pd.DataFrame:
    """Return ``data``, the lines of ``variants``, with each model's gain over its value with shuffled content, absolute
    and in percent, both over the seeds that have the two values: a seed alone may move a value by more."""
    runs = part.assign(value=part.reindex(columns=[f"{ranking}.{METRIC}"]).to_numpy(dtype=float))
    runs = runs[runs["content"].isin(PAIR)].pivot(index=["row", "seed"], columns="content", values="value")
    means = runs.reindex(columns=PAIR).dropna().groupby("row").mean().round(12)  # as in ``cells``
    gain = means["real"] - means["shuffled"]
    percent = 100 * gain / means["shuffled"].where(means["shuffled"] > 0)
    return data.assign(gain=data["row"].map(gain), gain_percent=data["row"].map(percent))


def block(data: pd.DataFrame) -> Block:
    """Lay out the lines of one data set and base."""
    lines = []
    for row, values in data.groupby("row", sort=False):
        cells = [Cell(row), *(Cell(mean_text(value), note=value["note"]) for value in values.to_dict("records"))]
        gain, percent = values[["gain", "gain_percent"]].iloc[0]
        why = "needs the values with real and with shuffled content of one seed" if math.isnan(gain) else ""
        cells += [Cell(number(gain, "+.4f"), note=why), Cell(number(percent, "+.1f"), note=why)]
        lines.append(Line(cells, about={"model": row}, keys=" ".join(filter(None, values["keys"]))))
    kinds = [Column(kind, term=kind if kind in KNOCKOUTS else "content") for kind in dict.fromkeys(data["variant"])]
    columns = [Column("Model", "name"), *kinds, Column("gain"), Column("gain %")]
    where = tuple(data[BLOCK].iloc[0])
    return Block(title=heading(where), about=about(where), columns=columns, lines=lines)
