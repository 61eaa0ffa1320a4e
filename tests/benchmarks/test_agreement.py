"""When two devices agree: deviations by hand, draws made on the CPU, a planted difference."""

import pytest
import torch

from benchmarks import agreement
from benchmarks.agreement import HostDraws, compare, deviation, judged
from tests.conformance.rows import build_row
from tests.toy import random_set


def test_a_deviation_is_relative_to_the_largest_entry_of_its_tensor():
    """0.001 of 2 is 5e-4, and 1 of 1000 is 1e-3; the second is the larger."""
    ours = [torch.tensor([1.0, -2.0]), torch.tensor([1000.0])]
    other = [torch.tensor([1.0, -2.001]), torch.tensor([1001.0])]
    assert deviation(ours[:1], other[:1]) == pytest.approx(5e-4, rel=1e-3)
    assert deviation(ours, other) == pytest.approx(1e-3)


def test_a_tensor_of_rounding_errors_is_held_against_the_others():
    """1e-9 in place of 2e-9 is all wrong by itself, and 1e-6 of a thousandth of 1."""
    assert deviation([torch.tensor([1.0]), torch.tensor([1e-9])], [torch.tensor([1.0]), torch.tensor([2e-9])]) < 2e-6


@pytest.mark.parametrize(
    ("value", "verdict"), [(1.0, "agrees"), (1.00009, "agrees"), (1.0002, "differs"), (float("nan"), "differs")]
)
def test_the_verdict_is_that_of_the_worst_part(value, verdict):
    ours = {"loss": [torch.tensor(1.0)], "scores": [torch.tensor([0.5, 1.0])]}
    other = {"loss": [torch.tensor(1.0)], "scores": [torch.tensor([0.5, value])]}
    assert judged(ours, other)["verdict"] == verdict


def test_draws_of_another_device_come_from_the_cpu_s_generator():
    """The device "meta" holds no values; what is left to draw shows that the CPU drew for it."""
    torch.manual_seed(3)
    with HostDraws():
        filled = torch.empty(4, device="meta").normal_()
        made = torch.rand(2, 3, device="meta")
    left = torch.rand(1)
    torch.manual_seed(3)
    torch.empty(4).normal_(), torch.rand(2, 3)
    assert torch.equal(left, torch.rand(1))
    assert {filled.device.type, made.device.type} == {"meta"}
    assert made.shape == (2, 3)


def test_a_generator_of_the_model_s_own_goes_on_where_it_was():
    """Two draws from one generator are unlike, also where another generator stands in for it."""
    stand_in = HostDraws()
    own = torch.Generator().manual_seed(7)
    assert stand_in.to_host(own) is stand_in.to_host(own)
    assert stand_in.to_host(own).initial_seed() == 7


def test_a_model_that_computes_something_else_differs(monkeypatch):
    others = iter([{}, {"n_layers": 1}])  # the same weights, one layer in place of three
    monkeypatch.setattr(agreement, "build_row", lambda row, data: build_row(row, data, **next(others)))
    assert compare("LightGCN:default", random_set(), device="cpu", batch_size=16)["verdict"] == "differs"


def test_an_error_is_the_row_s_verdict():
    row = compare("BPRMF:default", random_set(), device="nowhere", batch_size=16)
    assert row["verdict"].startswith("RuntimeError: ")
    assert "\n" not in row["verdict"]
