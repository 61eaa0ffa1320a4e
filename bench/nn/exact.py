"""Autograd functions that stay in float32, whatever the precision of the training."""

from functools import wraps

import torch

from bench.nn.precision import matrix_products


class ExactFunction(torch.autograd.Function):
    """Base of functions with a hand-written gradient; their arguments, results and matrix products are in float32, also
    under autocast and where products are otherwise in TensorFloat-32.

    In a lower precision some of their results, such as a small difference of large squares, would be lost to rounding.
    """

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        for device in ("cpu", "cuda"):
            cls.forward = staticmethod(torch.amp.custom_fwd(cls.forward, device_type=device, cast_inputs=torch.float32))
        cls.forward, cls.backward = staticmethod(exactly(cls.forward)), staticmethod(exactly(cls.backward))


def exactly(function):
    """Return the function with its matrix products in float32."""

    @wraps(function)
    def in_highest(*args):
        if torch.get_float32_matmul_precision() == "highest":  # to set it takes longer
            return function(*args)
        with matrix_products("highest"):
            return function(*args)

    return in_highest
