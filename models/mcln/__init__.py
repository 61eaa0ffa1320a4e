"""MCLN: fuses item content by attention minus the attention of an item that the user has not met."""

from models.mcln.layer import CounterfactualLayer
from models.mcln.model import MCLN

__all__ = ["MCLN", "CounterfactualLayer"]
