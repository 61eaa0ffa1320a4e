"""What the tests of the whole model share."""

import pytest


@pytest.fixture
def narrow(monkeypatch):
    """A denoiser that is small enough for a test."""
    monkeypatch.setattr("models.causal_mmrec.diffusion.HIDDEN", 32)
