"""The rehearsal of every part on the CPU, and what is written."""

import gc
import weakref
from concurrent.futures import Future

import pandas as pd
import pytest
import torch

from benchmarks import gpu
from tests.conformance.conftest import every_row


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu, "PERFORMANCE", tmp_path / "reports")


def ended(*flags: str) -> int:
    with pytest.raises(SystemExit) as end:
        gpu.main(list(flags))
    return int(end.value.code)


def test_without_a_gpu_every_part_is_rehearsed(tmp_path, capsys):
    assert ended("--out", str(tmp_path / "out")) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == gpu.NO_GPU
    assert printed[-1] == f"{len(every_row())} models and presets agree; these differ: none"
    table = pd.read_csv(tmp_path / "out" / "gpu.csv")
    assert set(table["part"]) == {"agreement", "cost", "bound", "jobs at a time"}
    of_part = table.groupby("part")["model"].agg(set)
    assert of_part["agreement"] == set(every_row())
    assert of_part["cost"] == of_part["bound"] == set(gpu.names(None))
    assert not table["measure"].str.contains("error").any()
    speeds = table[table["measure"] == "epochs per minute"]
    assert speeds["jobs at a time"].tolist() == [1, 2]
    assert (speeds["value"].astype(float) > 0).all()
    page = (tmp_path / "out" / "gpu.md").read_text()
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == [n.capitalize() for n in gpu.NOTES]
    assert not (tmp_path / "reports").exists()


def test_a_rehearsal_without_a_folder_writes_nothing(tmp_path):
    assert ended("--parts", "agreement", "--models", "BPRMF") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_differs_is_named_and_is_the_exit_code(monkeypatch, capsys):
    row = {"model": "BPRMF", "verdict": "differs"}
    monkeypatch.setattr(gpu.agreement, "compare", lambda *args, **more: row)
    assert ended("--parts", "agreement", "--models", "BPRMF") == 1
    assert capsys.readouterr().out.endswith("0 models and presets agree; these differ: ['BPRMF']\n")


def test_a_model_that_fails_costs_only_itself(monkeypatch, capsys):
    tiny = gpu.tiny_ready
    monkeypatch.setattr(gpu, "tiny_ready", lambda model: tiny(model) if model == "VBPR" else 1 / 0)
    assert ended("--parts", "costs", "--models", "BPRMF", "VBPR") == 0
    printed = capsys.readouterr().out
    assert "cost: data set tiny, model BPRMF, error ZeroDivisionError: division by zero" in printed
    assert "bound: data set tiny, model VBPR, launches " in printed


def test_a_model_is_gone_when_the_next_is_measured(monkeypatch):
    """Else its tensors would count in the peak of the next one's memory, which begins with what is held."""
    tiny, before = gpu.tiny_ready, []

    def watched(model):
        gc.collect()
        assert [held() for held in before] == [None] * len(before)
        ready = tiny(model)
        before.append(weakref.ref(ready.model))
        return ready

    monkeypatch.setattr(gpu, "tiny_ready", watched)
    assert ended("--parts", "costs", "--models", "BPRMF", "VBPR", "LightGCN") == 0
    assert len(before) == 3


def test_jobs_together_are_compared_with_one_job_alone(monkeypatch):
    class Side:
        """A job that runs 60 epochs per minute, whatever runs beside it."""

        def __init__(self, *args, **more):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def start(self, name, window):
            done = Future()
            done.set_result((0.0, 60.0))
            return done

    monkeypatch.setattr(gpu, "Side", Side)
    tables = gpu.Tables("about", None)
    gpu.add_throughput(tables, "tiny", "BPRMF", "cpu", widths=[4, 2], window=0.1)
    rows = tables.rows["jobs at a time"]
    assert [(row["jobs at a time"], row["over one job"]) for row in rows] == [(1, 1.0), (2, 2.0), (4, 4.0)]
