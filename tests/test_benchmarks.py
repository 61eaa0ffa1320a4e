"""What the benchmark scripts compute from their measurements, and a point of each kind on tiny data."""

import os

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import bounds, scale, versus_recbole
from benchmarks.measure import Side, alone
from benchmarks.scale import Size


def test_exponents_of_known_powers():
    """Seconds 3 n^1, ranking 2 n^0.5 a user and memory n^2 above a constant, over the larger half."""
    n = np.array([1e3, 1e4, 1e5, 1e6])
    frame = pd.DataFrame({"sweep": "users", "model": "M", "n_users": n, "epoch s": 3 * n, "cases": 10})
    frame = frame.assign(**{"full ranking s": 20 * n**0.5, "peak MiB": 500 + n**2})
    [row] = scale.exponents(frame).to_dict("records")
    assert row["exponent of epoch s"] == pytest.approx(1)
    assert row["exponent of ranking s a user"] == pytest.approx(0.5)
    assert row["exponent of MiB"] == pytest.approx(2, abs=0.01)


def test_simulated_pairs_are_distinct_and_in_range():
    pairs = scale.simulate(Size(50, 40, 600))
    assert pairs.shape == (600, 2)
    assert len(np.unique(pairs, axis=0)) == 600
    assert (pairs >= 0).all()
    assert (pairs.max(axis=0) < (50, 40)).all()


def test_a_point_of_the_scaling_curve():
    row = scale.measure("BPRMF", Size(50, 40, 600), 1)
    assert (row["n_users"], row["cases"]) == (50, 50)
    assert min(row["epoch s"], row["full ranking s"], row["peak MiB"]) > 0


def test_ratio_is_theirs_over_ours(capsys):
    row = versus_recbole.row_of("BPRMF", "train epoch", "stock", 0.2, 1.0)
    assert row["ratio"] == 5.0
    assert capsys.readouterr().out.startswith("BPRMF train epoch (stock) 5.00 ")


class Counter:
    """A thing that counts its epochs and is judged by their number."""

    def __init__(self, start: int):
        self.epochs = start

    def epoch(self) -> None:
        self.epochs += 1

    def evaluate(self, ranking: str) -> float:
        return self.epochs / 100


def test_time_to_a_goal_stops_at_the_first_judgement_that_meets_it():
    with Side(Counter, 3) as side:
        assert 0 < versus_recbole.until(0.12, side) < 5
        assert side.value("evaluate", "sampled")[1] == 0.13  # judged at 0.08 and, met, at 0.13


def test_a_measured_process_starts_as_a_job_does(monkeypatch):
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    assert alone(os.getenv, "MALLOC_TRIM_THRESHOLD_") == str(2**30)
    assert "MALLOC_TRIM_THRESHOLD_" not in os.environ


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_operations_and_bytes_by_hand():
    """A product of (2, 3) and (3, 4), one added in place, a bag of 5 rows of 4 numbers, and two inner products."""
    a, b, out = torch.randn(2, 3), torch.randn(3, 4), torch.zeros(2, 4)
    index, offsets = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([0, 2])
    pattern = torch.sparse_csr_tensor([0, 1, 2], [1, 0], [0.0, 0.0], (2, 2), check_invariants=False)
    with FlopCounterMode(display=False, custom_mapping=bounds.FORMULAS) as counter:
        a @ b
        out.addmm_(a, b)
        torch.nn.functional.embedding_bag(index, b, offsets, mode="sum")
        torch.sparse.sampled_addmm(pattern, a, a.T, beta=0.0)
    assert counter.get_total_flops() == 2 * 24 + 2 * 24 + 2 * 5 * 4 + 2 * 2 * 3
    with bounds.Bytes() as moved:
        a.T + 1
    assert moved.total == 4 * (6 + 6)
