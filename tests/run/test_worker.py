"""What a Dask worker sees to before it runs a job."""

import dataclasses

import pytest

from bench.run import worker
from bench.run.events import Event
from bench.spec import BenchError
from tests.run.made import planned


def test_the_gpus_of_a_worker_are_shared_evenly(folder, monkeypatch):
    worker.gpu_slots.cache_clear()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    slots = worker.gpu_slots(4)
    assert slots is worker.gpu_slots(4)  # of all tasks of a worker
    (work,) = planned(folder)
    assert sorted(slots.take(work).gpu for _ in range(4)) == ["3", "3", "5", "5"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(worker, "find_gpus", lambda text: {})
    with pytest.raises(BenchError, match="offers GPU=1 and has none"):
        worker.gpu_slots(1)


def test_a_worker_with_other_code_refuses(folder):
    (work,) = planned(folder)
    worker.check_code(work.job)
    for change in ({"source": "other"}, {"engine": -1}):
        with pytest.raises(BenchError, match="another revision of BPRMF"):
            worker.check_code(dataclasses.replace(work.job, **change))


def test_small_epochs_do_not_flood_dask(folder):
    """A thousand epochs within a moment are one message; what is no epoch always passes, the job's end never."""

    class Worker:
        name, told = "w", []

        def log_event(self, topic, message):
            self.told.append(message["event"])

    (work,) = planned(folder)
    tell = worker.teller(Worker(), "t")
    for event in (
        Event(device="CPU"),
        *(Event(epoch=n, of=1000) for n in range(1, 1001)),
        Event(stage="testing"),
        Event(state="done"),
    ):
        tell(work, event)
    assert [(e["device"], e["epoch"], e["stage"]) for e in Worker.told] == [
        ("w CPU", 0, ""),
        ("", 1, ""),
        ("", 0, "testing"),
    ]
