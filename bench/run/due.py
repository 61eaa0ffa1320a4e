"""Which of the planned jobs are to run."""

from typing import Literal

from bench.run.plan import PlannedJob
from bench.store.record import Record
from bench.store.store import Store

When = Literal["missing", "failed", "always"]


def is_due(store: Store, planned: PlannedJob, *, when: When) -> bool:
    """Whether the job is to run: "missing" also reruns what failed, or lacks the weights that are to be kept; "failed"
    reruns nothing but what failed."""
    record = store.find(planned.job, in_full=True)
    if record is None:
        return when != "failed"
    if when == "always" or record.status == "failed":
        return True
    return when == "missing" and lacks_weights(store, planned, record)


def lacks_weights(store: Store, planned: PlannedJob, record: Record) -> bool:
    """Whether the weights that the job is to keep are not there, although ``record`` says that it is done."""
    return planned.keep_weights and record.status == "done" and not store.has_weights(record)
