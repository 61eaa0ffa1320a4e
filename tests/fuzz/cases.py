"""What every kind of fuzz needs: a limit of time, a tally, random changes of bytes, and a place of its own."""

import contextlib
import io
import os
import random
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

LIMIT = 15  # seconds that a case may take


class Hung(BaseException):
    """A case took too long; no ``Exception``, which a handler under test may catch."""


@dataclass(kw_only=True)
class Tally:
    """What came of the cases of one kind, and those that are faults."""

    kind: str
    counts: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def enter(self, outcome: str, case: str = "") -> None:
        self.counts[outcome] += 1
        if case:
            self.faults.append(f"{self.kind} {case}")

    def __str__(self) -> str:
        counts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(self.counts.items()))
        return "\n".join([f"{self.kind}: {self.counts.total()} tried, {counts or 'none'}", *self.faults])


@contextlib.contextmanager
def bounded(seconds: int = LIMIT) -> Iterator[None]:
    """Raises Hung in the block when it takes longer."""

    def late(*_) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def said(call: Callable[[], object]) -> tuple[object, str]:
    """What ``call`` returns, and what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out), bounded():
        found = call()
    return found, out.getvalue()


def changed(content: bytes, rng: random.Random, other: bytes = b"") -> bytes:
    """``content`` with one change: a bit, a byte, a piece less, twice or of zeros, cut, longer, or another's."""
    place = rng.randrange(len(content) + 1)
    end = min(len(content), place + rng.choice((1, 2, 7, 64, 512)))
    return rng.choice(
        (
            lambda: content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :],
            lambda: content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :],
            lambda: content[:place] + content[end:],
            lambda: content[:end] + content[place:],
            lambda: content[:place] + bytes(end - place) + content[end:],
            lambda: content[:place],
            lambda: content + rng.randbytes(rng.choice((1, 64))),
            lambda: other,
        )[: 8 if place < len(content) else 2]
        if place < len(content)
        else (lambda: content[:place] + b"\n", lambda: other)
    )()


def last_lines() -> str:
    """Where the error that is being handled came from."""
    return "".join(traceback.format_exc().splitlines(keepends=True)[-7:])


@contextlib.contextmanager
def elsewhere(place: Path) -> Iterator[None]:
    """In a folder of its own, with no network and a cache of its own."""
    from bench.data import sources

    before, url = Path.cwd(), sources.URL
    home = os.environ.get("HOME")
    os.environ |= {"MCLN_BENCH_CACHE": str(place / "cache"), "HOME": str(place / "home")}
    sources.URL = "http://127.0.0.1:9"  # where nobody answers
    os.chdir(place)
    try:
        yield
    finally:
        os.chdir(before)
        sources.URL = url
        del os.environ["MCLN_BENCH_CACHE"], os.environ["HOME"]
        if home is not None:
            os.environ["HOME"] = home
