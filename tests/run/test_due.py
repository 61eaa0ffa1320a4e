"""Which jobs are to run, by what is asked and what stands."""

from dataclasses import replace

import pytest

from bench.run.due import is_due, relabel
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


@pytest.mark.parametrize("ended", [{"status": "done"}, {"status": "skipped", "reason": "pruned at epoch 5: 0.1 < 0.2"}])
def test_the_record_of_a_trial_is_no_outcome_of_the_job(tmp_path, ended):
    """Records of a search that were copied among the results: a trial has the key of the job with its settings."""
    store, planned = Store(tmp_path), toy()
    curve = [{"epoch": 5, "seconds": 1.0, "full.ndcg@10": 0.1}]
    store.write(Record(job=planned.job, key=planned.job.key, curve=curve, **ended))
    assert [is_due(store, planned, when=when) for when in ("missing", "failed", "always")] == [True, False, True]


def test_a_longer_search_with_the_same_winner_relabels_its_records(tmp_path):
    store, asked = Store(tmp_path), replace(toy(), facts={"tuning.trials": 40})
    store.write(Record(job=asked.job, key=asked.job.key, status="done", facts={"tuning.trials": 20}))
    before = store.find(asked.job)
    relabel([asked, toy(model="VBPR")], store)
    after = store.find(asked.job)
    assert after.facts == {"tuning.trials": 40}
    assert after.model_copy(update={"facts": before.facts}) == before
    stamp = store.stamp(asked.job)
    relabel([asked, replace(asked, facts={})], store)
    assert store.stamp(asked.job) == stamp


def test_a_record_that_another_runner_is_making_anew_is_left_alone(tmp_path):
    """What it writes meanwhile would be lost: the old record would stand again, and name ranks that are gone."""
    store, asked = Store(tmp_path), replace(toy(), facts={"tuning.trials": 40})
    store.write(Record(job=asked.job, key=asked.job.key, status="done", facts={"tuning.trials": 20}))
    with Store(tmp_path).lock(asked.job):
        relabel([asked], store)
    assert store.find(asked.job).facts == {"tuning.trials": 20}
