"""Fixtures shared by all tests. Imports nothing of the packages under test before jaxtyping's hook stands."""

import gc
import os
import signal

import pytest

os.environ["OMP_NUM_THREADS"] = "1"  # tiny tensors: more threads only wait for one another
os.environ["GOMP_SPINCOUNT"] = "2000"  # and where there are two, who waits soon sleeps: other tests need the cores
LONGEST = ("test_docs.py", "test_simulated.py", "test_storm.py")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin with the tests that take longest: one that ran last would leave all cores but its own idle."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session", autouse=True)
def heard_signals():
    """What is tested hears Ctrl-C and SIGHUP, also where the tests were started in the background or by nohup."""
    heard = {signal.SIGHUP: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def modules_are_no_garbage():
    """Statsmodels searches all objects for garbage at every correction: not those of all modules and tests as well."""
    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "unfreeze", lambda: None)  # a report ends with it
        yield
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk():
    """A durable write asks for its flush as ever, but no test outlives a power cut that it would have to wait for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # which fails as well where the handle is none
        yield


@pytest.fixture
def two_threads():
    """What is tested computes on two threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(0)


@pytest.fixture
def cache(tmp_path_factory, monkeypatch):
    """Data sets are cached below the tests' own folder."""
    monkeypatch.setenv("MCLN_BENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def folder(tmp_path, cache):
    """A data set of 150 items, 40 users and two modalities, in the generic layout."""
    from tests.toy import write_folder

    return write_folder(tmp_path / "tiny")


@pytest.fixture
def call(tmp_path, cache, capsys, monkeypatch):
    """call(*flags) runs the program in this process, figures left undrawn: (exit code, output, error output)."""
    from bench.cli.main import main
    from bench.report import drawers

    monkeypatch.setattr(drawers, "drawings", lambda figures: {})

    def run(*flags, places=True):
        where = ["--results", str(tmp_path / "results"), "--reports", str(tmp_path / "reports")] if places else []
        if "--threads" not in flags:  # tiny tensors, as above
            where += ["--threads", "1"]
        with pytest.raises(SystemExit) as exit_:
            main([*map(str, flags), *where], command="run")
        captured = capsys.readouterr()
        return exit_.value.code, captured.out, captured.err

    return run
