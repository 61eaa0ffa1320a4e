"""Autograd functions that stay in float32, whatever the precision of the training."""

import torch


class ExactFunction(torch.autograd.Function):
    """Base of functions with a hand-written gradient; their arguments and results are in float32, also under autocast.

    In a lower precision some of their results, such as a small difference of large squares, would be lost to rounding.
    """

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        for device in ("cpu", "cuda"):
            cls.forward = staticmethod(torch.amp.custom_fwd(cls.forward, device_type=device, cast_inputs=torch.float32))
