"""NGCF: neural graph collaborative filtering."""

from baselines.ngcf.model import NGCF

__all__ = ["NGCF"]
