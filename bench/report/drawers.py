"""The processes that draw the figures while the tables are made."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pandas as pd
from joblib import cpu_count

DRAWERS = 8  # the most drawing processes


def start() -> Executor:
    """Start the drawing processes, which import their packages meanwhile; a thread where no memory can be shared.

    They are forked, which is not the default of Python 3.14 and of macOS: otherwise each would run the main module
    again, and that may be a user's script that calls ``bench.run``.
    """
    try:
        executor = ProcessPoolExecutor(min(cpu_count(), DRAWERS), multiprocessing.get_context("fork"), prepare)
        executor.submit(int)  # the first task starts all processes
        return executor
    except OSError:
        return ThreadPoolExecutor(1)


@contextmanager
def ending(executor: Executor) -> Iterator[None]:
    """Drop the figures that no drawer has begun where an error or Ctrl-C ends the block: nobody waits for them."""
    try:
        yield
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        raise


def submit(executor: Executor, plot: str, data: pd.DataFrame) -> Future:
    """Return the future of a plot's pictures; if a drawer was killed, which ends them all, the future has the error."""
    try:
        return executor.submit(pictures, plot, data)
    except BrokenExecutor as error:
        failed: Future = Future()
        failed.set_exception(error)
        return failed


def prepare() -> None:
    """Make a new drawer ready; an import that fails here fails again at each figure, whose warning then says so.

    Ctrl-C reaches all processes of a terminal, and only the parent handles it; other signals end a drawer silently.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    end_with_parent()
    with suppress(ImportError):
        plots()


def end_with_parent() -> None:
    """Make this process end when its parent ends or is killed, so that no drawing process is left behind."""
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def plots():
    """Return the function that makes pictures and the plots by name, imported here as matplotlib takes a second."""
    os.environ["MPLBACKEND"] = "agg"  # a notebook's backend would stop matplotlib's import, and files need none
    import matplotlib.backends.backend_pdf  # noqa: F401 - else each drawer imports it with its first figure

    from bench.report.render import drawing, figures

    return drawing.pictures, figures.PLOTS


def pictures(plot: str, data: pd.DataFrame) -> dict[str, bytes]:
    """Return the figure in each format, by the ending of its file."""
    draw, plots_by_name = plots()
    return draw(plots_by_name[plot], data)
