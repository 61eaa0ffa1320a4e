"""The events of a job, which the job's process, the executor, the pool and the listeners pass on to one another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bench.run.plan import PlannedJob

ELSEWHERE = "another run is working on it; waiting for that run"  # a job's stage before it begins


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to a job; only the fields that it is about are filled."""

    state: Literal["done", "skipped", "failed", "stopped"] | None = None  # at its end, for this run at least
    reason: str = ""  # why it was skipped, failed or stopped
    device: str = ""  # sent once the job has its slot, and again if it is tried a second time
    stage: str = ""  # what its process is doing outside the epochs
    epoch: int = 0  # the one that ended
    of: int = 0  # epochs at most
    value: float | None = None  # of the metric that selects the epoch, if the epoch was evaluated
    fatal: str = ""  # why no record can be written, which ends the whole run


Listener = Callable[[PlannedJob, Event], None]
