"""DMRL: ids and content cut into factors, each (user, item, factor) with its own weights of the modalities."""

from baselines.dmrl.model import DMRL

__all__ = ["DMRL"]
