"""CausalMMRec: content adjusted for its hidden confounder (back door) and for exposure (front door)."""

from models.causal_mmrec.model import CausalMMRec

__all__ = ["CausalMMRec"]
