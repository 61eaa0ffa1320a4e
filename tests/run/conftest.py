"""Every test here has a cache of its own."""

import pytest


@pytest.fixture(autouse=True)
def own_cache(cache):
    pass
