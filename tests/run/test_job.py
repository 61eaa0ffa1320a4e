"""What a job tells while it runs."""

import pytest

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
