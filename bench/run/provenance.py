"""Where a record comes from and what it took."""

import platform
import resource
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

from bench import __version__


def peak_memory_mib(device: torch.device) -> float:
    """Peak memory of the device, or of this process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def provenance(device: str, start: str) -> dict[str, str]:
    """Where a number comes from: device, versions, code revision, start time."""
    kind = torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
    packages = {name: version(name) for name in ("torch", "recbole", "numpy")}
    return {
        "device": kind,
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        **packages,
        "mcln-bench": __version__,  # also of a checkout that was never installed
        "code": code_revision(),
        "start": start,
    }


def code_revision() -> str:
    """The commit of the source tree, marked where it has changes; empty outside a checkout."""
    call = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    root = Path(__file__).parent
    try:  # in a checkout of something else, of which this file is no part, git would name that
        ours = ["git", "ls-files", "--error-unmatch", Path(__file__).name]
        subprocess.run(ours, cwd=root, capture_output=True, check=True, timeout=10)
        return subprocess.run(call, cwd=root, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
