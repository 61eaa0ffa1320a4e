"""Finding, without a GPU, the calls for which the host would wait for one.

A call waits if its result, or the size of its result, has to be known to the host: ``item()``, ``nonzero()``, a boolean
index, ``unique()``, ``cpu()``. So does a copy from the host's pageable memory, such as
``torch.from_numpy(...).to(device)``, or an index that is a list.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
WAITING = {
    aten._local_scalar_dense,  # item(), bool(), int(), float()
    aten.nonzero,
    aten.masked_select,
    aten._unique,
    aten._unique2,
    aten.unique_dim,
    aten.unique_consecutive,
    aten.bincount,  # its length is the largest entry
    aten.equal,
    aten._coalesce,
    aten._to_sparse,
    aten._to_sparse_csr,
    aten.linalg_cholesky_ex,  # and the others check on the host whether they succeeded
    aten.linalg_inv_ex,
    aten._linalg_solve_ex,
    aten._linalg_svd,
    aten._linalg_eigh,
}
INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}
# what would do nothing here, where all memory is the host's, and would copy on a GPU
COPYING = {
    getattr(torch.Tensor, name) for name in ("cpu", "numpy", "tolist", "__array__", "pin_memory", "new_tensor")
} | {torch.from_numpy, torch.tensor, torch.as_tensor}


def waits(function, args: tuple, kwargs: dict) -> bool:
    """Whether the host would wait in this call of an operator."""
    packet = function.overloadpacket
    if packet is aten.repeat_interleave:
        return kwargs.get("output_size") is None
    if packet in INDEXING:
        is_mask = any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
        is_filling = len(args) > 2 and args[2].dim() == 0  # x[mask] = 0.0 becomes ``masked_fill_``
        return is_mask and not is_filling
    return packet in WAITING


class Operators(TorchDispatchMode):
    def __init__(self, found: list[str]):
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if waits(function, args, kwargs or {}):
            self.found.append(str(function.overloadpacket).removeprefix("aten."))
        return function(*args, **(kwargs or {}))


INDEXED = {torch.Tensor.__getitem__, torch.Tensor.__setitem__}


def is_copied(index: Any) -> bool:
    """Whether an index, or a part of it, is a list or an array of the host, of which torch makes a tensor."""
    return any(isinstance(part, list | np.ndarray) for part in (index if isinstance(index, tuple) else (index,)))


class Copies(TorchFunctionMode):
    def __init__(self, found: list[str]):
        super().__init__()
        self.found = found

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in COPYING or function in INDEXED and is_copied(args[1]):
            self.found.append(function.__name__)
        return function(*args, **(kwargs or {}))


@contextmanager
def watched() -> Iterator[list[str]]:
    """The waiting calls of the block, by name, in order."""
    found: list[str] = []
    with Copies(found), Operators(found):
        yield found
