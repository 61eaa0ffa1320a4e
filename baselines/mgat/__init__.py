"""MGAT: MMGCN's graph per modality, with neighbours weighted by a gated attention."""

from baselines.mgat.model import MGAT

__all__ = ["MGAT"]
