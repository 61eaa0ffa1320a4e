"""Every test here has a cache of its own, and may ask for a store of its own."""

import pytest


@pytest.fixture(autouse=True)
def own_cache(cache):
    pass


@pytest.fixture
def store(tmp_path):
    from bench.store.store import Store

    return Store(tmp_path / "results")
