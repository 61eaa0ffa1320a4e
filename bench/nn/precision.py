"""The precision of the matrix products of a training step. Everything else is computed in float32."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from bench.spec import BenchError

TF32_SINCE = (8, 0)  # compute capability of the first GPUs with TensorFloat-32


def check(name: str, device: torch.device) -> None:
    """Refuse a precision that ``device`` lacks, since the row of the table would name a precision that was not used.

    Raises:
        BenchError: for "tf32" on any device but a GPU that has TensorFloat-32.
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
    """Within this context, multiply float32 matrices in TensorFloat-32 under "tf32", and else in float32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def forward_pass(name: str, device: torch.device) -> AbstractContextManager:
    """Return a context, to be entered anew after each optimiser step: under "bf16" torch's autocast uses bfloat16."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if name == "bf16" else nullcontext()


@contextmanager
def in_float32(device: torch.device) -> Iterator[None]:
    """Within this context, multiply matrices in float32, whatever the precision of the training step around it."""
    is_rounding = torch.is_autocast_enabled(device.type)
    with matrix_products("highest"), torch.autocast(device.type, enabled=False) if is_rounding else nullcontext():
        yield
