"""InvRL: content-aware UltraGCN on the feature dimensions whose gradients agree across environments."""

from baselines.invrl.model import InvRL

__all__ = ["InvRL"]
