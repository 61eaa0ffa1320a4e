"""Shared code that changes what a job computes must not keep the old keys."""

import json

import pytest

from tests.conformance.fingerprints import PATH, agrees, fingerprint, renewed

REMEDY = (
    "five training steps lead elsewhere than before. If a model's own file changed, its key changed with it: renew the "
    "fingerprints (python -m tests.conformance.fingerprints). If shared code changed, raise bench.spec.ENGINE too, and "
    'write a line under "Numbers moved" in CHANGELOG.md'
)


def test_five_steps_lead_where_they_did(row):
    known = json.loads(PATH.read_text()).get(row)
    assert known is not None, f"{row} has no fingerprint yet: run python -m tests.conformance.fingerprints"
    assert agrees(found := fingerprint(row), known), f"{row}: {REMEDY}\n{found}\n{known}"


def test_only_what_is_new_or_has_moved_is_written_anew():
    known = json.loads(PATH.read_text())
    nearly = {**known["BPRMF:default"], "loss": known["BPRMF:default"]["loss"] * (1 + 1e-5)}
    moved = {**known["VBPR:default"], "loss": known["VBPR:default"]["loss"] * 1.1}
    older = {**known, "BPRMF:default": nearly, "VBPR:default": moved}
    del older["MACR:default"]
    again = renewed(older, ["BPRMF", "VBPR"])
    assert again["VBPR:default"] == pytest.approx(known["VBPR:default"], rel=1e-4)
    assert again == {**older, "VBPR:default": again["VBPR:default"]}
    assert list(renewed(older, ["MACR"])) == list(known)
