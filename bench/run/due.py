"""Decides which of the planned jobs are to run, and brings the records of the others up to date."""

from collections.abc import Sequence
from typing import Any, Literal

from bench.run.plan import PlannedJob
from bench.store.record import Record
from bench.store.store import Store

When = Literal["missing", "failed", "always"]


def is_due(store: Store, planned: PlannedJob, *, when: When) -> bool:
    """Return whether the job is to run: "missing" runs jobs that have no record, failed, or lack weights that are to be
    kept; "failed" runs only those that failed, and "always" all."""
    record = store.find(planned.job)
    if record is None:
        return when != "failed"
    if when == "always" or record.status == "failed":
        return True
    is_of_trial = bool(record.curve) and not record.metrics  # which has the job's key, and no test metrics
    return when == "missing" and (is_of_trial or lacks_weights(store, planned, record))


def lacks_weights(store: Store, planned: PlannedJob, record: Record) -> bool:
    """Return whether the weights that the job is to keep are missing, although ``record`` says that it is done."""
    return planned.keep_weights and record.status == "done" and not store.has_weights(record)


def relabel(planned: Sequence[PlannedJob], store: Store) -> None:
    """Add the facts of the plan to existing records that lack them: the present cost of a search that went on and found
    the same settings again, and the base data of a knock-out whose record is older than that fact."""
    for one in planned:
        if one.facts and lacks_facts(store.find(one.job), one.facts):
            with store.lock(one.job) as is_ours:  # another runner may be making the record anew
                record = store.find(one.job) if is_ours else None
                if lacks_facts(record, one.facts):
                    store.write(record.model_copy(update={"facts": {**record.facts, **one.facts}}))


def lacks_facts(record: Record | None, facts: dict[str, Any]) -> bool:
    """Return whether there is a record and it lacks any of these facts."""
    return record is not None and any(record.facts.get(name) != value for name, value in facts.items())
