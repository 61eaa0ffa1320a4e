"""What the matrix products of a training step may be rounded to. Everything else is computed in float32."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from bench.spec import BenchError

TF32_SINCE = (8, 0)  # compute capability of the first GPUs that have it


def check(name: str, device: torch.device) -> None:
    """Refuse what ``device`` would not do, since the table's row would then name a precision that was never used.

    Raises:
        BenchError: for "tf32" anywhere but on a GPU that has it.
    """
    if name != "tf32":
        return
    if device.type != "cuda":
        raise BenchError("precision=tf32 exists on GPUs alone; run this job on one, or set precision=highest or bf16")
    if torch.cuda.get_device_capability(device) < TF32_SINCE:
        kind = torch.cuda.get_device_name(device)
        raise BenchError(f"precision=tf32: {kind} does not have it; set precision=highest or bf16")


@contextmanager
def matrix_products(name: str) -> Iterator[None]:
    """Products of float32 matrices are in TensorFloat-32 under "tf32", else in float32; set back at the end."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def forward_pass(name: str, device: torch.device) -> AbstractContextManager:
    """Under "bf16", what torch's autocast calls safe is in bfloat16; to be entered anew after every optimiser step."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if name == "bf16" else nullcontext()


@contextmanager
def in_float32(device: torch.device) -> Iterator[None]:
    """Products of matrices in float32, whatever the training step around them may round."""
    is_rounding = torch.is_autocast_enabled(device.type)
    with matrix_products("highest"), torch.autocast(device.type, enabled=False) if is_rounding else nullcontext():
        yield
