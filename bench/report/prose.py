"""The words of a table: the caption with protocol, ranking, budget, features and seeds, and the notes below it."""

import shlex
from collections.abc import Iterable

import pandas as pd

from bench.report import independent
from bench.report.conditions import mixtures
from bench.report.leaderboard import seen
from bench.report.model import Note
from bench.report.rows import (
    BASELINES,
    BLOCK,
    DATASETS,
    STUDIED,
    baselines_among,
    blocks,
    by_heading,
    heading,
    in_block,
    listed,
    order,
    seeds_of,
)
from bench.spec import DATA_SETS, RANKINGS, SHOWN
from bench.study import Study

SELECTORS = {"test": "the TEST set", "valid": "the validation set"}
DRAWN = {"user": "users", "interaction": "interactions"}
TIED = 0.01  # the least share of cases with ties that a note mentions
APART = ", "  # separates model and variant in a row, where a study has one table for all its models


def caption(records: pd.DataFrame, ranking: str = "") -> str:
    """Return what the ``records`` of one protocol and budget have in common; the ranking is named if given."""
    protocol, budget, select_on, size = records[["protocol", "budget", "select_on", "n_candidates"]].iloc[0]
    how = sorted(f"by {by}, every {f'{n} epochs' if n > 1 else 'epoch'}" for by, n in chosen(records, ranking))
    against = f"{size} sampled candidates" if ranking == "sampled" else "all items but the user's known ones"
    sentences = (
        f"Protocol {protocol}: the epoch is chosen on {SELECTORS[select_on]}",
        f"({'; '.join(how)})." if how else "(no finished record).",
        f"Ranking {ranking}: the test item against {against}." if ranking else "",
        f"Budget {budget}.",
        f"Features: {', '.join(map(heading, blocks(records)))}.",
        f"Seeds: {seeds(records)}.",
    )
    return " ".join(filter(None, sentences))


def chosen(records: pd.DataFrame, ranking: str) -> set[tuple[str, int]]:
    """Return the metrics that chose the epochs behind values of ``ranking``, or of both, each with ``eval_every``."""
    choices = set()
    for column in [f"chosen_by.{name}" for name in ([ranking] if ranking else RANKINGS)]:
        done = records.dropna(subset=[column])
        choices |= set(zip(done[column].map(spoken), done["eval_every"], strict=True))
    return choices


def spoken(chosen_by: str) -> str:
    """Return the metric that chose an epoch in words: "the full N@10" for "valid full.ndcg@10"."""
    ranking, _, metric = chosen_by.split()[-1].partition(".")
    return f"the {ranking} {SHOWN.get(metric, metric)}"


def command(records: pd.DataFrame, rows: Iterable[str], study: Study | None) -> str:
    """Return the command that runs ``rows`` under the same conditions as the ``records`` of one data set.

    A study is run whole, as jobs that have a record are not run again. If a newer data set has taken the name of this
    one, the command is empty.
    """
    if (records["dataset"] != records["folder"]).any():
        return ""
    protocol, budget, dataset, features = records[["protocol", "budget", "dataset", "features"]].iloc[0]
    if study and study.is_for_all:
        models = list(dict.fromkeys(row.rpartition(APART)[0] for row in rows))
    else:
        models = [records["of"].iloc[0]] if study else [*rows]
    flags = {
        "study": [study.name] if study else [],
        "datasets": [dataset if dataset in DATA_SETS else f"path/to/{dataset}"],
        "models": models,
        "protocols": [protocol],
        "budget": [budget],
        "features": [features],
        "seeds": [] if seeds_of(records) == [0] else [str(seed) for seed in seeds_of(records)],
    }
    words = [word for flag, values in flags.items() if values for word in (f"--{flag}", *values)]
    return shlex.join(["python", "run_all.py", *words])


def seeds(records: pd.DataFrame) -> str:
    """Return the seeds of all data sets in words, for each data set where they differ."""
    by_block = {block: ", ".join(map(str, seeds_of(in_block(records, block)))) for block in blocks(records)}
    return by_heading(by_block, "; ")


def notes(
    records: pd.DataFrame,
    data: pd.DataFrame,
    ranking: str,
    *,
    is_compared: bool = True,
    ours: str = "",
    study: Study | None = None,
) -> list[Note]:
    """Return the notes below a table that have no number, each only where the table shows what the note explains.

    The table has the cells ``data``, with the paper's values if ``is_compared``, the %Imp. of the row ``ours`` or the
    variants of ``study``, if any.
    """
    below = []
    if data["metric"].str.startswith(("hr@", "ndcg@")).any():
        below = [Note("H@k is HR@k (equal to Recall@k, as a case has one test item), N@k is NDCG@k.")]
    below.append(Note("The best value of a data set is bold and the second best underlined, judged before rounding."))
    if ours:
        n = len(baselines_among(BASELINES, ours))
        baselines = f"{n} baselines" if n == len(BASELINES) else f"{n} other baselines"
        text = f"%Imp. is the gain of {ours} over the best of the paper's {baselines}; number of them with a value: "
        below.append(Note(f"{text}{seen(data, ours)}."))
    below += seed_notes(data)
    if records["is_candidate_dependent"].any():
        text = "† A score of this model depends on the other candidates, not only on the user and the item."
        below.append(Note(text, is_warning=True))
    drawn = [] if study and "sampling" in study.changed else samplers(records)  # there, the rows name it
    below += [*selections(records, ranking), *drawn, *ties(records, ranking), *tuning_notes(records)]
    below += paper_notes(records, data, ranking, ours) if is_compared else []
    below += mixtures(records, study)
    if n := int(records["superseded"].sum()):
        text = "Each row and seed has one record here: one of the model's present code, or else the newest."
        below.append(Note(f"{text} Other records of these rows and seeds, which this table leaves out: {n}."))
    return below


