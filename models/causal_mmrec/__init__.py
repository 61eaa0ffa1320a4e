"""CausalMMRec: content adjusted for a hidden confounder (back door) and for exposure (front door)."""

from models.causal_mmrec.model import CausalMMRec

__all__ = ["CausalMMRec"]
