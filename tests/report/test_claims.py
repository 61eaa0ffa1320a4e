"""The paper's claims: its own numbers support them, and a claim is judged by the pairs that are known."""

import pytest

from bench.report import paper
from bench.report.claims import CLAIMS, Claim, verdict
from bench.run.studies import STUDIES

PUBLISHED = paper.load(STUDIES.values())


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.text for claim in CLAIMS])
def test_the_papers_own_numbers_support_its_claims(claim):
    """All but Figure 4, whose numbers are not printed; every cell that a claim names is one of the paper's."""
    cases = list(claim.cases(PUBLISHED))
    if claim.table == "figure4":
        assert verdict(cases) == "cannot be judged"
        assert {row for case in cases for row in (case.left, case.right)} == set(STUDIES["figure4"].labels)
    else:
        assert all(case.holds for case in cases)


def test_a_claim_is_supported_refuted_or_not_judged_by_hand():
    claim = Claim(text="A beats B and C.", table="t", pairs={"art": [("A", "B"), ("A", "C")]})
    known = {("t", "art", "A", "hr@5"): 0.5, ("t", "art", "B", "hr@5"): 0.4}
    assert [case.holds for case in claim.cases(known)] == [True, None, None, None]
    assert verdict(list(claim.cases(known))) == "supported"
    assert verdict(list(claim.cases(known | {("t", "art", "C", "hr@5"): 0.5}))) == "refuted"  # level is not better
    assert verdict(list(claim.cases({}))) == "cannot be judged"
