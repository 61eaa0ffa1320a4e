"""InvRL: UltraGCN with content, limited to the feature columns whose gradients agree across environments."""

from baselines.invrl.model import InvRL

__all__ = ["InvRL"]
