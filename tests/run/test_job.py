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


def test_what_is_reported_is_of_the_chosen_epoch(folder, tmp_path):
    """Under ``paper`` the curve is that of the test cases, so that the record's metrics are its best values."""
    hyper = {"learning_rate": 0.01}
    (work,) = planned(folder, budget="quick", protocols=["paper"], hyper=hyper)
    record = job.run(work, Store(tmp_path / "results"), device="cpu", tell=lambda event: None)
    for name in ("sampled.ndcg@10", "full.ndcg@10"):
        course = [entry[name] for entry in record.curve]
        assert record.metrics[name] == pytest.approx(max(course), rel=1e-12)
        assert course[-1] < max(course)
