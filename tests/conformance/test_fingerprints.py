"""Shared code that changes what a job computes must not keep the old keys."""

import json

import pytest

from tests.conformance.fingerprints import PATH, fingerprint

REMEDY = (
    "five training steps lead elsewhere than before. If a model's own file changed, its key changed with it: renew the "
    "fingerprints (python -m tests.conformance.fingerprints). If shared code changed, raise bench.spec.ENGINE too, and "
    'write a line under "Numbers moved" in CHANGELOG.md'
)


def test_five_steps_lead_where_they_did(row):
    known = json.loads(PATH.read_text()).get(row)
    assert known is not None, f"{row} has no fingerprint yet: run python -m tests.conformance.fingerprints"
    assert fingerprint(row) == pytest.approx(known, rel=1e-4, abs=1e-6), f"{row}: {REMEDY}"
