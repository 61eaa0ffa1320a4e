"""The processes that draw figures."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.report import drawers


def test_ctrl_c_waits_for_no_figure_that_is_not_begun():
    goes_on, waiting = threading.Event(), []

    def stopped() -> None:
        with ThreadPoolExecutor(1) as executor, drawers.ending(executor):
            executor.submit(goes_on.wait)
            waiting.append(executor.submit(int))
            threading.Timer(0.1, goes_on.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert waiting[0].cancelled()


def test_figures_are_drawn_where_nothing_goes_wrong():
    with ThreadPoolExecutor(1) as executor, drawers.ending(executor):
        drawn = executor.submit(int)
    assert drawn.result() == 0
