"""Models and jobs on a simulated second device, which refuses what a GPU would refuse, end as on the CPU."""

import json
import os
import subprocess
import sys

import pytest
from torch.utils import backend_registration

from tests.conformance.conftest import every_row
from tests.conformance.simulated import MODELS
from tests.run.made import ROOT

pytestmark = pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this torch cannot simulate a device",
)


def test_models_and_jobs_on_another_device_end_as_on_the_cpu(folder):
    """One process for all of them: torch takes such a device once. Every row with dense and with sparse content."""
    call = [sys.executable, "-m", "tests.conformance.simulated", str(folder)]
    ran = subprocess.run(call, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert {name: verdict for name, verdict in found["verdicts"].items() if verdict != "agrees"} == {}
    assert len(found["verdicts"]) == 2 * len(every_row())
    assert found["mixed"] == "aten.add.Tensor is given a tensor of the host, of shape (2,)"
    assert list(found["jobs"]) == list(MODELS)
    for model, (host, device) in found["jobs"].items():
        assert device == host, model
        assert host["metrics"], model
        assert (host["reason"], host["asked"]) == ("", 0), model  # it was stopped where it should be
