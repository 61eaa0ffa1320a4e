"""Where a number comes from."""

import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from bench.run import provenance


def test_a_checkout_that_was_never_installed_has_a_version(monkeypatch):
    """As on a machine without a network, to which the project and some wheels were copied."""

    def version(name: str) -> str:
        if name == "mcln-bench":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(provenance, "version", version)
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    found = provenance.provenance("cpu", "2026-01-01T00:00:00+00:00")
    assert (found["mcln-bench"], found["torch"]) == (project["version"], "1.0")
    assert (found["device"], found["start"]) == ("cpu", "2026-01-01T00:00:00+00:00")
