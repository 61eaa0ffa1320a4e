"""A second device, simulated on the CPU: its tensors do not mix with the host's, as those of a GPU do not.

    python -m tests.conformance.simulated FOLDER

puts every model and preset on it, then whole jobs with the data in FOLDER, and prints one line of JSON: each row's
verdict, the jobs' metrics on both devices, and what comes of adding a tensor of the host to one of the device. It runs
in a process of its own, since torch takes such a device once.

A tensor of the device holds one of the host, with which its operators compute. Random numbers are the host's, so
that results are equal to the bit. What a GPU lets through is let through: scalars, and what moves a tensor on purpose.
"""

import json
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

NAME = "simulated"
DEVICE = torch.device("privateuseone", 0)  # NAME, once torch knows it
HOST = torch.device("cpu")
MOVING = {torch.ops.aten.to, torch.ops.aten._to_copy, torch.ops.aten.copy_}
MADE = {
    "empty.memory_format": torch.ops.aten.empty.memory_format,
    "empty_strided": torch.ops.aten.empty_strided.default,
}
MODELS = ("BPRMF", "NGCF", "InvRL", "MCLN", "LATTICE", "CausalMMRec")  # of the jobs: stages, graphs learnt anew


class Held(Tensor):
    """A tensor on the device; ``host`` holds its values."""

    is_cuda = property(lambda self: True)  # what our code asks in order to tell a GPU from a CPU
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, host: Tensor):
        like = {"dtype": host.dtype, "layout": host.layout, "device": DEVICE}
        if host.layout is torch.strided:
            like |= {"strides": host.stride(), "storage_offset": host.storage_offset()}
        else:
            like |= {"dispatch_layout": True}
        made = torch.Tensor._make_wrapper_subclass(cls, host.shape, **like)
        made.host = host
        return made

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return compute(function, args, kwargs or {})

    def tolist(self):
        return self.host.tolist()

    def __reduce_ex__(self, protocol):
        return self.host.__reduce_ex__(protocol)  # what is saved has no device

    def __repr__(self):
        return f"{NAME}: {self.host}"


class Generator(torch.Generator):
    """One of the host that says it is of the device for which it was made."""

    def __new__(cls, device: Any = HOST):
        made = super().__new__(cls)
        made.made_for = torch.device(device)
        return made

    device = property(lambda self: self.made_for)


class Simulated(TorchDispatchMode):
    """While it is entered, tensors can be made on the device."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return compute(function, args, kwargs or {})


def compute(function, args: tuple, kwargs: dict[str, Any]) -> Any:
    """What ``function`` returns, computed on the host, on the device where an argument is or where it is asked for.

    Raises:
        RuntimeError: where a tensor of the host stands beside one of the device.
    """
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    is_held = any(isinstance(one, Held) for one in tensors)
    asked = kwargs.get("device")
    to = DEVICE if asked is None and is_held else torch.device(asked or HOST)
    if not is_held and to.type != DEVICE.type:
        return function(*args, **kwargs)
    foreign = [one for one in tensors if not isinstance(one, Held) and one.dim()]
    if foreign and function.overloadpacket not in MOVING:
        raise RuntimeError(f"{function} is given a tensor of the host, of shape {tuple(foreign[0].shape)}")
    own_args, own_kwargs = tree_map(on_host, (args, kwargs))
    found = function(*own_args, **own_kwargs)
    if function.overloadpacket is torch.ops.aten.copy_:
        return args[0]
    if to.type != DEVICE.type:
        return found
    made = tree_map(held, found)
    return made if foreign else return_and_correct_aliasing(function, args, kwargs, made)


def on_host(leaf: Any) -> Any:
    return leaf.host if isinstance(leaf, Held) else HOST if isinstance(leaf, torch.device) else leaf


def held(leaf: Any) -> Any:
    return Held(leaf) if isinstance(leaf, Tensor) else leaf


def copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    on_host(target).copy_(on_host(source))
    return target


def start() -> torch.device:
    """Make the device known to torch; returns it."""
    backend_registration._setup_privateuseone_for_python_backend(NAME)
    library = torch.library.Library("aten", "IMPL")
    for name, function in MADE.items():  # those that torch calls beneath any mode

        def make(*args, function=function, **kwargs):
            return compute(function, args, kwargs)

        library.impl(name, make, "PrivateUse1")
    library.impl("_copy_from", copy_from, "PrivateUse1")  # of an index that is a list
    start.library = library  # what it registers lasts as long as itself
    torch.Generator = Generator
    return torch.device(NAME, 0)


def verdicts(device: str) -> dict[str, str]:
    """Of every model and preset, with dense and with sparse content."""
    from benchmarks.agreement import compare
    from tests.conformance.conftest import every_row
    from tests.toy import random_set

    found = {}
    for row in every_row():
        for sparse in (False, True):
            verdict = compare(row, random_set(sparse=sparse), device=device, batch_size=16)["verdict"]
            found[f"{row}, {'sparse' if sparse else 'dense'}"] = verdict
    return found


def ended(folder: Path, model: str, device: str) -> dict[str, Any]:
    """The curve and the metrics of a job that is stopped after its second epoch and goes on, or why it failed."""
    from bench.run import job
    from bench.spec import Budget
    from bench.store.store import Store
    from bench.train.checkpoint import Stopped
    from tests.run.made import planned

    (work,) = planned(folder, models=[model], protocols=["clean"])
    work = replace(work, job=replace(work.job, budget=Budget(name="short", epochs=3, eval_every=1, patience=None)))
    asked = iter([False, True])
    with tempfile.TemporaryDirectory() as results:
        store = Store(Path(results))
        with suppress(Stopped):
            job.run(work, store, device=device, stop=lambda: next(asked))
        record = job.run(work, store, device=device)
    curve = [{name: value for name, value in entry.items() if name != "seconds"} for entry in record.curve]
    return {"metrics": record.metrics, "curve": curve, "reason": record.reason, "asked": len(list(asked))}


def mixed(device: str) -> str:
    """The error of a sum that a GPU refuses."""
    try:
        return str(torch.ones(2, device=device) + torch.ones(2))
    except RuntimeError as error:
        return str(error)


def main(folder: str) -> None:
    from bench.protocol.evaluate import FULL_BLOCK, SAMPLED_BLOCK

    device = str(start())
    for block in (FULL_BLOCK, SAMPLED_BLOCK):
        block[NAME] = block["cpu"]
    jobs = {}
    for model in MODELS:
        jobs[model] = [ended(Path(folder), model, "cpu")]
        with Simulated():
            jobs[model].append(ended(Path(folder), model, device))
    with Simulated():
        print(json.dumps({"verdicts": verdicts(device), "jobs": jobs, "mixed": mixed(device)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
