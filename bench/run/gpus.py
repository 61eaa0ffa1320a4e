"""Which GPUs there are and how much of their memory is free, as the driver's tool says; torch is not imported."""

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
PATIENCE = 20.0  # seconds that the tool has to answer; on a large machine that sleeps it takes several
DRIVER = Path("/proc/driver/nvidia/version")
FIELDS = "index,uuid,memory.free,mig.mode.current"
INSTANCE = re.compile(r"\s+MIG \S*g\.(\d+)gb.*\(UUID: (MIG-[^)]+)\)")  # "  MIG 3g.20gb  Device  0: (UUID: MIG-...)"
MIB_PER_GB = 970.0  # of an instance, by the size in its name: 1g.5gb has 4,864 MiB, 3g.20gb 19,968


class Gpu(NamedTuple):
    """A GPU, or an instance of one that is divided (MIG).

    Attributes:
        name: its number as the tool counts, or the name of the instance: what ``CUDA_VISIBLE_DEVICES`` takes.
        free: MiB.
    """

    name: str
    uuid: str
    free: float


class Unavailable(Exception):
    """Why no GPU can be used, in words; empty on a machine that has none."""


def find_gpus(text: str) -> dict[str, float]:
    """Name and free MiB of the GPUs that "auto", "none" or a list of numbers or names such as "0,1" stands for.

    Only those that ``CUDA_VISIBLE_DEVICES`` lets through. If "auto" finds none where there should be some, a line says
    why the jobs run on the CPU.

    Raises:
        BenchError: for a GPU that is not here.
    """
    if text == "none":
        return {}
    found, why = [], ""
    try:
        found = usable()
    except Unavailable as error:
        why = str(error)
    if text == "auto":
        print(f"{why}; jobs run on the CPU\n" if why else "", end="")
        return {gpu.name: gpu.free for gpu in found}
    chosen = {name: named(found, name) for name in text.replace(" ", "").split(",")}
    for name, gpu in chosen.items():
        if gpu is None:
            place = why or f"{len(found)} found"
            raise BenchError(f"there is no GPU {name!r} here ({place}); use --gpus auto or --gpus none")
    return {gpu.name: gpu.free for gpu in chosen.values()}


def usable() -> list[Gpu]:
    """The GPUs that a job could have, in the order of ``CUDA_VISIBLE_DEVICES`` where that is set.

    Raises:
        Unavailable: when there is none.
    """
    found, mask = listed(), os.environ.get("CUDA_VISIBLE_DEVICES")
    if mask is not None:  # as CUDA reads it: what stands behind a name that it does not know does not count
        masked = [named(found, name) for name in mask.replace(" ", "").split(",")]
        found = list(takewhile(lambda gpu: gpu is not None, masked))
        if not found:
            raise Unavailable(f"CUDA_VISIBLE_DEVICES={mask!r} names none of the GPUs here")
    if "+cpu" in version("torch"):
        raise Unavailable(f"torch {version('torch')} is built without CUDA")
    return found


def named(found: Sequence[Gpu], name: str) -> Gpu | None:
    """The GPU of that number or name; a name may be cut short as long as only one begins with it."""
    is_name = name.startswith(("GPU-", "MIG-"))
    like = [gpu for gpu in found if gpu.name == name or is_name and gpu.uuid.startswith(name)]
    return like[0] if len(like) == 1 else None


def listed() -> list[Gpu]:
    """All GPUs that the tool lists with memory of their own, the instances of one that is divided in its place.

    Raises:
        Unavailable: when there is none.
    """
    tool = shutil.which(TOOL)
    if tool is None:
        raise Unavailable(f"there is an NVIDIA driver but no {TOOL} on the PATH" if DRIVER.exists() else "")
    found = []
    for line in answer(tool, f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits"):
        parts = [part.strip() for part in line.split(",")]
        if len(parts) != 4 or not parts[0].isdecimal():
            raise Unavailable(f"{TOOL} answers {line[:60]!r}, which is not what it was asked for")
        index, uuid, free, mode = parts
        if mode == "Enabled":
            found += instances(tool, index)
        elif free.isdecimal():  # "[N/A]": it shares the host's memory
            found.append(Gpu(index, uuid, float(free)))
    if not found:
        raise Unavailable(f"{TOOL} lists no GPU with memory of its own")
    return found


def instances(tool: str, index: str) -> list[Gpu]:
    """The instances of a divided GPU; how much of their memory is taken is not known."""
    found, of = [], ""
    for line in answer(tool, "-L"):
        of = line.split()[1].rstrip(":") if line.startswith("GPU ") else of
        if of == index and (match := INSTANCE.match(line)):
            found.append(Gpu(match[2], match[2], MIB_PER_GB * int(match[1])))
    return found


def answer(*command: str) -> list[str]:
    """The lines that the tool prints.

    Raises:
        Unavailable: when it fails or does not end.
    """
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
