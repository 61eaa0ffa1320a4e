"""MCLN: item content purified by the attention of an item the user has not met."""

from models.mcln.layer import CounterfactualLayer
from models.mcln.model import MCLN

__all__ = ["MCLN", "CounterfactualLayer"]
