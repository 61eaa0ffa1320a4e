"""What the benchmark scripts compute from their measurements, and a point of each kind on tiny data."""

import os
import time

import numpy as np
import pandas as pd
import pytest

from bench import registry
from bench.run.local import FORKS, start_server
from bench.spec import BenchError
from benchmarks import scale, versus_mmrec, versus_recbole
from benchmarks.measure import Side, alone, compare, row_of
from benchmarks.scale import Size
from tests import golden_models


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
    row = scale.measure("BPRMF", Size(50, 40, 600))
    assert (row["n_users"], row["cases"]) == (50, 50)
    assert min(row["epoch s"], row["full ranking s"], row["not in parts s"], row["peak MiB"]) > 0


def test_ratio_is_theirs_over_ours(capsys):
    row = row_of("BPRMF", "train epoch", "stock", 0.2, 1.0)
    assert row["ratio"] == 5.0
    assert capsys.readouterr().out.startswith("BPRMF train epoch (stock) 5.00 ")


class Sleeper:
    """A thing whose first epoch is slow and whose others take as long as they are told."""

    def __init__(self, seconds: float):
        self.naps = [1.0]
        self.seconds = seconds

    def epoch(self) -> None:
        time.sleep(self.naps.pop() if self.naps else self.seconds)


def test_the_first_turn_of_a_comparison_does_not_count():
    start_server(1)  # that of other tests' jobs: a process that is spawned would import torch anew
    with Side(Sleeper, 0.01, context=FORKS) as ours, Side(Sleeper, 0.05, context=FORKS) as theirs:
        [row] = compare("M", "train epoch", ours, theirs, {"other": ("epoch",)}, runs=1)
    assert 0.01 <= row["ours s"] < 0.5  # with the first turn, the medians would be above it
    assert 0.05 <= row["theirs s"] < 0.5
    assert row["ratio"] == pytest.approx(row["theirs s"] / row["ours s"], abs=0.1)


def test_a_data_set_in_mmrecs_layout(tmp_path):
    """The training pairs as they are, and one line of another part that tells the numbers of users and items."""
    content = {"visual": np.ones((4, 3)), "acoustic": np.zeros((4, 2))}
    versus_mmrec.write(tmp_path, np.array([[0, 1], [1, 2]]), n_users=3, n_items=4, content=content)
    lines = (tmp_path / "same/same.inter").read_text().splitlines()
    assert lines == ["userID\titemID\tx_label", "0\t1\t0", "1\t2\t0", "2\t3\t2"]
    assert np.load(tmp_path / "same/image_feat.npy").tolist() == content["visual"].tolist()
    assert np.load(tmp_path / "same/text_feat.npy").tolist() == content["acoustic"].tolist()


def test_mmrec_takes_one_or_two_modalities(tmp_path):
    three = dict.fromkeys(("visual", "acoustic", "textual"), np.ones((4, 3)))
    with pytest.raises(BenchError, match="one or two modalities, and the data set has 3"):
        versus_mmrec.write(tmp_path, np.zeros((1, 2), dtype=int), n_users=3, n_items=4, content=three)


@pytest.mark.parametrize("name", versus_mmrec.EQUAL)
def test_both_sides_settings_name_the_same_work(name):
    """The defaults of ours that MMRec's settings are to equal, under MMRec's names."""
    ours, theirs = versus_mmrec.EQUAL[name]
    card, preset = registry.find(name)
    settings = registry.settings(card, preset, dataset="", hyper=ours)
    same = golden_models.SIDES[name].settings if name in golden_models.SIDES else {"n_layers": "n_layers"}
    for their_name, our_name in same.items():
        if their_name in theirs:
            assert theirs[their_name] == settings[our_name], their_name


class Counter:
    """A thing that counts its epochs and is judged by their number."""

    def __init__(self, start: int):
        self.epochs = start

    def epoch(self) -> None:
        self.epochs += 1

    def evaluate(self, ranking: str) -> float:
        return self.epochs / 100


def test_time_to_a_goal_stops_at_the_first_judgement_that_meets_it():
    start_server(1)
    with Side(Counter, 3, context=FORKS) as side:
        assert 0 < versus_recbole.until(0.12, side) < 5
        assert side.value("evaluate", "sampled")[1] == 0.13  # judged at 0.08 and, met, at 0.13


def test_a_measured_process_starts_as_a_job_does(monkeypatch):
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    assert alone(os.getenv, "MALLOC_TRIM_THRESHOLD_") == str(2**30)
    assert "MALLOC_TRIM_THRESHOLD_" not in os.environ
