"""Data sets of a folder, loaded."""

import pytest


@pytest.fixture
def load(tmp_path):
    from bench.data import sources

    return lambda folder, features=None: sources.find(str(folder)).load(features, cache_dir=tmp_path / "cache")


@pytest.fixture
def large_enough(monkeypatch):
    """As if the lists alone left every user enough items to draw candidates from."""
    monkeypatch.setattr("bench.data.readers.features.N_CANDIDATES", 0)
