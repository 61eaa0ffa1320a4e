"""Finds the GPUs and their free memory by the driver's tool, nvidia-smi, and tries each one in a process of its own, so
that torch is not imported here."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
CONTEXT_MIB = 600.0  # what a process takes of a GPU before its first tensor
WORKS = "works"
TRIAL_PATIENCE = 180.0  # seconds that a trial has, most of which torch takes to be imported from a slow disk
TRIAL = f"""
import torch
try:
    x = torch.ones(8, 8, device="cuda")
    is_right = (x @ x).sum().item() == 512
    print("{WORKS}" if is_right else "it computes wrongly", torch.cuda.mem_get_info()[0] // 2**20)
except Exception as error:
    print(str(error).partition(chr(10))[0])
"""
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
    if text != "auto":
        gpus = [chosen(gpus, name, why) for name in dict.fromkeys(text.replace(" ", "").split(","))]
    with ThreadPoolExecutor(max(1, len(gpus))) as threads:  # they only wait
        found = dict(zip([gpu.name for gpu in gpus], threads.map(tried, gpus), strict=True))
    reasons = [why] if why else []
    reasons += [f"GPU {name} cannot be used: {fault}" for name, fault in found.items() if isinstance(fault, str)]
    if text != "auto" and reasons:
        raise BenchError(f"{reasons[0]}; use --gpus auto or --gpus none")
    working = {name: free for name, free in found.items() if not isinstance(free, str)}
    end = "" if working else "; jobs run on the CPU"
    print("".join(f"{reason}{end}\n" for reason in reasons), end="")
    return working


def chosen(gpus: Sequence[Gpu], name: str, why: str) -> Gpu:
    """Return the GPU that was asked for. Raises BenchError, which says ``why`` there is none at all, if so."""
    gpu = named(gpus, name)
    if gpu is None:
        raise BenchError(
            f"there is no GPU {name!r} here ({why or f'{len(gpus)} found'}); use --gpus auto or --gpus none"
        )
    return gpu


def tried(gpu: Gpu) -> float | str:
    """Return the free memory of the GPU in MiB, or why no job can run on it."""
    free = gpu.free
    if free >= CONTEXT_MIB:
        said = trial(gpu.name)
        if not (match := re.fullmatch(rf"{WORKS} (\d+)", said)):
            return f"torch says {said[:120]!r}"
        free = min(free, float(match[1]) + CONTEXT_MIB)  # less than was thought where others use an instance, too
    return free if free >= CONTEXT_MIB else f"only {free:.0f} MiB of its memory are free"


def trial(name: str) -> str:
    """Return what torch says when it is to compute on that GPU."""
    here = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        lines = answer(sys.executable, "-c", TRIAL, patience=TRIAL_PATIENCE, environment=here | alone(name))
    except Unavailable as error:
        return str(error)
    return next((line for line in lines if line.startswith(WORKS)), lines[-1] if lines else "")  # torch may warn, too


def alone(name: str) -> dict[str, str]:
    """Return the environment variables with which a process sees that GPU alone, or none if ``name`` is empty; numbered
    as by the tool, since CUDA by itself counts the fastest first."""
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": name}


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
    gpus, odd = [], []
    for line in answer(tool, f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits"):
        parts = [part.strip() for part in line.split(",")]
        if len(parts) != 4 or not parts[0].isdecimal():
            odd.append(line)  # such as a warning about one of the GPUs
            continue
        index, uuid, free, mode = parts
        if mode == "Enabled":
            gpus += instances(tool, index)
        elif free.isdecimal():  # "[N/A]": it shares the host's memory
            gpus.append(Gpu(index, uuid, float(free)))
    if not gpus:
        answered = f"answers {odd[0][:60]!r}, which is not what it was asked" if odd else ""
        raise Unavailable(f"{TOOL} {answered or 'lists no GPU with memory of its own'}")
    return gpus


def instances(tool: str, index: str) -> list[Gpu]:
    """Return the instances of a divided GPU, as if all their memory were free; a trial finds how much is taken."""
    gpus, owner = [], ""
    for line in answer(tool, "-L"):
        owner = line.split()[1].rstrip(":") if line.startswith("GPU ") else owner
        if owner == index and (match := INSTANCE.match(line)):
            gpus.append(Gpu(match[2], match[2], MIB_PER_GB * int(match[1])))
    return gpus


def answer(*command: str, patience: float | None = None, environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines that a command prints, without the empty ones; Unavailable where it fails or does not end within
    ``patience`` seconds (PATIENCE). ``environment`` are additional variables for it."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    options |= {"text": True, "errors": "replace", "start_new_session": True}
    name, patience = Path(command[0]).name, patience or PATIENCE
    process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, **options)
    try:
        lines = [line for line in process.communicate(timeout=patience)[0].splitlines() if line.strip()]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # a process that hangs in the driver cannot even be killed
            process.communicate(timeout=1)
        raise Unavailable(f"{name} did not answer in {patience:g} s") from None
    if process.returncode:
        raise Unavailable(f"{name} fails: {repr(lines[0][:100]) if lines else f'exit code {process.returncode}'}")
    return lines
