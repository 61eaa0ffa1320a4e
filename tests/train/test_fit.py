"""The loop: one step by hand, the epoch that is kept, when it stops, and divergence."""

import pytest
import torch

from bench.spec import Budget
from bench.train.fit import Diverged, fit, train_epoch


class Ramp(torch.nn.Module):
    """loss = w * x; the gradient of w is x."""

    max_epochs = None

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(1.0))
        self.epochs, self.pretrained = [], 0

    def pretrain(self, batches, *, epochs):
        self.pretrained += epochs

    def before_epoch(self, epoch):
        self.epochs.append(epoch)

    def calculate_loss(self, batch):
        return self.w * batch["x"]


def budget(epochs, every=1, patience=None):
    return Budget(name="test", epochs=epochs, eval_every=every, patience=patience)


def run(values, *, x=(1.0,), every=1, patience=None):
    """Fit on batches ``x`` with evaluations that return ``values`` in turn."""
    model, values = Ramp(), iter(values)
    batches = [{"x": torch.tensor(value)} for value in x]
    result = fit(
        model,
        batches,
        budget=budget(20, every, patience),
        learning_rate=0.1,
        evaluate=lambda: {"m": next(values), "w": model.w.item()},
        select="m",
    )
    return model, result


def test_one_sgd_step_by_hand():
    model = Ramp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    mean = train_epoch(model, [{"x": torch.tensor(2.0)}, {"x": torch.tensor(3.0)}], optimizer, epoch=1)
    assert model.w.item() == pytest.approx(1 - 0.1 * 2 - 0.1 * 3)  # a forgotten zero_grad would give 1 - 0.2 - 0.5
    assert mean == pytest.approx((1 * 2 + 0.8 * 3) / 2)


def test_the_best_epoch_is_kept_the_earliest_of_equals():
    model, result = run([0.1, 0.5, 0.3, 0.5] + [0.2] * 16)
    assert result.best_epoch == 2
    assert model.w.item() == pytest.approx(result.curve[1]["w"])
    assert [e["epoch"] for e in result.curve] == list(range(1, 21))


def test_patience_counts_evaluations_without_gain():
    _, result = run([0.5, 0.4, 0.6, 0.6, 0.1, 0.2, 0.9], patience=3)
    assert result.best_epoch == 3
    assert result.epochs == 6


def test_evaluations_come_every_k_epochs_and_after_the_last():
    _, result = run([0.1, 0.2, 0.3], every=8)
    assert [e["epoch"] for e in result.curve] == [8, 16, 20]


def test_hooks_are_called():
    model, _ = run([0.1] * 20)
    assert model.epochs == list(range(1, 21))
    assert model.pretrained == 20


def test_divergence_names_epoch_and_step():
    with pytest.raises(Diverged, match="nan at epoch 1, step 2 of 2"):
        run([], x=(1.0, float("nan")))


def test_a_model_that_is_not_trained_is_judged_as_it_stands(monkeypatch):
    monkeypatch.setattr(Ramp, "max_epochs", 0)
    model, result = run([0.3])
    assert (result.epochs, result.best_epoch, model.w.item()) == (0, 0, 1.0)
    assert result.curve == [{"epoch": 0, "m": 0.3, "w": 1.0}]
