"""Inside an epoch the host never waits for the device, but for the losses at the end."""

import pytest
import torch

from bench.train.batches import Batches
from bench.train.fit import train_epoch
from tests.conformance.rows import build_row
from tests.conformance.waits import watched
from tests.toy import random_set

READING_THE_LOSSES = ["cpu", "_local_scalar_dense", "_local_scalar_dense"]  # once over, they are the host's own
KNOWN = {  # models that wait nevertheless, and why; an entry that is no longer true fails
    "NGCF": "each step propagates to the distinct nodes of its batch, and their number is a size",
    "DMRL": "each step projects the content of the distinct items of its batch, and their number is a size",
    "CausalMMRec": "before an epoch it rebuilds its graph and its strata from what it has learnt",
}


def epoch_of(row: str, sampling: str) -> list[str]:
    """The calls that wait in the second epoch of the row's model, in order."""
    data = random_set(sparse=True)
    model = build_row(row, data)
    how = {"draw_negatives": model.draw_negatives, "n_negatives": model.n_negatives, "size": 60, "sampling": sampling}
    batches = Batches(data.user, data.item, generator=torch.Generator().manual_seed(0), **how)
    model.pretrain(batches, epochs=1)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    train_epoch(model, batches, optimizer, epoch=1)
    with watched() as found:
        train_epoch(model, batches, optimizer, epoch=2)
    return found


@pytest.mark.parametrize("sampling", ["user", "interaction"])
def test_an_epoch_waits_for_nothing_but_its_losses(row, sampling):
    found = epoch_of(row, sampling)
    assert found[-3:] == READING_THE_LOSSES
    assert bool(found[:-3]) is (row.partition(":")[0] in KNOWN), f"{row} waits in {found[:-3]}"


X, MASK = torch.tensor([3.0, 1.0, 3.0]), torch.tensor([True, False, True])
COUNT = torch.tensor([2, 0, 1])


@pytest.mark.parametrize(
    "call",
    [
        lambda: X.max().item(),
        lambda: X.tolist(),
        lambda: bool(MASK.all()),
        lambda: MASK.nonzero(),
        lambda: X[MASK],
        lambda: X.clone().__setitem__(MASK, torch.ones(2)),
        lambda: X.masked_select(MASK),
        lambda: X.unique(),
        lambda: COUNT.bincount(),
        lambda: X.repeat_interleave(COUNT),
        lambda: X.cpu(),
        lambda: X.numpy(),
        lambda: torch.tensor([1.0]),
        lambda: torch.where(MASK),
        lambda: X if X[0] > 1 else -X,
        lambda: X[[0, 1]],
        lambda: X.view(1, 3)[:, [1]],
        lambda: X.clone().__setitem__([0], 1.0),
    ],
)
def test_a_call_that_waits_is_found(call):
    with watched() as found:
        call()
    assert found


def test_what_stays_on_the_device_is_not_found():
    with watched() as found:
        X.clone()[MASK] = 0.0
        X.repeat_interleave(COUNT, output_size=3)
        torch.where(MASK, X, -X)[COUNT].sort().values.cumsum(0)
    assert found == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_step_does_not_wait_on_a_gpu(row):
    """CUDA's own watch, which raises where the host waits: over the steps, not the losses' reading."""
    if row.partition(":")[0] in KNOWN:
        pytest.skip(f"this model is known to wait for the GPU: {KNOWN[row.partition(':')[0]]}")
    data = random_set(sparse=True)
    model = build_row(row, data).cuda()
    model.device = torch.device("cuda")
    generator = torch.Generator("cuda").manual_seed(0)
    how = {"draw_negatives": model.draw_negatives, "n_negatives": model.n_negatives, "size": 60, "sampling": "user"}
    batches = Batches(data.user, data.item, generator=generator, **how)
    model.pretrain(batches, epochs=1)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    train_epoch(model, batches, optimizer, epoch=1)
    torch.cuda.set_sync_debug_mode("error")
    try:
        model.before_epoch(2)
        for batch in batches:
            optimizer.zero_grad(set_to_none=True)
            model.calculate_loss(batch).backward()
            optimizer.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
