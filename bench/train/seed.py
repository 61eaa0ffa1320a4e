"""Repeatable runs: independent random streams from a job's seed, and sums in a fixed order. Only this module seeds."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch.utils import deterministic


def stream(seed: int, purpose: str) -> int:
    """Return a 63-bit seed for one purpose ("init", "sampling", ...) of a job."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def seed_all(seed: int, purpose: str) -> None:
    """Seed every global generator, from which initialisation and dropout draw."""
    value = stream(seed, purpose)
    random.seed(value)
    np.random.seed(value % 2**32)  # noqa: NPY002 - libraries may still read the legacy generator
    torch.manual_seed(value)


def generator(seed: int, purpose: str, device: torch.device) -> torch.Generator:
    return torch.Generator(device=device).manual_seed(stream(seed, purpose))


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """On a CPU, make threads that add to the same rows do so in one order, so that a run can be repeated to the bit.

    The gradient of ``table[index]`` is such a sum. Without this, its last digits differ from run to run wherever an
    index occurs three times and there are two threads or more. An operation of which torch has no ordered version is
    let through with a warning. Other devices are left as they are.
    """
    before = torch.get_deterministic_debug_mode(), deterministic.fill_uninitialized_memory
    if device.type == "cpu":
        torch.set_deterministic_debug_mode("warn")  # use_deterministic_algorithms would import torch's compiler, too
        deterministic.fill_uninitialized_memory = False  # costs time, and nothing reads such memory
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before[0])
        deterministic.fill_uninitialized_memory = before[1]
