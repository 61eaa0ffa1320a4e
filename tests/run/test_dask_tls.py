"""A cluster that speaks TLS, set up by the commands that docs/cluster.md shows."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.run.dask_place import Place

GUIDE = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
OPENSSL = re.findall(r"^    (openssl .+)$", GUIDE, re.MULTILINE)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """The variables that the guide exports, beside the certificates that its commands make."""
    pytest.importorskip("distributed")
    if not shutil.which("openssl"):
        pytest.skip("no openssl on PATH")
    folder = tmp_path_factory.mktemp("tls")
    for command in OPENSSL:
        subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True)
    (exports,) = re.findall(
        r"^    export DASK_DISTRIBUTED__COMM__REQUIRE.+?^    done$", GUIDE, re.MULTILINE | re.DOTALL
    )
    script = f"{exports}\nenv | grep ^DASK_DISTRIBUTED__COMM"
    said = subprocess.run(script, shell=True, cwd=folder, check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in said.splitlines())


@pytest.fixture(scope="module")
def place(settings, tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("dask"), "--protocol", "tls", settings=settings)
    place.add("a", n_threads=1)
    yield place
    place.close()


def flags(folder, place):
    return "--datasets", folder, "--models", "Pop", "--budget", "smoke", "--cluster", place.address


def test_jobs_run_behind_tls(place, settings, folder, call):
    import dask.config

    assert len(OPENSSL) == 3
    assert place.address.startswith("tls://")
    named = {name.removeprefix("DASK_").lower().replace("__", "."): value for name, value in settings.items()}
    with dask.config.set({**named, "distributed.comm.require_encryption": True}):
        code, out, _ = call(*flags(folder, place))
    assert (code, "1 done" in out) == (0, True)


def test_who_has_no_certificate_is_not_let_in(place, folder, call, monkeypatch):
    monkeypatch.setattr("bench.run.dask.ANSWER", 1)
    code, _, error = call(*flags(folder, place))
    assert code == 2
    assert error.startswith(f"error: no Dask scheduler answers at --cluster {place.address}")
