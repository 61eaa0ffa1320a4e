"""The whole state of a run on disk, so that a killed one goes on where it was: on a CPU, to the bit."""

import sys
from pathlib import Path
from typing import Any

import torch

from bench.files import write_whole


class Checkpoint:
    """One file of tensors and plain values, without pickled objects.

    Models draw from torch's global generators and batches from their own: both are part of the state.

    Args:
        path: of the file.
        every: epochs between two writes; 0 for none.
        generator: of the batches.
    """

    def __init__(self, path: Path, *, every: int, generator: torch.Generator):
        self.path, self.every, self.generator = Path(path), every, generator

    def save(self, epoch: int, state: dict[str, Any]) -> None:
        """Write ``state``, of tensors and plain values, if ``epoch`` is a multiple of ``every``."""
        if not self.every or epoch % self.every:
            return
        random = {"cpu": torch.get_rng_state(), "batches": self.generator.get_state()}
        if self.generator.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.generator.device)
        try:
            write_whole(self.path, lambda name: torch.save({**state, "random": random}, name))
        except (OSError, RuntimeError) as error:  # torch calls a full disk a RuntimeError; the run can do without
            print(f"{self.path} cannot be written ({error}); going on without", file=sys.stderr)

    def load(self) -> dict[str, Any] | None:
        """The state last written, the generators set to it; None where there is none or it cannot be read."""
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, weights_only=True, map_location="cpu")
        except Exception as error:  # noqa: BLE001 - whatever a broken file raises, the run can start anew
            print(f"{self.path} cannot be read ({type(error).__name__}); starting anew", file=sys.stderr)
            return None
        random = state.pop("random")
        if ("cuda" in random) != (self.generator.device.type == "cuda"):
            print(f"{self.path} is of a run on another kind of device; starting anew", file=sys.stderr)
            return None
        torch.set_rng_state(random["cpu"])
        self.generator.set_state(random["batches"])
        if "cuda" in random:
            torch.cuda.set_rng_state(random["cuda"], self.generator.device)
        return state

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
