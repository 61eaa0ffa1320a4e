"""What a real GPU does and the simulated one cannot show: its generators, its kernels' precisions, its memory."""

import pytest
import torch

from bench.train.batches import Batches
from tests.conformance.rows import build_row, fit_plainly
from tests.conformance.simulated import MODELS, ended

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
GPU = torch.device("cuda", 0)


@pytest.mark.parametrize("model", MODELS)
def test_a_job_that_was_stopped_goes_on(folder, model):
    """With the state of the GPU's generators, and into a record with metrics."""
    found = ended(folder, model, str(GPU))
    assert (found["reason"], found["asked"]) == ("", 0)  # it was stopped where it should be
    assert [entry["epoch"] for entry in found["curve"]] == [1, 2, 3]
    assert found["metrics"]


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_a_row_trains_in_a_lower_precision(row, data, precision):
    """The rules by which autocast chooses a type are others on a GPU than on a CPU."""
    model = build_row(row, data).to(GPU)
    model.device = GPU
    how = {"draw_negatives": model.draw_negatives, "n_negatives": model.n_negatives, "size": 60, "sampling": "user"}
    batches = Batches(data.user, data.item, generator=torch.Generator(GPU).manual_seed(0), **how)
    result = fit_plainly(model, batches, epochs=1, precision=precision)
    assert torch.isfinite(torch.tensor(result.curve[0]["loss"]))
    assert {value.dtype for value in model.parameters()} == {torch.float32}
