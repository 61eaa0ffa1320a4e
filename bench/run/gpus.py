"""Finds the GPUs and their free memory by the driver's tool, nvidia-smi; torch is not imported."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from bench.spec import BenchError

TOOL = "nvidia-smi"
PATIENCE = 20.0  # seconds that the tool has to answer; on a large machine whose GPUs sleep it takes several
DRIVER = Path("/proc/driver/nvidia/version")
FIELDS = "index,uuid,memory.free,mig.mode.current"
INSTANCE = re.compile(r"\s+MIG \S*g\.(\d+)gb.*\(UUID: (MIG-[^)]+)\)")  # "  MIG 3g.20gb  Device  0: (UUID: MIG-...)"
MIB_PER_GB = 970.0  # of an instance, per GB in its name: 1g.5gb has 4,864 MiB, 3g.20gb 19,968


class Gpu(NamedTuple):
    """A GPU, or an instance of one that is divided (MIG)."""

    name: str  # its number as the tool counts, or that of the instance; ``CUDA_VISIBLE_DEVICES`` takes either
    uuid: str
    free: float  # memory in MiB


class Unavailable(Exception):
    """No GPU can be used; the text says why, and is empty on a machine that has none."""


def find_gpus(text: str) -> dict[str, float]:
    """Return name and free MiB of the GPUs for ``text``: "auto", "none", or numbers or names such as "0,1".

    Only GPUs that ``CUDA_VISIBLE_DEVICES`` lets through count. If "auto" finds none where there should be some, a line
    is printed that says why the jobs run on the CPU.
    """
    if text == "none":
        return {}
    gpus, why = [], ""
    try:
        gpus = usable()
    except Unavailable as error:
        why = str(error)
    if text == "auto":
        print(f"{why}; jobs run on the CPU\n" if why else "", end="")
        return {gpu.name: gpu.free for gpu in gpus}
    chosen = {name: named(gpus, name) for name in text.replace(" ", "").split(",")}
    for name, gpu in chosen.items():
        if gpu is None:
            reason = why or f"{len(gpus)} found"
            raise BenchError(f"there is no GPU {name!r} here ({reason}); use --gpus auto or --gpus none")
    return {gpu.name: gpu.free for gpu in chosen.values()}


def usable() -> list[Gpu]:
    """Return the GPUs that a job could have, in the order of ``CUDA_VISIBLE_DEVICES`` where that is set."""
    gpus, mask = listed(), os.environ.get("CUDA_VISIBLE_DEVICES")
    if mask is not None:  # as CUDA reads it: all names from the first unknown one on are ignored
        masked = [named(gpus, name) for name in mask.replace(" ", "").split(",")]
        gpus = list(takewhile(lambda gpu: gpu is not None, masked))
        if not gpus:
            raise Unavailable(f"CUDA_VISIBLE_DEVICES={mask!r} names none of the GPUs here")
    if "+cpu" in version("torch"):
        raise Unavailable(f"torch {version('torch')} is built without CUDA")
    return gpus


def named(gpus: Sequence[Gpu], name: str) -> Gpu | None:
    """Return the GPU of that number or name, or None; a name may be cut short as long as only one begins with it."""
    is_name = name.startswith(("GPU-", "MIG-"))
    matches = [gpu for gpu in gpus if gpu.name == name or is_name and gpu.uuid.startswith(name)]
    return matches[0] if len(matches) == 1 else None


def listed() -> list[Gpu]:
    """Return all GPUs that the tool lists with memory of their own; the instances of a divided one take its place."""
    tool = shutil.which(TOOL)
    if tool is None:
        raise Unavailable(f"there is an NVIDIA driver but no {TOOL} on the PATH" if DRIVER.exists() else "")
    gpus = []
    for line in answer(tool, f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits"):
        parts = [part.strip() for part in line.split(",")]
        if len(parts) != 4 or not parts[0].isdecimal():
            raise Unavailable(f"{TOOL} answers {line[:60]!r}, which is not what it was asked")
        index, uuid, free, mode = parts
        if mode == "Enabled":
            gpus += instances(tool, index)
        elif free.isdecimal():  # "[N/A]": it shares the host's memory
            gpus.append(Gpu(index, uuid, float(free)))
    if not gpus:
        raise Unavailable(f"{TOOL} lists no GPU with memory of its own")
    return gpus


def instances(tool: str, index: str) -> list[Gpu]:
    """Return the instances of a divided GPU, as if all their memory were free: how much is taken is not known."""
    gpus, owner = [], ""
    for line in answer(tool, "-L"):
        owner = line.split()[1].rstrip(":") if line.startswith("GPU ") else owner
        if owner == index and (match := INSTANCE.match(line)):
            gpus.append(Gpu(match[2], match[2], MIB_PER_GB * int(match[1])))
    return gpus


def answer(*command: str) -> list[str]:
    """Return the lines that the tool prints, without the empty ones; Unavailable where it fails or does not end."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    options |= {"text": True, "errors": "replace", "start_new_session": True}
    process = subprocess.Popen(command, **options)
    try:
        lines = [line for line in process.communicate(timeout=PATIENCE)[0].splitlines() if line.strip()]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # a process that hangs in the driver cannot even be killed
            process.communicate(timeout=1)
        raise Unavailable(f"{TOOL} did not answer in {PATIENCE:g} s") from None
    if process.returncode:
        raise Unavailable(f"{TOOL} fails: {repr(lines[0][:100]) if lines else f'exit code {process.returncode}'}")
    return lines
