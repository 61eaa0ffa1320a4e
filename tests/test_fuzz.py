"""A small share of the fuzz; all of it: python -m tests.fuzz --records 500 --folders 1000 --commands 1500."""

import pytest

from tests import fuzz

SHARE = {"records": 4, "folders": 20, "commands": 25}


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_nothing_damaged_is_believed_and_no_input_gives_a_traceback(kind):
    tally = fuzz.KINDS[kind](SHARE[kind], 1)
    assert tally.faults == [], str(tally)
    assert tally.counts.total() == SHARE[kind]
