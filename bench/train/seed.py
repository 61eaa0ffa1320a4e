"""One seed per job, spread over independent streams; the only module that seeds."""

import hashlib
import random

import numpy as np
import torch


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
