"""Where a record comes from, and the memory that its job took."""

import platform
import resource
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

from bench import __version__


def peak_memory_mib(device: torch.device) -> float:
    """Return the peak memory in MiB of the device, or of this process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def provenance(device: str, start: str) -> dict[str, str]:
    """Return where a record comes from: device, threads, versions, code revision, start time."""
    kind = torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
    packages = {name: version(name) for name in ("torch", "recbole", "numpy")}
    return {
        "device": kind,
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        **packages,
        "mcln-bench": __version__,  # known also in a checkout that was never installed
        "code": code_revision(),
        "start": start,
    }


@cache
def code_revision() -> str:
    """Return the commit of the source tree, marked where it has changes; empty outside a checkout.

    It is looked up once, as the code that a process has imported stays what it is when the checkout moves on.
    """
    call = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    root = Path(__file__).parent
    try:  # fails unless git tracks this file: it may lie inside a checkout of something else, which git would name
        ours = ["git", "ls-files", "--error-unmatch", Path(__file__).name]
        subprocess.run(ours, cwd=root, capture_output=True, check=True, timeout=10)
        return subprocess.run(call, cwd=root, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
