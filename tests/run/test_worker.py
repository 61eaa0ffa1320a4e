"""What a Dask worker sees to before it runs a job."""

import dataclasses

import pytest

from bench.run import worker
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
