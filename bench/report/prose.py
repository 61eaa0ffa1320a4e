"""What a table says about itself: protocol, ranking, budget, features, seeds, and the notes below it."""

import pandas as pd

from bench.report.paper import BASELINES, DATASETS, heading
from bench.report.summary import EQUAL, blocks, in_block, is_baseline, seeds_of

SELECTORS = {"test": "the TEST set", "valid": "the validation set"}


def caption(records: pd.DataFrame, ranking: str = "") -> str:
    """``records``: the standing ones of one protocol and budget; without ``ranking`` it says nothing of one."""
    protocol, budget, select_on, n = records[["protocol", "budget", "select_on", "n_candidates"]].iloc[0]
    how = sorted(records["selected_by"].dropna().unique())
    against = f"{n} sampled candidates" if ranking == "sampled" else "all items but the user's known ones"
    said = (
        f"Protocol {protocol}: the epoch is chosen on {SELECTORS[select_on]}",
        f"({'; '.join(how)})." if how else "(no finished record).",
        f"Ranking {ranking}: the test item against {against}." if ranking else "",
        f"Budget {budget}.",
        f"Features: {', '.join(map(heading, blocks(records)))}.",
        f"Seeds: {seeds(records)}.",
    )
    return " ".join(filter(None, said))


def seeds(records: pd.DataFrame) -> str:
    """The seeds of all data sets, or of each where they differ."""
    found = {block: ", ".join(map(str, seeds_of(in_block(records, block)))) for block in blocks(records)}
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    return "; ".join(f"{heading(block)} {s}" for block, s in found.items())


def notes(
    records: pd.DataFrame, data: pd.DataFrame, ranking: str, *, is_compared: bool = True, is_improved: bool = True
) -> list[str]:
    """The notes without a number.

    Args:
        data: the long form that the table shows.
        is_compared: the table has the paper's values where its data sets are.
        is_improved: it has a line of %Imp.
    """
    said = [
        "H@k is HR@k (equal to Recall@k, as a case has one test item), N@k is NDCG@k.",
        "Best value bold, second underlined, by unrounded value within a data set.",
    ]
    if is_improved:
        said.append(
            f"%Imp.: MCLN over the best of the paper baselines with a value: {seen(data)} (of {len(BASELINES)})."
        )
    if (data["n_seeds"] > 1).any():
        said.append("Mean ± sample standard deviation over the seeds.")
    if records["is_candidate_dependent"].any():
        said.append("† A score depends on the other candidates, not on user and item alone.")
    said += selections(records) + tuning_notes(records)
    said += paper_notes(records, data, ranking) if is_compared else []
    for block in blocks(records):
        said += mixture(in_block(records, block), heading(block))
    n_older = int(records["superseded"].sum())
    if n_older:
        said.append(f"The newest record of each cell and seed stands; superseded records: {n_older}.")
    return said


def seen(data: pd.DataFrame) -> str:
    """How many of the paper's baselines have a value, in each data set where they differ."""
    known = data["mean"].notna() & data["row"].map(is_baseline)
    counts = {block: in_block(data[known], block)["row"].nunique() for block in blocks(data)}
    if len(set(counts.values())) == 1:
        return str(next(iter(counts.values())))
    return ", ".join(f"{heading(block)} {n}" for block, n in counts.items())


def selections(records: pd.DataFrame) -> list[str]:
    """Rows whose epoch another ranking chose than that of the most; it favours them where it is the one shown."""
    ranking = records["selected_by"].map(lambda how: how.partition(",")[0], na_action="ignore")  # not how often
    rows = records.groupby(ranking)["row"].unique()
    most = max(rows.index, key=lambda how: len(rows[how]), default="")
    others = [how for how in rows.index if how != most]
    return [f"Epoch chosen by {how}: {', '.join(rows[how])}; by {most}: all other rows." for how in others]


def tuning_notes(records: pd.DataFrame) -> list[str]:
    """Where settings that a search found come from."""
    searches = sorted(set(records[["tuning.protocol", "tuning.budget"]].dropna().itertuples(index=False, name=None)))
    where = "; ".join(f"protocol {protocol}, budget {budget}" for protocol, budget in searches)
    return [f"(tuned): settings found on the validation set alone ({where}); cost of it below."] if where else []


def paper_notes(records: pd.DataFrame, data: pd.DataFrame, ranking: str) -> list[str]:
    """How the paper's numbers stand beside ours, where its data sets do."""
    ours = data[data["dataset"].isin(list(DATASETS))]
    if ours.empty:
        return []
    if ranking != "sampled":
        return ["The paper ranked 99 sampled candidates, so none of its values stand here."]
    said = ["diff. is ours minus the paper's."]
    if ours["paper"].isna().any():
        said.append("— under paper: the paper's value is not in bench/report/paper.csv.")
    if records["select_on"].iloc[0] != "test":
        said.append("The paper's values were measured under its own protocol, not under this one.")
    return said


def mixture(records: pd.DataFrame, name: str) -> list[str]:
    """A warning where the records of ``name`` were not made under equal conditions."""
    done = records[records["status"] == "done"]
    differing = [what for column, what in EQUAL.items() if done[column].dropna().nunique() > 1]
    said = [f"Not comparable: the records of {name} differ in {', '.join(differing)}."] if differing else []
    sources = done.groupby("row")["source"].nunique()
    changed = ", ".join(sources.index[sources > 1])
    return [*said, f"Not comparable: the code of {changed} changed between records of {name}."] if changed else said
