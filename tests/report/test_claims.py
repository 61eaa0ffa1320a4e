"""The paper's claims: its own numbers support them, and a claim is judged by the pairs that are known."""

import pytest

from bench.report import paper
from bench.report.claims import CLAIMS, Claim, verdict
from bench.run.studies import STUDIES

PUBLISHED = paper.load()


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.text for claim in CLAIMS])
def test_the_papers_own_numbers_support_its_claims(claim):
    """All but Figure 4, whose numbers are not printed; every cell that a claim names is one of the paper's."""
    cases = list(claim.cases(PUBLISHED))
    if claim.table == "figure4":
        assert verdict(cases) == "cannot be judged"
        assert {row for case in cases for row in (case.left, case.right)} == set(STUDIES["figure4"].labels)
    else:
        assert verdict([case._replace(p=0.0) for case in cases]) == "supported"
        assert all(case.is_known for case in cases)


def test_a_claim_is_supported_refuted_undecided_or_not_judged_by_hand():
    claim = Claim(text="A beats B and C.", table="t", pairs={"art": [("A", "B"), ("A", "C")]})
    values = {("t", "art", row, "hr@5"): value for row, value in {"A": 0.5, "B": 0.4, "C": 0.6}.items()}
    over, _, under, _ = claim.cases(values)
    unknown = claim.cases({})
    assert (over.says, under.says) == ("no more than chance", "no more than chance")  # not tested
    assert [case.says for case in unknown] == ["not known"] * 4
    over, under = (case._replace(p=0.049) for case in (over, under))
    level = over._replace(p=0.05)
    assert [case.says for case in (over, under, level)] == ["for", "against", "no more than chance"]
    assert verdict([over, *claim.cases({})]) == "supported"
    assert verdict([over, level]) == "undecided"
    assert verdict([over, level, under]) == "refuted"
    assert verdict([*claim.cases({})]) == "cannot be judged"
