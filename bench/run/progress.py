"""Shows the progress of a run: a live table on a terminal, quiet lines elsewhere."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.table import Table

from bench.run.estimates import spell, whole
from bench.run.events import ELSEWHERE, Event
from bench.run.plan import PlannedJob
from bench.spec import Job


@dataclass(kw_only=True)
class Running:
    """A job at work."""

    planned: PlannedJob
    device: str
    since: float  # when it got its device
    estimate: float = math.inf  # seconds of the whole job
    stage: str = "starting"
    best: float | None = None
    first: tuple[int, float] | None = None  # epoch and time of the first report, which after a checkpoint is not of 1
    last: float = 0.0  # time of the last report
    epoch: int = 0
    of: int = 0  # epochs at most

    def hear(self, event: Event, now: float) -> None:
        self.stage = event.stage or self.stage
        if event.epoch:
            self.epoch, self.of, self.last = event.epoch, event.of, now
            self.first = self.first or (self.epoch, now)
            self.stage = f"epoch {self.epoch}/{self.of}"
        if event.value is not None:
            self.best = max(event.value, self.best if self.best is not None else -math.inf)

    def left(self, now: float) -> float:
        """Return the seconds to go: at most those of all epochs at the pace so far, fewer if the estimate is lower."""
        by_epochs = math.inf
        if self.first and self.epoch > self.first[0]:
            pace = (self.last - self.first[1]) / (self.epoch - self.first[0])
            by_epochs = max(0.0, pace * (self.of - self.epoch) - (now - self.last))
        by_estimate = self.estimate - (now - self.since)
        return min(by_epochs, by_estimate) if by_estimate > 0 else by_epochs


class Screen:
    """Hears the events of a ``Pool`` and shows them. ``total`` is how many jobs there will be, where more follow from
    those ``planned``; ``estimate`` returns the seconds that a job will take, infinite where that is not known."""

    def __init__(
        self,
        planned: Sequence[PlannedJob],
        estimate: Callable[[Job], float],
        *,
        total: int | None = None,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.console, self.clock, self.lock = console or Console(), clock, threading.RLock()
        self.total, self.estimate, self.ended = total or len(planned), estimate, 0
        self.waiting = {one.job.key: one.job for one in planned}
        self.running: dict[str, Running] = {}
        self.took: list[tuple[float, PlannedJob]] = []  # seconds of the jobs that ended here
        self.begun, self.most = clock(), 1  # most jobs at a time so far
        live = Live(get_renderable=self.view, console=self.console, refresh_per_second=2, transient=True)
        self.live = live if self.console.is_terminal else None

    def __enter__(self):
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_):
        if self.live:
            self.live.stop()
        if len(self.took) > 1:
            self.say(self.summary())

    def say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def tell(self, planned: PlannedJob, event: Event) -> None:
        """Take in an event of a job; called from many threads."""
        with self.lock:
            key, now = planned.job.key, self.clock()
            if event.device:  # the job has its slot; sent a second time when it is tried again
                self.waiting.pop(key, None)
                estimate = self.estimate(planned.job)
                self.running[key] = Running(planned=planned, device=event.device, since=now, estimate=estimate)
                self.most = max(self.most, len(self.running))
            elif event.state is None:
                if key in self.running:
                    self.running[key].hear(event, now)
                elif event.stage == ELSEWHERE:
                    self.say(f"{planned.title}: {event.stage}")
            else:
                self.waiting.pop(key, None)
                job = self.running.pop(key, None)  # None where another runner did it
                if job and event.state != "stopped":
                    self.took.append((now - job.since, planned))
                reason = f": {event.reason}" if event.reason else ""
                self.ended += 1
                self.say(f"[{self.ended}/{self.total}] {planned.title} {event.state}{reason}")

    def left(self) -> float | None:
        """Return the seconds until all jobs are done, with as many at a time as at most so far; None if not known.

        A job without an estimate counts as the mean of those that are known.
        """
        now = self.clock()
        running = [job.left(now) for job in self.running.values()]
        waiting = [self.estimate(job) for job in self.waiting.values()]
        waiting += [math.inf] * (self.total - self.ended - len(self.running) - len(waiting))
        return whole([*running, *waiting], self.most, like=[seconds for seconds, _ in self.took])

    def view(self) -> Table:
        """Return the table of the jobs at work, whose title says how far the whole run is."""
        with self.lock:
            now, left = self.clock(), self.left()
            title = f"{self.ended} of {self.total}" + ("" if left is None else f", about {spell(left)} left")
            table = Table(title=title, title_justify="left", box=None, pad_edge=False)
            table.add_column("job", no_wrap=True)
            for head in ("device", "at", "best", "so far", "left"):
                table.add_column(head, no_wrap=True, justify="right")
            for job in self.running.values():
                best = "" if job.best is None else f"{job.best:.4f}"
                to_go = job.left(now)
                ends = "" if to_go == math.inf else spell(to_go)
                table.add_row(job.planned.title, job.device, job.stage, best, spell(now - job.since), ends)
            return table

    def summary(self) -> str:
        """Return a line on how the time was spent."""
        total, elapsed = sum(seconds for seconds, _ in self.took), max(self.clock() - self.begun, 1e-9)
        longest, planned = max(self.took, key=lambda pair: pair[0])
        return (
            f"{len(self.took)} jobs ended within {spell(elapsed)} ({spell(total)} of their own time, "
            f"{total / elapsed:.1f} jobs at a time); the longest took {spell(longest)}: {planned.title}"
        )
