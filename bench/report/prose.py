"""What a table says about itself: protocol, ranking, budget, features, seeds, and the notes below it."""

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
    heading,
    in_block,
    need,
    order,
    seeds_of,
)
from bench.spec import DATA_SETS, RANKINGS, SHOWN
from bench.study import Study

SELECTORS = {"test": "the TEST set", "valid": "the validation set"}
DRAWN = {"user": "users", "interaction": "interactions"}
TIED = 0.01  # the share of cases with ties from which on they are told
STANDS = "that of the model's present code, or else the newest"
APART = ", "  # between model and variant, where a study has one table for all its models


def caption(records: pd.DataFrame, ranking: str = "") -> str:
    """What the ``records`` of one protocol and budget have in common; without ``ranking`` nothing is said of one."""
    protocol, budget, select_on, size = records[["protocol", "budget", "select_on", "n_candidates"]].iloc[0]
    how = sorted(f"by {by}, every {f'{n} epochs' if n > 1 else 'epoch'}" for by, n in chosen(records, ranking))
    against = f"{size} sampled candidates" if ranking == "sampled" else "all items but the user's known ones"
    said = (
        f"Protocol {protocol}: the epoch is chosen on {SELECTORS[select_on]}",
        f"({'; '.join(how)})." if how else "(no finished record).",
        f"Ranking {ranking}: the test item against {against}." if ranking else "",
        f"Budget {budget}.",
        f"Features: {', '.join(map(heading, blocks(records)))}.",
        f"Seeds: {seeds(records)}.",
    )
    return " ".join(filter(None, said))


def chosen(records: pd.DataFrame, ranking: str) -> set[tuple[str, int]]:
    """By what the epochs were chosen that the values of ``ranking`` (or of both) come from, and how often."""
    found = set()
    for one in [ranking] if ranking else RANKINGS:
        known = records.dropna(subset=[f"chosen_by.{one}"])
        found |= set(zip(known[f"chosen_by.{one}"].map(spoken), known["eval_every"], strict=True))
    return found


def spoken(chosen_by: str) -> str:
    """By what an epoch was chosen, in words: "valid full.ndcg@10" is "the full N@10"."""
    ranking, _, metric = chosen_by.split()[-1].partition(".")
    return f"the {ranking} {SHOWN.get(metric, metric)}"


def command(records: pd.DataFrame, rows: Iterable[str], study: Study | None = None) -> str:
    """What runs ``rows`` as the ``records`` of one data set were run.

    A study is run whole: what stands is not run again. Rows that ``need`` more than a name are left out; if there are
    no others, or another data set has taken the name of this one, nothing is returned.
    """
    if (records["dataset"] != records["folder"]).any():
        return ""
    protocol, budget, dataset, features = records[["protocol", "budget", "dataset", "features"]].iloc[0]
    if study and study.is_for_all:
        models = list(dict.fromkeys(row.rpartition(APART)[0] for row in rows))
    else:
        models = [records["of"].iloc[0]] if study else [row for row in rows if not need(row)]
    flags = {
        "study": [study.name] if study else [],
        "datasets": [dataset if dataset in DATA_SETS else f"path/to/{dataset}"],
        "models": models,
        "protocols": [protocol],
        "budget": [budget],
        "features": [features],
        "seeds": [] if seeds_of(records) == [0] else [str(seed) for seed in seeds_of(records)],
    }
    words = [word for name, some in flags.items() if some for word in (f"--{name}", *some)]
    return shlex.join(["python", "run_all.py", *words]) if models else ""


def seeds(records: pd.DataFrame) -> str:
    """The seeds of all data sets, or of each where they differ."""
    found = {block: ", ".join(map(str, seeds_of(in_block(records, block)))) for block in blocks(records)}
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    return "; ".join(f"{heading(block)} {s}" for block, s in found.items())


def notes(
    records: pd.DataFrame,
    data: pd.DataFrame,
    ranking: str,
    *,
    is_compared: bool = True,
    ours: str = "",
    study: Study | None = None,
) -> list[Note]:
    """The notes without a number, each where the table has what it is about.

    Args:
        data: the long form that the table shows.
        is_compared: the table has the paper's values where its data sets are.
        ours: the row of which it has a line of %Imp., if any.
        study: whose variants it shows, if any.
    """
    said = []
    if data["metric"].str.startswith(("hr@", "ndcg@")).any():
        said.append(Note("H@k is HR@k (equal to Recall@k, as a case has one test item), N@k is NDCG@k."))
    said.append(Note("The best value of a data set is bold and the second best underlined, judged before rounding."))
    if ours:
        n = len(baselines_among(BASELINES, ours))
        others = f"{n} baselines" if n == len(BASELINES) else f"{n} other baselines"
        text = f"%Imp. is the gain of {ours} over the best of the paper's {others}; how many of them have a value: "
        said.append(Note(f"{text}{seen(data, ours)}."))
    said += seed_notes(data)
    if records["is_candidate_dependent"].any():
        text = "† A score of this model depends on the other candidates, not only on the user and the item."
        said.append(Note(text, is_warning=True))
    said += [*selections(records, ranking), *samplers(records), *ties(records, ranking), *tuning_notes(records)]
    said += paper_notes(records, data, ranking, ours) if is_compared else []
    said += mixtures(records, study)
    n = int(records["superseded"].sum())
    return said + [Note(f"One record of each row and seed is used ({STANDS}); superseded records: {n}.")] * bool(n)


