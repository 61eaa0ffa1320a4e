"""Which jobs are to run, by what is asked and what stands."""

from dataclasses import replace

import pytest

from bench.run.due import is_due
from bench.store.record import Record
from bench.store.store import Store
from tests.run.made import toy

STATES = ("none", "done", "failed", "skipped")


@pytest.mark.parametrize(
    ("when", "due"), [("missing", {"none", "failed"}), ("failed", {"failed"}), ("always", set(STATES))]
)
def test_what_is_due(when, due, tmp_path):
    found, planned = set(), toy()
    for state in STATES:
        store = Store(tmp_path / state)
        if state != "none":
            store.write(Record(job=planned.job, key=planned.job.key, status=state))
        found |= {state} if is_due(store, planned, when=when) else set()
    assert found == due


def test_a_record_without_its_weights_is_due_where_they_are_to_be_kept_and_nothing_else_is_asked(tmp_path):
    store, planned = Store(tmp_path / "done"), toy()
    keeping = replace(planned, keep_weights=True)
    store.write(Record(job=planned.job, key=planned.job.key, status="done"))
    assert [is_due(store, one, when="missing") for one in (planned, keeping)] == [False, True]
    assert not is_due(store, keeping, when="failed")
    skipped = Store(tmp_path / "skipped")
    skipped.write(Record(job=planned.job, key=planned.job.key, status="skipped"))
    assert not is_due(skipped, keeping, when="missing")
