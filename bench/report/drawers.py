"""What makes a report quick: processes that draw its figures beside this one, and no search for garbage meanwhile."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pandas as pd
from joblib import cpu_count

DRAWERS = 8  # at most


@contextmanager
def quick() -> Iterator[None]:
    """No search for garbage meanwhile, which takes a fifth of the time and finds little: statsmodels asks for one at
    every correction. What was made before is left out of those.

    Columns of text hold Python's own strings, which take a third less time than Arrow's in tables as small as these.
    """
    was_enabled = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        with pd.option_context("mode.string_storage", "python"):
            yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def start() -> Executor:
    """The drawers, which import what they need while their parent does; a thread where no memory can be shared."""
    try:
        others = ProcessPoolExecutor(min(cpu_count(), DRAWERS), None, prepare)
        others.submit(int)  # the first task starts them all
        return others
    except OSError:
        return ThreadPoolExecutor(1)


def submit(others: Executor, plot: str, data: pd.DataFrame) -> Future:
    """The pictures to come; where a drawer was killed, which ends them all, the error that says so."""
    try:
        return others.submit(pictures, plot, data)
    except BrokenExecutor as error:
        failed: Future = Future()
        failed.set_exception(error)
        return failed


def prepare() -> None:
    """Make a new drawer ready; what it cannot import, the figures will say.

    Ctrl-C goes to all processes of a terminal, and its parent answers it; other signals end a drawer without a word.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    end_with_parent()
    with suppress(ImportError):
        plots()
    gc.freeze()  # what was imported is not searched for garbage either


def end_with_parent() -> None:
    """End this process when its parent ends or is killed, so that no drawing process is left behind."""
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def plots():
    """What draws, imported here, since it takes matplotlib a second."""
    os.environ["MPLBACKEND"] = "agg"  # a notebook's own would stop matplotlib's import, and files need none
    import matplotlib.backends.backend_pdf  # noqa: F401 - else each drawer imports it with its first figure

    from bench.report.render import drawing, figures

    return drawing.pictures, figures.PLOTS


def pictures(plot: str, data: pd.DataFrame) -> dict[str, bytes]:
    """The figure in each format."""
    draw, known = plots()
    return draw(known[plot], data)
