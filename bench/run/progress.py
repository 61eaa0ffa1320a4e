"""What a run shows while it runs: a live table on a terminal, quiet lines elsewhere."""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.table import Table

from bench.run.plan import PlannedJob


def name(work: PlannedJob) -> str:
    job = work.job
    return f"{job.dataset} {job.run} {job.features} {job.protocol.name} {job.budget.name} seed {job.seed}"


@dataclass(kw_only=True)
class Running:
    """A job at work.

    Attributes:
        since: when it got its device.
        estimate: seconds that jobs like it took; infinite where none ran before.
        first: (epoch, time) of the first epoch told: not 1 after a checkpoint.
        epoch, of: the last epoch told, of how many at most.
    """

    work: PlannedJob
    device: str
    since: float
    estimate: float = math.inf
    stage: str = "starting"
    best: float | None = None
    first: tuple[int, float] | None = None
    last: float = 0.0
    epoch: int = 0
    of: int = 0

    def hear(self, event: dict, now: float) -> None:
        self.stage = event.get("stage", self.stage)
        if "epoch" in event:
            self.epoch, self.of, self.last = event["epoch"], event["of"], now
            self.first = self.first or (self.epoch, now)
            self.stage = f"epoch {self.epoch}/{self.of}"
        if event.get("value") is not None:
            self.best = max(event["value"], self.best if self.best is not None else -math.inf)

    def left(self, now: float) -> float:
        """Seconds to go: at most those of all epochs at the pace so far, fewer where jobs like it stopped early."""
        by_epochs = math.inf
        if self.first and self.epoch > self.first[0]:
            pace = (self.last - self.first[1]) / (self.epoch - self.first[0])
            by_epochs = max(0.0, pace * (self.of - self.epoch) - (now - self.last))
        by_others = self.estimate - (now - self.since)
        return min(by_epochs, by_others) if by_others > 0 else by_epochs


class Screen:
    """Hears the events of a ``Pool`` and shows them.

    Args:
        works: all that is to run, as far as it is known.
        estimates: seconds by key, infinite where not known.
        total: how many jobs there will be, where others follow from ``works``.
    """

    def __init__(
        self,
        works: Sequence[PlannedJob],
        estimates: Mapping[str, float],
        *,
        total: int | None = None,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.console, self.clock, self.lock = console or Console(), clock, threading.RLock()
        self.total, self.estimates, self.ended = total or len(works), estimates, 0
        self.waiting = {work.job.key for work in works}
        self.running: dict[str, Running] = {}
        self.took: list[tuple[float, PlannedJob]] = []  # seconds of what ended here
        self.begun, self.most = clock(), 1  # at a time
        live = Live(get_renderable=self.table, console=self.console, refresh_per_second=2, transient=True)
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

    def tell(self, work: PlannedJob, event: dict) -> None:
        """Called from many threads."""
        with self.lock:
            self._hear(work, event)

    def _hear(self, work: PlannedJob, event: dict) -> None:
        key, now, state = work.job.key, self.clock(), event.get("state")
        if "device" in event:  # it has its slot; a second time when it is tried again
            self.waiting.discard(key)
            estimate = self.estimates.get(key, math.inf)
            self.running[key] = Running(work=work, device=event["device"], since=now, estimate=estimate)
            self.most = max(self.most, len(self.running))
        elif state in (None, "started"):
            if key in self.running:
                self.running[key].hear(event, now)
        else:
            self.waiting.discard(key)
            job = self.running.pop(key, None)  # none where another runner did it
            if job and state != "stopped":
                self.took.append((now - job.since, work))
            reason = f": {event['reason']}" if event.get("reason") else ""
            self.ended += 1
            self.say(f"[{self.ended}/{self.total}] {name(work)} {state}{reason}")

    def left(self) -> float | None:
        """Seconds until all is done, at as many jobs at a time as ever; None where nothing is known.

        A job never timed counts as the mean of those that are known.
        """
        now = self.clock()
        running = [job.left(now) for job in self.running.values()]
        waiting = [self.estimates.get(key, math.inf) for key in self.waiting]
        waiting += [math.inf] * (self.total - self.ended - len(self.running) - len(waiting))
        known = [s for s in [*running, *waiting, *(seconds for seconds, _ in self.took)] if s < math.inf]
        if not known:
            return None
        mean = sum(known) / len(known)
        running, waiting = ([s if s < math.inf else mean for s in part] for part in (running, waiting))
        return max([*running, (sum(running) + sum(waiting)) / self.most])

    def table(self) -> Table:
        """The jobs at work, and how far the whole is."""
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
                table.add_row(name(job.work), job.device, job.stage, best, spell(now - job.since), ends)
            return table

    def summary(self) -> str:
        """How the time was spent."""
        total, whole = sum(seconds for seconds, _ in self.took), max(self.clock() - self.begun, 1e-9)
        longest, work = max(self.took, key=lambda one: one[0])
        return (
            f"{len(self.took)} jobs took {spell(total)} in {spell(whole)}, {total / whole:.1f} at a time; "
            f"the longest {spell(longest)}: {name(work)}"
        )


def spell(seconds: float) -> str:
    """Seconds in words, rounded to what one wants to know: 42 s, 12 min, 3.5 h."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"
