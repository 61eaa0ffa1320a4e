"""Whether records were made on the same data and under equal conditions, so that their values may be compared."""

from collections.abc import Collection

import pandas as pd

from bench.report.model import Note
from bench.report.rows import BLOCK, blocks, heading, in_block, order
from bench.study import Study, is_same

UNEQUAL = "‡"  # beside a verdict on rows that were not made under equal conditions
TWO_UNLIKE = "The two rows were not made under equal conditions"  # what it says
EQUAL = {  # must not vary among rows that are compared
    "protocol_version": "protocol version",
    "engine": "engine version",
    "budget_epochs": "epochs allowed",
    "eval_every": "epochs between evaluations",
    "patience": "patience (evaluations without gain before training stops)",
    "candidate_hash": "candidates",
    "tuning.trials": "trials of a search",
}


def marked(text: str, differs: str | bool) -> str:
    """``text`` with the mark of unequal conditions, where something ``differs``."""
    return f"{text} {UNEQUAL}" if differs else text


def unequal(records: pd.DataFrame, ranking: str = "") -> list[str]:
    """In what finished records of one data set differ that must not; with ``ranking``, also in what chose the epoch of
    its values."""
    columns = EQUAL | ({f"chosen_by.{ranking}": "the ranking that chose the epoch"} if ranking else {})
    done = records.loc[records["status"] == "done", [*columns]]
    return [what for column, what in columns.items() if done[column].nunique() > 1]


def unlike(records: pd.DataFrame, but: Collection[str] = ()) -> list[str]:
    """In what finished records of one model differ: its code, and its settings other than ``but``.

    A record that lacks a setting says nothing of it.
    """
    done = records[records["status"] == "done"]
    values: dict[str, list] = {}
    for name, value in (entry for settings in done["settings"] for entry in settings.items()):
        values.setdefault(name, []).append(value)
    differ = [name for name, some in values.items() if not all(is_same(some[0], one) for one in some)]
    return ["code"] * (done["source"].nunique() > 1) + [name for name in differ if name not in but]


def mixture(records: pd.DataFrame, name: str, study: Study | None = None) -> list[Note]:
    """Warnings where the records of ``name`` were not made under equal conditions, with the rows unlike most.

    Those of a row are to have the same code and settings, and in a table of ``study`` those of a model, but for the
    settings that its variants change.
    """
    done, said = records[records["status"] == "done"], unequal(records)
    texts = [f"Not comparable: the records of {name} differ in {', '.join(said)}{minority(done)}."] if said else []
    by, but = ("of", study.changed) if study else ("row", ())
    differ = {one: ", ".join(unlike(own, but)) for one, own in done.groupby(by)}
    within = "; ".join(f"those of {one} differ in {differ[one]}" for one in order(differ) if differ[one])
    texts += [f"Not comparable: of the records of {name}, {within}."] if within else []
    return [Note(text, is_warning=True) for text in texts]


def mixtures(records: pd.DataFrame, study: Study | None = None) -> list[Note]:
    """The warnings of ``mixture``, data set by data set, of records of one protocol and budget."""
    needed = records[[*BLOCK, *EQUAL, "status", "row", "of", "source", "settings"]]  # fewer columns are split faster
    return [note for block in blocks(needed) for note in mixture(in_block(needed, block), heading(block), study)]


def minority(done: pd.DataFrame) -> str:
    """The rows that differ from most records of the block; nothing where no value is the commonest."""
    odd = set()
    for column in EQUAL:
        commonest = done[column].mode()
        if len(commonest) == 1:
            odd |= set(done.loc[done[column].notna() & (done[column] != commonest[0]), "row"])
    return f"; the rows that differ from most are {', '.join(order(odd))}" if odd else ""


def told_apart(rows: pd.DataFrame) -> pd.Series:
    """The names of the data sets; of several under one name, all but the latest have the start of their hash, too.

    A knock-out is of the data that it was made from; where its record does not say (``base_hash``) and there are
    several, it stands alone.
    """
    places = list(zip(rows["dataset"], rows["base"], strict=True))
    hashes = list(zip(rows["is_knocked_out"], rows["base_hash"], rows["data_hash"], strict=True))
    said = [base if is_knocked_out else own for is_knocked_out, base, own in hashes]
    known: dict[tuple[str, str], set[str]] = {place: set() for place in places}
    for place, one in zip(places, said, strict=True):
        known[place] |= {one} if isinstance(one, str) else set()
    made_from = [
        one if isinstance(one, str) else min(known[place]) if len(known[place]) == 1 else own
        for one, place, (_, _, own) in zip(said, places, hashes, strict=True)
    ]
    told = pd.DataFrame({"place": places, "version": made_from, "started": rows["started"].to_numpy()})
    named = told.sort_values(["started", "version"], na_position="first").groupby("place")["version"].last().to_dict()
    names = [
        place[0] if named[place] == one else f"{place[0]}@{one[:8]}"
        for place, one in zip(places, made_from, strict=True)
    ]
    return pd.Series(names, index=rows.index)
