"""Records of a few rows that several tests compare."""

import pytest

from tests.report.made import evidence, stored

ALL, HALF, NONE = [1] * 40, [1] * 20 + [50] * 20, [50] * 40


@pytest.fixture
def duel(tmp_path):
    """BPRMF hits for two users of eight; MCLN for all, VBPR for the first in place 3."""
    weak = [1, 1, 50, 50, 50, 50, 50, 50]
    return evidence(
        stored(tmp_path, weak),
        stored(tmp_path, [1] * 8, "MCLN"),
        stored(tmp_path, [3, *weak[2:], 50], "VBPR"),
        folder=tmp_path,
    )


@pytest.fixture
def three(tmp_path):
    """MCLN hits for all 40 users of Beauty, for as many as the baselines of Art, and for none of Taobao."""
    rows = {"beauty": ALL, "art": HALF, "taobao": NONE}
    records = [stored(tmp_path, HALF, model, dataset=name) for name in rows for model in ("BPRMF", "VBPR")]
    records += [stored(tmp_path, own, "MCLN", dataset=name) for name, own in rows.items()]
    return evidence(*records, folder=tmp_path)