def seed_notes(data: pd.DataFrame) -> list[Note]:
    """Return the notes that explain ± and (1 of 3), where cells have them."""
    mean = Note("Values are the mean ± the sample standard deviation over the seeds.")
    few = Note("(1 of 3): the row has a value for one of the three seeds with which rows of the data set were run.")
    is_few = data["n_seeds"].between(1, data["n_wanted"] - 1)
    return [mean] * bool((data["n_seeds"] > 1).any()) + [few] * bool(is_few.any())


def selections(records: pd.DataFrame, ranking: str) -> list[Note]:
    """Return a note on the rows whose epoch another ranking chose than for most rows of their data set, which favours
    them where it is the ranking shown."""
    value = f"{ranking}.ndcg@10"
    choices = records[f"chosen_by.{ranking}"].where(records.reindex(columns=[value])[value].notna())
    words = choices.map(spoken, na_action="ignore")
    return exceptions(records, words, "the epoch was chosen by {} for {}, and by {} for {} others")


def samplers(records: pd.DataFrame) -> list[Note]:
    """Return a note on the rows that draw their training steps differently from most rows of their data set."""
    drawn = records["sampling"].where(records["epochs"] > 0).map(DRAWN)
    return exceptions(records, drawn, "a training step draws {} for {}, and {} for {} others")


def exceptions(records: pd.DataFrame, kinds: pd.Series, template: str) -> list[Note]:
    """Return one note for each data set and each kind that is not the most common kind there; ``template`` takes the
    kind, the rows that have it, the most common kind, and whether all other rows have that, or most."""
    texts, all_blocks, runs = [], blocks(records), records[[*BLOCK, "row", "seed"]].assign(kind=kinds)
    for block in all_blocks:
        part = in_block(runs, block)
        rows = part.groupby("kind")["row"].unique()
        most = max(rows.index, key=lambda kind: len(rows[kind]), default="")
        for kind in rows.index.drop(most, errors="ignore"):
            of_kind = part[part["kind"] == kind]
            names = [f"{row} ({with_seeds(of_kind, row)})" if row in rows[most] else row for row in order(rows[kind])]
            text = template.format(kind, listed(names), most, "all" if len(rows) == 2 else "most")
            texts.append(f"In {heading(block)}, {text}" if len(all_blocks) > 1 else text[0].upper() + text[1:])
    return [Note(f"{text}.") for text in texts]


def with_seeds(records: pd.DataFrame, row: str) -> str:
    """Return the seeds of the runs of ``row`` among the records, in words."""
    numbers = seeds_of(records[records["row"] == row])
    return f"seed{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


def ties(records: pd.DataFrame, ranking: str) -> list[Note]:
    """Return a note on the rows that ties keep low, with the share of cases where others have the test item's score."""
    places, runs = [], records[[*BLOCK, "row"]].assign(share=records[f"ties_{ranking}"] / records["n_cases"])
    for block in blocks(records):
        means = in_block(runs, block).groupby("row")["share"].mean()
        tied = [f"{row} {means[row]:.0%}" for row in order(means.index[means >= TIED])]
        places += [f"{heading(block)} {', '.join(tied)}"] if tied else []
    text = "A tie counts against the test item. Share of the cases that have one, where it is at least "
    return [Note(f"{text}{TIED:.0%}: {'; '.join(places)}.")] if places else []


def tuning_notes(records: pd.DataFrame) -> list[Note]:
    """Return a note on the searches that found settings, if there are any."""
    searches = sorted(set(records[["tuning.protocol", "tuning.budget"]].dropna().itertuples(index=False, name=None)))
    where = "; ".join(f"protocol {protocol}, budget {budget}" for protocol, budget in searches)
    return [Note(f"(tuned): a search on the validation set alone found the settings ({where}).")] if where else []


def paper_notes(records: pd.DataFrame, data: pd.DataFrame, ranking: str, ours: str) -> list[Note]:
    """Return the notes on the paper's values beside ours; ``ours`` is the row whose %Imp. the table shows."""
    cells = data[data["dataset"].isin(list(DATASETS))]
    if ranking != "sampled":
        return [Note("The paper ranked 99 sampled candidates, so its values are not shown here.")] * bool(len(cells))
    has = cells["paper"].notna()
    if not has.any():
        return []
    texts = ["diff. is our value minus the paper's."] if cells["difference"].notna().any() else []
    has_column = has.groupby([cells[name] for name in (*BLOCK, "metric")]).transform("any")
    has_line = (has | cells["is_run"]).groupby([cells[name] for name in (*BLOCK, "row")]).transform("any")
    if (~has & has_column & has_line).any():
        texts.append("A dash under paper beside a row: bench/report/paper.csv does not have the paper's value.")
    if records["select_on"].iloc[0] != "test":
        texts.append("The paper's values were measured under its own protocol, not under this one.")
    if ours == STUDIED:
        texts.append("The paper's own %Imp. is shown only where all of the paper's baselines were run.")
    if "independent" in cells and cells["independent"].notna().any():
        texts.append(independent.NOTE)
    return [Note(text) for text in texts]
