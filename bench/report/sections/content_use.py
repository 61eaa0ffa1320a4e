"""Does MCLN remove irrelevant content, as it claims? Occlusion on data sets whose irrelevant content is known."""

import pandas as pd

from bench.report.conditions import mixtures
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE, Place, cells
from bench.report.model import Block, Cell, Column, Figure, Line, Note, Page, Question, Table, number
from bench.report.rows import BLOCK, FLOORS, ITEMWISE, STUDIED, about, blocks, heading, in_block, order, seeds_of
from bench.spec import SHOWN

FIRST = (STUDIED, f"{STUDIED}:paper", ITEMWISE, "VBPR")
NO_CL = {"use_cl": False}
CHANGE = {part: f"occlusion.{part}.score_change" for part in ("irrelevant", "relevant")}
RATIO, SLOPE = "occlusion.ratio", "gradient.irrelevant"
MEASURES = {  # fact of a record: (its column, the format of its numbers)
    "sampled.ndcg@10": (Column("N@10", metric=SHOWN["ndcg@10"]), ".4f"),
    CHANGE["irrelevant"]: (Column("score: irr."), ".3f"),
    CHANGE["relevant"]: (Column("score: rel."), ".3f"),
    RATIO: (Column("irr. / rel."), ".3f"),
    "occlusion.irrelevant.rank_changed": (Column("other rank: irr."), ".1%"),
    "occlusion.relevant.rank_changed": (Column("other rank: rel."), ".1%"),
    "occlusion.irrelevant.rank_change": (Column("places: irr."), ".2f"),
    "occlusion.relevant.rank_change": (Column("places: rel."), ".2f"),
    "occlusion.irrelevant.ndcg@10_change": (Column("N@10: irr."), "+.4f"),
    "occlusion.relevant.ndcg@10_change": (Column("N@10: rel."), "+.4f"),
    SLOPE: (Column("slope: irr. / all"), ".3f"),
}
CAPTION = (
    "How a trained model's scores change when items swap their preference-irrelevant (irr.) content, and when they "
    "swap their preference-relevant (rel.) content. Score is the mean change in standard deviations of the scores "
    "within a case; a method that removes irrelevant content brings irr. / rel. to 0. Other rank is the share of test "
    "items whose rank changes, places the mean change of the rank, N@10 the change of the metric. Slope is the norm of "
    "the score's gradient in the irrelevant columns over that in all columns."
)
COLUMNS = [Column("Model", "name"), *(column for column, _ in MEASURES.values())]
CSV = [*BLOCK, "row", "name", "measure", "mean", "std", "n_seeds", "note", "keys"]
YARDSTICK = (
    "In the simulated data there are as many irrelevant columns as relevant ones, and the irrelevant ones are twice as "
    "strong: a linear map drawn at random has irr. / rel. 1.84 and slope 0.707."
)
BLIND = "Base reads no content when it scores, so its scores cannot change. What training learnt from content is kept."
MEANS = (
    "Values are means over the seeds of a row, whose number and standard deviations are in the CSV. irr. / rel. is the "
    "mean of the seeds' own ratios, so it may differ from the ratio of the two means beside it."
)


def pages(evidence: Evidence) -> list[Page]:
    """Return a table and a figure for each protocol and budget with a record that has the facts of the occlusion."""
    found, whole = [], evidence.frame[~evidence.frame["is_knocked_out"]]
    for (protocol, budget), group in whole.groupby(TABLE[:2]) if CHANGE["irrelevant"] in whole else ():
        parts = [in_block(group, block) for block in blocks(group[group[CHANGE["irrelevant"]].notna()])]
        if parts:
            data = pd.concat([measured(part) for part in parts], ignore_index=True)
            shared = {"question": Question.CONTENT, "caption": CAPTION, "protocol": protocol, "budget": budget}
            shared["notes"] = [*explained(data), *mixtures(pd.concat(parts))]
            found += [table(data, shared), figure(data, shared)]
    return found


