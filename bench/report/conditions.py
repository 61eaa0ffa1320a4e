"""Checks whether records were made on the same data and under equal conditions, so that values may be compared."""

from collections.abc import Collection

import pandas as pd

from bench.report.model import Note
from bench.report.rows import BLOCK, blocks, heading, in_block, listed, order
from bench.study import Study, is_same

UNEQUAL = "‡"  # marks a comparison of rows that were not made under equal conditions
TWO_UNLIKE = "The two rows were not made under equal conditions"  # the meaning of the mark
EQUAL = {  # columns that must not vary among rows that are compared, and their names in warnings
    "protocol_version": "protocol version",
    "engine": "engine version",
    "budget_epochs": "epochs allowed",
    "eval_every": "epochs between evaluations",
    "patience": "early-stopping patience",
    "candidate_hash": "candidates",
    "tuning.trials": "trials of a search",
}


def marked(text: str, differs: str | bool) -> str:
    """Return ``text`` with the mark of unequal conditions, where something ``differs``."""
    return f"{text} {UNEQUAL}" if differs else text


def unequal(records: pd.DataFrame, ranking: str = "") -> list[str]:
    """Return the conditions that must be equal but differ among the finished records of one data set; with ``ranking``,
    the choice of the epoch that its values come from is such a condition, too."""
    columns = EQUAL | ({f"chosen_by.{ranking}": "the ranking that chose the epoch"} if ranking else {})
    done = records.loc[records["status"] == "done", [*columns]]
    return [condition for column, condition in columns.items() if done[column].nunique() > 1]


def unlike(records: pd.DataFrame, but: Collection[str]) -> list[str]:
    """Return what differs among the finished records of one model: "code", and the settings other than ``but``.

    A record that lacks a setting agrees with any value of it.
    """
    done = records[records["status"] == "done"]
    values: dict[str, list] = {}
    for settings in done["settings"]:
        for name, value in settings.items():
            values.setdefault(name, []).append(value)
    varying = [name for name, (first, *rest) in values.items() if not all(is_same(first, value) for value in rest)]
    return ["code"] * (done["source"].nunique() > 1) + [name for name in varying if name not in but]


def mixed(records: pd.DataFrame, by: str = "row", but: Collection[str] = ()) -> dict[str, str]:
    """Return what is ``unlike`` among the finished records of each row (or model, with ``by``), where anything is."""
    done = records[records["status"] == "done"]
    differences = {name: ", ".join(unlike(runs, but)) for name, runs in done.groupby(by)}
    return {name: differences[name] for name in order(differences) if differences[name]}


def apart(records: pd.DataFrame, ranking: str) -> str:
    """Return why the two rows of these records are not comparable: the ``unequal`` conditions, and for each row what
    its seeds do not share; empty where they are comparable."""
    within = [f"{what} among the seeds of {row}" for row, what in mixed(records).items()]
    return ", ".join(unequal(records, ranking) + within)


def mixture(records: pd.DataFrame, name: str, study: Study | None = None) -> list[Note]:
    """Return warnings where the records of ``name`` were not made under equal conditions, with the rows unlike most.

    All records of a row must have the same code and settings. In a table of ``study``, all records of a model must,
    except for the settings that the study's variants change.
    """
    done, conditions = records[records["status"] == "done"], unequal(records)
    texts = []
    if conditions:
        texts.append(f"Not comparable: the records of {name} differ in {', '.join(conditions)}{minority(done)}.")
    differences = mixed(records, "of", study.changed) if study else mixed(records)
    within = "; ".join(f"those of {row} differ in {what}" for row, what in differences.items())
    texts += [f"Not comparable: of the records of {name}, {within}."] if within else []
    return [Note(text, is_warning=True) for text in texts]


def mixtures(records: pd.DataFrame, study: Study | None = None) -> list[Note]:
    """Return the warnings of ``mixture`` for each data set, from the records of one protocol and budget."""
    needed = records[[*BLOCK, *EQUAL, "status", "row", "of", "source", "settings"]]  # fewer columns are split faster
    return [note for block in blocks(needed) for note in mixture(in_block(needed, block), heading(block), study)]


def minority(done: pd.DataFrame) -> str:
    """Return words that name the rows unlike most records of the block; empty where no value is the most common."""
    odd = set()
    for column in EQUAL:
        commonest = done[column].mode()
        if len(commonest) == 1:
            odd |= set(done.loc[done[column].notna() & (done[column] != commonest[0]), "row"])
    return f"; the rows that differ from most are {listed(order(odd))}" if odd else ""
