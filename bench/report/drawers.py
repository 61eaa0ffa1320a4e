"""Draws the figures of a report side by side, each in a process, since matplotlib takes seconds for some of them."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager

import pandas as pd
from joblib import cpu_count

from bench.report.model import Figure

DRAWERS = 8  # the most drawing processes


def drawings(figures: Sequence[Figure]) -> dict[str, dict[str, bytes]]:
    """Return the pictures of each figure, by its name and then by the ending of their files, without the figures that
    cannot be drawn."""
    futures, drawn = {}, {}
    with started(max(1, min(cpu_count(), DRAWERS, len(figures)))) as executor:
        for figure in figures:
            with warning(figure.name):
                futures[figure.name] = executor.submit(pictures, figure.plot, figure.data)
        for name, future in futures.items():
            with warning(name):
                drawn[name] = future.result()
    return drawn


@contextmanager
def started(n: int) -> Iterator[Executor]:
    """Yield what ``start`` returns. Where a signal or an error ends the block, the drawers are killed: nobody waits for
    them, and a second Ctrl-C during such a wait left drawers that nobody told to end, for which Python waits at exit.
    """
    others, executor = set(multiprocessing.active_children()), None
    try:
        executor = start(n)
        yield executor
        executor.shutdown()
    except BaseException:
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
        kill(others)
        raise


def kill(others: set) -> None:
    """Kill all processes that this one started but ``others``, those of before."""
    for drawer in set(multiprocessing.active_children()) - others:
        drawer.kill()


@contextmanager
def warning(name: str) -> Iterator[None]:
    """Warn of an error and go on: a drawing may fail for any reason, and the tables must not be lost."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        print(f"warning: figure {name} cannot be drawn ({type(error).__name__}: {error})", file=sys.stderr)


def start(n: int) -> Executor:
    """Return ``n`` drawing processes; a thread where no memory can be shared.

    They are forked, which is not the default of Python 3.14 and of macOS: otherwise each would run the main module
    again, and that may be a user's script that calls ``bench.run``.
    """
    others = set(multiprocessing.active_children())
    try:
        executor = ProcessPoolExecutor(n, multiprocessing.get_context("fork"), prepare)
        executor.submit(int)  # starts all processes
        return executor
    except OSError:
        kill(others)  # where a later one could not be forked, nobody would tell the first ones to end
        return ThreadPoolExecutor(1)


def prepare() -> None:
    """Leave Ctrl-C, which reaches all processes of a terminal, to the parent; end silently at other signals, and when
    the parent ends or is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def pictures(plot: str, data: pd.DataFrame) -> dict[str, bytes]:
    """Return the figure in each format, by the ending of its file."""
    os.environ["MPLBACKEND"] = "agg"  # a notebook's backend would stop matplotlib's import, and files need none
    from bench.report.render import drawing, figures  # matplotlib takes a second to import

    return drawing.pictures(figures.PLOTS[plot], data)
