"""Whether records were made under equal conditions, so that their values may be compared."""

import pandas as pd

from bench.report.model import Note
from bench.report.rows import order

UNEQUAL = "‡"  # beside a verdict on rows that were not made under equal conditions
EQUAL = {  # must not vary among rows that are compared
    "protocol_version": "protocol version",
    "engine": "engine version",
    "budget_epochs": "epochs allowed",
    "patience": "evaluations without gain before training stops",
    "candidate_hash": "candidates",
    "tuning.trials": "trials of a search",
}


def marked(text: str, differs: str | bool) -> str:
    """``text`` with the mark of unequal conditions, where something ``differs``."""
    return f"{text} {UNEQUAL}" if differs else text


def unequal(records: pd.DataFrame, ranking: str = "") -> list[str]:
    """In what finished records of one data set differ that must not; with ``ranking``, also in what chose the epoch of
    its values."""
    done = records[records["status"] == "done"]
    columns = EQUAL | ({f"chosen_by.{ranking}": "the ranking that chose the epoch"} if ranking else {})
    return [what for column, what in columns.items() if done[column].dropna().nunique() > 1]


def mixture(records: pd.DataFrame, name: str) -> list[Note]:
    """A warning where the records of ``name`` were not made under equal conditions, with the rows unlike most."""
    done, said = records[records["status"] == "done"], unequal(records)
    texts = [f"Not comparable: the records of {name} differ in {', '.join(said)}{minority(done)}."] if said else []
    sources = done.groupby("row")["source"].nunique()
    changed = ", ".join(sources.index[sources > 1])
    texts += [f"Not comparable: the code of {changed} changed between records of {name}."] if changed else []
    return [Note(text, is_warning=True) for text in texts]


def minority(done: pd.DataFrame) -> str:
    """The rows of which most records of the block differ, in brackets; nothing where no value is the commonest."""
    odd = set()
    for column in EQUAL:
        commonest = done[column].mode()
        if len(commonest) == 1:
            odd |= set(done.loc[done[column].notna() & (done[column] != commonest[0]), "row"])
    return f" (unlike most: {', '.join(order(odd))})" if odd else ""
