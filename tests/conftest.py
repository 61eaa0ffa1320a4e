"""Fixtures shared by all tests. Imports nothing of the packages under test before jaxtyping's hook stands."""

import os

import pytest

os.environ["OMP_NUM_THREADS"] = "1"  # tiny tensors: more threads only wait for one another


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(0)
