"""The runs of others: their best epochs as the paper's README prints them, and the copies of the test item."""

import math

import numpy as np
import pytest

from bench.report.independent import DRAWN, best, corrected, runs, value


def test_the_best_test_epochs_are_those_that_were_read_by_hand():
    """Epoch, H@5, H@10 and N@10, read off the file once."""
    found = best()[["epoch", "hr@5", "hr@10", "ndcg@10"]].round(4)
    assert found.loc["beauty", 1].tolist() == [360, 0.5573, 0.6631, 0.4688]
    assert found.loc["art", 1].tolist() == [800, 0.7141, 0.7975, 0.6368]
    assert found.loc["taobao", 1].tolist() == [50, 0.4004, 0.5072, 0.3361]
    assert best().loc["taobao", 2][["epoch", "hr@5", "hr@10", "ndcg@10"]].tolist() == [65, 0.39732, 0.5002, 0.33525]
    assert len(runs()) == 50 + 50 + 76 + 100
    assert math.isnan(value("toy", "hr@5"))


def test_the_correction_by_hand():
    for n_items, percent in ((8678, 1.13), (9324, 1.06), (8735, 1.13)):  # on Beauty, Art and Taobao
        chance = 1 - (1 - 1 / n_items) ** 99
        assert round(100 * chance, 2) == percent
        assert corrected(0.5, n_items) == pytest.approx(0.5 / (1 + chance))
    assert round(corrected(0.5573, 8678), 3) == 0.551


def test_the_correction_undoes_what_a_simulation_of_their_evaluation_adds(rng):
    """Ranks of a made-up model; 99 of n items drawn as they draw them, every copy of a hit counted.

    What is left is the hit in the last place, whose copy is not counted, and chance.
    """
    n_items, cases = 8678, 400_000
    rank = np.minimum(rng.geometric(0.15, cases), 100)
    copies = rng.binomial(DRAWN, 1 / n_items, cases)
    counted = np.clip(10 - rank + 1, 0, 1 + copies).clip(min=0)
    inflated, plain = counted.mean(), (rank <= 10).mean()
    assert plain < inflated < plain * 1.0114
    assert corrected(inflated, n_items) == pytest.approx(plain, rel=0.002)
