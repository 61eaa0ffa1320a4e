"""The whole state of a run on disk, so that a killed run goes on where it was, on a CPU to the bit."""

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from bench.files import read_sealed, write_sealed
from bench.spec import counted


class Stopped(BaseException):
    """The run ended early on request: no fault, so not an ``Exception``. Its text says so if no state is on disk."""


class OtherForm(Exception):
    """The state on disk is undamaged, but code that has changed since wrote it in another form."""


def conditions() -> str:
    """Return what the last digits of a result depend on besides the device: the number of threads and the version."""
    return f"{counted(torch.get_num_threads(), 'thread')}, torch {torch.__version__}"


class Checkpoint:
    """One file of tensors and plain values, without pickled objects; its first line holds a checksum.

    Models draw from torch's global generators and batches from their own generator: both are part of the state.

    Args:
        path: the file, whose stem names the run.
        every: epochs between two writes; 0 for none.
        generator: the generator of the batches.
        stop: called after each epoch; returns whether the run is to end there.
    """

    def __init__(self, path: Path, *, every: int, generator: torch.Generator, stop: Callable[[], bool] = lambda: False):
        self.path, self.every, self.generator, self.stop = Path(path), every, generator, stop
        self.earlier: list[str] = []  # the conditions of earlier parts of the run, where they were not those of now

    def save(self, epoch: int, state: dict[str, Any]) -> None:
        """Write ``state``, of tensors and plain values, if ``epoch`` is a multiple of ``every`` or the run is to end;
        in the latter case, raise Stopped."""
        is_stopping = self.stop()
        is_kept = self.write(state) if is_stopping or (self.every and epoch % self.every == 0) else False
        if is_stopping:
            raise Stopped("" if is_kept else "its state could not be written")

    def write(self, state: dict[str, Any]) -> bool:
        """Write ``state`` and that of the generators; return whether that worked. If not, the run goes on without."""
        random = {"cpu": torch.get_rng_state(), "batches": self.generator.get_state()}
        if self.generator.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.generator.device)
        try:
            torch.save({**state, "random": random, "made_by": [*self.earlier, conditions()]}, content := BytesIO())
            write_sealed(self.path, content.getbuffer(), owner=self.path.stem)
            return True
        except (OSError, RuntimeError) as error:  # torch raises RuntimeError on a full disk
            print(f"{self.path} cannot be written ({error}); continuing without it", file=sys.stderr)
            return False

    def load(self) -> dict[str, Any] | None:
        """Return the state last written and set the generators to it; None where there is no undamaged file."""
        if not self.path.exists():
            return None
        try:
            content = read_sealed(self.path, owner=self.path.stem)
            state = torch.load(BytesIO(content), weights_only=True, map_location="cpu")
        except Exception as error:  # noqa: BLE001 - whatever a broken file raises, the run can start anew
            reason = str(error).partition("\n")[0] or type(error).__name__
            print(f"{self.path} cannot be used ({reason}); starting anew", file=sys.stderr)
            return None
        random = state.pop("random")
        if ("cuda" in random) != (self.generator.device.type == "cuda"):
            print(f"{self.path} is of a run on another kind of device; starting anew", file=sys.stderr)
            return None
        torch.set_rng_state(random["cpu"])
        self.generator.set_state(random["batches"])
        if "cuda" in random:
            torch.cuda.set_rng_state(random["cuda"], self.generator.device)
        self.earlier = [each for each in state.pop("made_by", []) if each != conditions()]
        return state

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
