"""What a job tells while it runs."""

import pytest

from bench.run import job, plan
from bench.store.store import Store


@pytest.mark.parametrize(
    ("model", "stages"),
    [("BPRMF", ["loading", 1, "testing"]), ("InvRL", ["loading", "before the epochs", 1, "testing"])],
)
def test_stages_and_epochs_in_order(folder, tmp_path, model, stages):
    (work,) = plan.jobs(plan.Request(datasets=[str(folder)], models=[model], budget="smoke", protocols=["clean"]))
    events = []
    record = job.run(work, Store(tmp_path / "results"), device="cpu", tell=events.append)
    assert record.status == "done"
    assert [event.stage or event.epoch for event in events] == stages
