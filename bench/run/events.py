"""The events of a job, which the job's process, the executor, the pool and the listeners pass on to one another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bench.run.plan import PlannedJob

ELSEWHERE = "another run is working on it; waiting for that run"  # a job's stage before it begins


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to a job; only the fields that it is about are filled.

    Attributes:
        state: how the job ended, for this run at least; None while it goes on.
        reason: why it was skipped, failed or stopped.
        device: where the job runs, sent once the job has its slot, and again if it is tried a second time.
        stage: what its process is doing outside the epochs.
        epoch, of: the epoch that ended, and how many there are at most.
        value: the metric that selects the epoch, if the epoch was evaluated.
        fatal: why no record can be written, which ends the whole run.
    """

    state: Literal["done", "skipped", "failed", "stopped"] | None = None
    reason: str = ""
    device: str = ""
    stage: str = ""
    epoch: int = 0
    of: int = 0
    value: float | None = None
    fatal: str = ""


Listener = Callable[[PlannedJob, Event], None]
