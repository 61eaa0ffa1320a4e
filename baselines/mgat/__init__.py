"""MGAT: MMGCN's graphs, one a modality, whose neighbours are weighted by a gated attention."""

from baselines.mgat.model import MGAT

__all__ = ["MGAT"]
