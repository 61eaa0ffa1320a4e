"""One seed per job, spread over independent streams, and sums in one order; the only module that seeds."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch.utils import deterministic


def stream(seed: int, purpose: str) -> int:
    """A 63-bit seed for one purpose ("init", "sampling", ...) of a job."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def seed_all(seed: int, purpose: str) -> None:
    """Seed every global generator, for initialisation and dropout."""
    value = stream(seed, purpose)
    random.seed(value)
    np.random.seed(value % 2**32)  # noqa: NPY002 - libraries may still read the legacy generator
    torch.manual_seed(value)


def generator(seed: int, purpose: str, device: torch.device) -> torch.Generator:
    return torch.Generator(device=device).manual_seed(stream(seed, purpose))


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """On a CPU, threads that add to the same rows do so in one order, so that a run can be repeated to the bit.

    The gradient of ``table[index]`` is such a sum. Without this, its last digits differ from run to run wherever an
    index occurs three times and there are two threads or more. What torch has no ordered version of is let through
    with a warning. Other devices are left as they are.
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
