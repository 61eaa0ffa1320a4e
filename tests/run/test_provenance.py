"""Where a number comes from."""

import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from bench.run import local, provenance
from tests.run import made


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


def name_another_revision(order, runner):
    """A job's process in which the checkout has moved on since the server started."""
    from bench.run import child

    run = subprocess.run
    subprocess.run = lambda call, **more: run(["echo", "later"] if call[0] == "git" else call, **more)
    child.main(order, runner)


def test_a_record_names_the_code_that_the_server_of_the_jobs_imported(folder, store, monkeypatch):
    monkeypatch.setattr(local, "child_main", name_another_revision)
    (one,) = made.planned(folder)
    assert made.local(store).run([one]) == ["done"]
    assert store.find(one.job).provenance["code"] == provenance.code_revision() != "later"
