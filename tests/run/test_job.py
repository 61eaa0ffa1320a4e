"""What a job tells while it runs."""

import time

import pytest

from bench import registry
from bench.run import job
from bench.store.store import Store
from tests.run.made import planned


@pytest.mark.parametrize(
    ("model", "stages"),
    [("BPRMF", ["loading", 1, "testing"]), ("InvRL", ["loading", "before the epochs", 1, "testing"])],
)
def test_stages_and_epochs_in_order(folder, tmp_path, model, stages):
    (work,) = planned(folder, models=[model])
    events = []
    record = job.run(work, Store(tmp_path / "results"), device="cpu", tell=events.append)
    assert record.status == "done"
    assert [event.stage or event.epoch for event in events] == stages


def test_what_a_model_s_file_imports_is_not_its_time(folder, tmp_path, monkeypatch):
    (work,) = planned(folder)
    slow, load = [1.0], registry.load

    def load_slowly(card):
        time.sleep(slow.pop() if slow else 0)
        return load(card)

    monkeypatch.setattr(registry, "load", load_slowly)
    record = job.run(work, Store(tmp_path / "results"), device="cpu")
    assert record.status == "done"
    assert not slow
    assert sum(record.seconds.values()) < 1
