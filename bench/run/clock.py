"""Ends a run before its work is done: at its time limit, at a signal, or when nobody waits for it any more."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

GRACE = 10.0  # seconds that jobs have to write their state after they were asked to stop
CHECKPOINT_EVERY = 25  # epochs between two writes of a job's state
LOOK = 0.1  # seconds between two looks at the clock
TIME_LIMIT = 124  # the exit code of a run that its time limit ended; timeout(1) has the same
ENDING = (signal.SIGTERM, signal.SIGHUP)
SIGNALS = (signal.SIGINT, *ENDING)
TERMINALS = [fd for fd in (0, 1, 2) if os.isatty(fd)]
# signals that ``end`` received: what it raises can get lost, as some compiled modules swallow it while being imported
noted: list[int] = []


class Ended(BaseException):
    """SIGTERM or SIGHUP came while no job was running; holds the signal's number."""


def end(number: int, frame) -> None:
    """Handle a signal by ending the program in good order."""
    leave_terminal(number)
    noted.append(number)
    raise KeyboardInterrupt if number == signal.SIGINT else Ended(number)


def leave_terminal(number: int) -> None:
    """Send further output nowhere after SIGHUP: the terminal may be gone, and printing to it would fail."""
    if number == signal.SIGHUP and TERMINALS:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in TERMINALS:
            os.dup2(nowhere, fd)


@contextmanager
def handling(handler: Callable, signals=ENDING) -> Iterator[None]:
    """Have ``handler`` called for those of ``signals`` that are not ignored, as SIGHUP is under nohup.

    Outside the main thread, where Python handles no signals, this does nothing.
    """
    is_main = threading.current_thread() is threading.main_thread()
    heard = [s for s in signals if is_main and signal.getsignal(s) is not signal.SIG_IGN]
    before = {s: signal.signal(s, handler) for s in heard}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def ending() -> Iterator[None]:
    """While this context is open, a signal ends the program in good order."""
    try:
        with handling(end, SIGNALS):
            yield
    finally:
        noted.clear()


@dataclass(kw_only=True)
class Clock:
    """Tells the pool when to start no further job, and its jobs when to end."""

    limit: float | None = None  # seconds that the whole run may take, the writing of its tables included
    grace: float = GRACE  # seconds between asking a job to stop and ending it
    is_given_up: Callable[[], bool] = lambda: False  # whether nobody waits for the run; called several times a second
    begun: float = field(default_factory=time.monotonic)
    signal: int = 0  # the first signal that came; 0 for none
    is_hurried: bool = False  # a second signal came
    is_stopping: bool = False

    @property
    def deadline(self) -> float:
        """When jobs must have written their state, on the clock of ``time.monotonic``: a sixth of the limit, but at
        most a minute, is kept for the tables."""
        return math.inf if self.limit is None else self.begun + self.limit - min(60.0, self.limit / 6)

    def stop(self) -> None:
        self.is_stopping = True

    def has_time_for(self, seconds: float, *, is_begun: bool) -> bool:
        """Return whether a job that takes about ``seconds`` is to start now.

        As long as any time is left, a job that has state on disk goes on, and a job that is longer than the whole limit
        starts: no run would have time for all of it, but each carries it further.
        """
        left = self.deadline - time.monotonic()
        return left > 0 and (seconds <= left or is_begun or seconds > self.deadline - self.begun)

    @property
    def exit_code(self) -> int:
        """The exit code of a run that was ended early."""
        return 128 + self.signal if self.signal else TIME_LIMIT

    @contextmanager
    def watching(self, ask: Callable[[], None], kill: Callable[[], None]) -> Iterator[None]:
        """While this context is open, call ``ask`` when the run is to stop, and ``kill`` after the grace."""
        is_over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(is_over, ask, kill), daemon=True)
        with handling(self.hear, SIGNALS):
            if noted:  # a signal came before, and the program went on all the same
                self.hear(noted[0], None)
            watcher.start()
            try:
                yield
            finally:
                is_over.set()
                watcher.join()

    def hear(self, number: int, frame) -> None:
        """Handle a signal by having the run end in good order."""
        leave_terminal(number)
        self.is_hurried, self.signal = bool(self.signal), self.signal or number
        self.stop()

    def _watch(self, is_over: threading.Event, ask: Callable[[], None], kill: Callable[[], None]) -> None:
        asked = math.inf
        while not is_over.wait(LOOK):
            now = time.monotonic()
            if now >= self.deadline or self.is_given_up():
                self.stop()
            if self.is_stopping:
                asked = min(asked, now)
                is_late = self.is_hurried or now >= asked + self.grace
                (kill if is_late else ask)()  # again and again: a job may have started just after the last call