def explained(data: pd.DataFrame) -> list[Note]:
    """Return the notes that the lines of ``measured`` need."""
    texts = {BLIND: data["name"].str.startswith("Base: ").any(), MEANS: (data["n_seeds"] > 1).any()}
    return [Note(YARDSTICK), *(Note(text) for text, is_needed in texts.items() if is_needed)]


def measured(part: pd.DataFrame) -> pd.DataFrame:
    """Return one line per model and measure, unrounded, from the records ``part`` of one data set and features."""
    block, seeds = part[BLOCK].iloc[0].to_dict(), seeds_of(part)
    places = [
        Place({**block, "row": row, "name": name}, part[part["row"] == row], seeds)
        for row, name in names_of(part).items()
    ]
    data = cells(places, {measure: measure for measure in MEASURES}).rename(columns={"metric": "measure"})
    is_still = data["row"].isin(part.loc[part[CHANGE["relevant"]] == 0, "row"]) & (data["measure"] == RATIO)
    data.loc[is_still & data["mean"].isna(), "note"] = "no score changes with the relevant content"
    reasons = part.dropna(subset=["gradient.reason"]).drop_duplicates("row").set_index("row")["gradient.reason"]
    is_flat = data["row"].isin(reasons.index) & (data["measure"] == SLOPE) & data["mean"].isna()
    data.loc[is_flat, "note"] = data.loc[is_flat, "row"].map(reasons)
    return data[CSV]


def names_of(part: pd.DataFrame) -> dict[str, str]:
    """Return the rows in their order, each with its name in the table; a row of the paper's Table 3 is named as there:
    Base, Base+V+T, or Base+V on data without texts."""
    models = part[~part["model"].isin(FLOORS)].drop_duplicates("row").set_index("row")
    modalities = part["modalities"].dropna()
    letters = [name[0].upper() for name in modalities.iloc[0]] if len(modalities) else ["V", "T"]
    names, first = {row: row for row in order(models.index)}, []
    for label, hyper in (("Base", {"modalities": "none", **NO_CL}), ("+".join(["Base", *letters]), NO_CL)):
        for row, of, changed in models[["of", "hyper"]].itertuples(name=None):
            if (of, changed) == (STUDIED, hyper):
                names[row] = f"{label}: {row}"
                first.append(row)
    places = {row: place for place, row in enumerate([*first, *FIRST])}
    return dict(sorted(names.items(), key=lambda entry: places.get(entry[0], len(places))))


def table(data: pd.DataFrame, shared: dict) -> Table:
    """Return the table of all measures; ``shared`` are the attributes that it has in common with the figure."""
    found = []
    for block, part in data.groupby(BLOCK, sort=False):
        lines = [line(name, cells) for name, cells in part.groupby("name", sort=False)]
        found.append(Block(title=heading(block), about=about(block), columns=COLUMNS, lines=lines))
    what = "What irrelevant content decides"
    return Table(kind="content-use", what=what, blocks=found, data=data, ranking="sampled", **shared)


def line(name: str, values: pd.DataFrame) -> Line:
    """Return the line of one model; ``values`` has one line per measure."""
    cells = [Cell(name)]
    for measure, mean, note in values[["measure", "mean", "note"]].itertuples(index=False):
        cells.append(Cell(number(mean, MEASURES[measure][1]), note=note))
    return Line(cells, about={"model": values["row"].iloc[0]}, keys=values["keys"].iloc[0])


def figure(data: pd.DataFrame, shared: dict) -> Figure:
    """Return the figure of the score changes by irrelevant and by relevant content."""
    drawn = data[data["measure"].isin(list(CHANGE.values()))].reset_index(drop=True)
    what = "Score changes by irrelevant and by relevant content"
    return Figure(kind="content-use-figure", what=what, data=drawn, plot="content use", **shared)
