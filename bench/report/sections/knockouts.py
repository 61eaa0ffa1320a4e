"""Does content matter? NDCG@10 with the real content, with that of other items, with noise, and with none."""

import math

import pandas as pd

from bench.report.conditions import mixture
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE, Place, cells
from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.prose import seed_notes
from bench.report.rows import BLOCK, about, blocks, heading, order, seeds_of
from bench.report.sections.comparison import mean_text
from bench.spec import KNOCKOUTS, RANKINGS

METRIC = "ndcg@10"
CAPTION = (
    "N@10 with real content, with rows shuffled among the items (no item keeps its own), with noise of the "
    "same norm, and without content. The gain is the value with real content minus that with shuffled rows; gain % is "
    "in percent of the latter."
)
CSV = [*BLOCK, "row", "variant", "mean", "std", "n_seeds", "note", "keys", "gain", "gain_percent"]


def pages(evidence: Evidence) -> list[Table]:
    """A table for each protocol, budget and ranking that has a knock-out."""
    found = []
    for (protocol, budget), records in evidence.frame.groupby(TABLE[:2]):
        knocked = records[records["is_knocked_out"]]
        parts = [family(records, *base) for base in blocks(knocked.assign(features=knocked["base"]))]
        for ranking in RANKINGS if parts else ():
            data = pd.concat([gains(variants(part, ranking)) for part in parts], ignore_index=True)
            page = Table(
                question=Question.CONTENT,
                kind="knockouts",
                what="Modality knock-outs",
                caption=CAPTION,
                blocks=[block(lines) for _, lines in data.groupby(BLOCK, sort=False)],
                notes=[*seed_notes(data), *(note for part in parts for note in notes(part))],
                data=data[CSV],
                protocol=protocol,
                budget=budget,
                ranking=ranking,
            )
            found.append(page)
    return found


def family(records: pd.DataFrame, dataset: str, base: str) -> pd.DataFrame:
    """The records of ``base`` and of its knock-outs, and those without content, which every base shares; those of rows
    that have none of these are left out.

    Their ``features`` are the base; what it was made into is in the column ``content``.
    """
    is_own = (records["dataset"] == dataset) & ((records["base"] == base) | (records["features"] == "none"))
    own = records[is_own].assign(features=base)
    return own[own["row"].isin(own.loc[own["content"] != "real", "row"])]


def variants(part: pd.DataFrame, ranking: str) -> pd.DataFrame:
    """One line per cell, unrounded: a model under a variant of its content."""
    seeds, kinds = seeds_of(part), [*KNOCKOUTS, *sorted(set(part["content"]) - set(KNOCKOUTS))]
    names, places = part[BLOCK].iloc[0].to_dict(), []
    for row in order(part["row"]):
        own = part[part["row"] == row]
        places += [Place({**names, "row": row, "variant": kind}, own[own["content"] == kind], seeds) for kind in kinds]
    return cells(places, {f"{ranking}.{METRIC}": METRIC})


def gains(data: pd.DataFrame) -> pd.DataFrame:
    """``data`` with the gain of each model over shuffled content, absolute and in percent."""
    means = data.pivot(index="row", columns="variant", values="mean")
    gain = means["real"] - means["shuffled"]
    percent = 100 * gain / means["shuffled"].where(means["shuffled"] > 0)
    return data.assign(gain=data["row"].map(gain), gain_percent=data["row"].map(percent))


def block(data: pd.DataFrame) -> Block:
    """The lines of one data set and base."""
    lines = []
    for row, own in data.groupby("row", sort=False):
        shown = [Cell(mean_text(cell), note=cell["note"]) for cell in own.to_dict("records")]
        gain, percent = own[["gain", "gain_percent"]].iloc[0]
        why = "" if not math.isnan(gain) else "needs the values with real and with shuffled content"
        last = [Cell(number(gain, "+.4f"), note=why), Cell(number(percent, "+.1f"), note=why)]
        lines.append(Line([Cell(row), *shown, *last], about={"model": row}, keys=" ".join(filter(None, own["keys"]))))
    kinds = [Column(kind, term=kind if kind in KNOCKOUTS else "content") for kind in dict.fromkeys(data["variant"])]
    columns = [Column("Model", "name"), *kinds, Column("gain"), Column("gain %")]
    where = tuple(data[BLOCK].iloc[0])
    return Block(title=heading(where), about=about(where), columns=columns, lines=lines)


def notes(part: pd.DataFrame) -> list[Note]:
    """A warning where these records were made under unequal conditions; the content is to differ."""
    return mixture(part, f"{heading(tuple(part[BLOCK].iloc[0]))} and its knock-outs")
