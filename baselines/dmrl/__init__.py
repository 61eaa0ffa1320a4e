"""DMRL: ids and content split into factors; every user, item and factor weights the modalities in its own way."""

from baselines.dmrl.model import DMRL

__all__ = ["DMRL"]
