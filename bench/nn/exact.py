"""Autograd functions that stay in float32 whatever the precision of a training is."""

import torch


class ExactFunction(torch.autograd.Function):
    """Base of functions whose gradient is written out: under autocast their arguments arrive in float32, and so do
    their results leave. Their own arithmetic is what they are written for, and some of it, such as a small distance
    made of the difference of large squares, bears no rounding.
    """

    def __init_subclass__(cls, **more):
        super().__init_subclass__(**more)
        for device in ("cpu", "cuda"):
            cls.forward = staticmethod(torch.amp.custom_fwd(cls.forward, device_type=device, cast_inputs=torch.float32))