def seed_notes(data: pd.DataFrame) -> list[Note]:
    """What ± and (1 of 3) are, where cells have them."""
    mean = Note("Values are the mean ± the sample standard deviation over the seeds.")
    few = Note("(1 of 3): the value comes from one of the three seeds that rows of the data set were run with.")
    is_few = data["n_seeds"].between(1, data["n_wanted"] - 1)
    return [mean] * bool((data["n_seeds"] > 1).any()) + [few] * bool(is_few.any())


def selections(records: pd.DataFrame, ranking: str) -> list[Note]:
    """Rows whose epoch was chosen by another ranking than for most of their data set; it favours them where it is the
    one shown."""
    value = f"{ranking}.ndcg@10"
    choice = records[f"chosen_by.{ranking}"].where(records.reindex(columns=[value])[value].notna())
    return exceptions(
        records, choice.map(spoken, na_action="ignore"), "the epoch was chosen by {} for {}, and by {} for all others"
    )


def samplers(records: pd.DataFrame) -> list[Note]:
    """Which rows draw their training steps otherwise than most of their data set."""
    drawn = records["sampling"].where(records["epochs"] > 0).map(DRAWN)
    return exceptions(records, drawn, "a training step draws {} for {}, and {} for all others")


def exceptions(records: pd.DataFrame, kinds: pd.Series, said: str) -> list[Note]:
    """What is ``said`` of a kind, its rows and the commonest kind: for each kind but the commonest of each data set."""
    found, all_blocks, named = [], blocks(records), records[[*BLOCK, "row", "seed"]].assign(kind=kinds)
    for block in all_blocks:
        part = in_block(named, block)
        rows = part.groupby("kind")["row"].unique()
        most = max(rows.index, key=lambda kind: len(rows[kind]), default="")
        for kind in rows.index.drop(most, errors="ignore"):
            own = part[part["kind"] == kind]
            names = [f"{row} ({with_seeds(own, row)})" if row in rows[most] else row for row in order(rows[kind])]
            text = said.format(kind, ", ".join(names), most)
            where = f"In {heading(block)}, {text}" if len(all_blocks) > 1 else text[0].upper() + text[1:]
            found.append(Note(f"{where}."))
    return found


def with_seeds(records: pd.DataFrame, row: str) -> str:
    """The seeds of the runs of ``row`` among the records."""
    found = seeds_of(records[records["row"] == row])
    return f"seed{'s' * (len(found) > 1)} {', '.join(map(str, found))}"


def ties(records: pd.DataFrame, ranking: str) -> list[Note]:
    """Which rows are kept low by ties: the share of the cases where other candidates have the test item's score."""
    shares = records[f"ties_{ranking}"] / records["n_cases"]
    found, named = [], records[[*BLOCK, "row"]].assign(share=shares)
    for block in blocks(records):
        means = in_block(named, block).groupby("row")["share"].mean()
        tied = [f"{row} {means[row]:.0%}" for row in order(means.index[means >= TIED])]
        found += [f"{heading(block)} {', '.join(tied)}"] if tied else []
    text = "A tie counts against the test item. Share of the cases that have one, where it is at least "
    return [Note(f"{text}{TIED:.0%}: {'; '.join(found)}.")] if found else []


def tuning_notes(records: pd.DataFrame) -> list[Note]:
    """Where settings that a search found come from."""
    searches = sorted(set(records[["tuning.protocol", "tuning.budget"]].dropna().itertuples(index=False, name=None)))
    where = "; ".join(f"protocol {protocol}, budget {budget}" for protocol, budget in searches)
    return [Note(f"(tuned): a search on the validation set alone found the settings ({where}).")] if where else []


def paper_notes(records: pd.DataFrame, data: pd.DataFrame, ranking: str, ours: str) -> list[Note]:
    """What to know of the paper's numbers beside those of ours; ``ours`` is the row of which %Imp. is."""
    own = data[data["dataset"].isin(list(DATASETS))]
    if ranking != "sampled":
        return [Note("The paper ranked 99 sampled candidates, so its values are not shown here.")] * bool(len(own))
    has = own["paper"].notna()
    if not has.any():
        return []
    said = ["diff. is our value minus the paper's."] if own["difference"].notna().any() else []
    columns, rows = ([own[name] for name in (*BLOCK, of)] for of in ("metric", "row"))  # that the table shows
    if (~has & has.groupby(columns).transform("any") & (has | own["is_run"]).groupby(rows).transform("any")).any():
        said.append("A dash under paper beside a row: bench/report/paper.csv does not have the paper's value.")
    if records["select_on"].iloc[0] != "test":
        said.append("The paper's values were measured under its own protocol, not under this one.")
    if ours == STUDIED:
        said.append("The paper's own %Imp. is shown only where all of the paper's baselines were run.")
    if "independent" in own and own["independent"].notna().any():
        said.append(independent.NOTE)
    return [Note(text) for text in said]
