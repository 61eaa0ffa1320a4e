"""Autograd functions that stay in float32 whatever the precision of a training is."""

import torch


class ExactFunction(torch.autograd.Function):
    """Base of functions whose gradient is written out: under autocast, their arguments and results are in
    float32. Some of their arithmetic, such as a small distance computed as the difference of large squares, would not
    survive rounding to a lower precision.
    """

    def __init_subclass__(cls, **more):
        super().__init_subclass__(**more)
        for device in ("cpu", "cuda"):
            cls.forward = staticmethod(torch.amp.custom_fwd(cls.forward, device_type=device, cast_inputs=torch.float32))
