"""The loop: one step by hand, the epoch that is kept, when it stops, and divergence."""

import pytest
import torch

from bench.spec import BenchError, Budget
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
    """Fit on batches ``x`` with evaluations that return ``values`` of "m" in turn; the model holds the best weights."""
    model, values = Ramp(), iter(values)
    batches = [{"x": torch.tensor(value)} for value in x]
    result = fit(
        model,
        batches,
        budget=budget(20, every, patience),
        learning_rate=0.1,
        evaluate=lambda: {"m": next(values), "w": model.w.item()},
        select=["m"],
    )
    result.load(model, "m")
    return model, result


def test_one_sgd_step_by_hand():
    model = Ramp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    mean = train_epoch(model, [{"x": torch.tensor(2.0)}, {"x": torch.tensor(3.0)}], optimizer, epoch=1)
    assert model.w.item() == pytest.approx(1 - 0.1 * 2 - 0.1 * 3)  # a forgotten zero_grad would give 1 - 0.2 - 0.5
    assert mean == pytest.approx((1 * 2 + 0.8 * 3) / 2)


def test_the_learning_rate_is_that_of_the_job():
    """Adam's first step is as long as the rate, whatever the gradient."""
    _, result = run([0.1] * 20, x=(5.0,))
    assert result.curve[0]["w"] == pytest.approx(1 - 0.1)


def test_the_best_epoch_is_kept_the_earliest_of_equals():
    model, result = run([0.1, 0.5, 0.3, 0.5] + [0.2] * 16)
    assert result.choices["m"].epoch == 2
    assert model.w.item() == pytest.approx(result.curve[1]["w"])
    assert [e["epoch"] for e in result.curve] == list(range(1, 21))


def test_patience_counts_evaluations_without_gain():
    _, result = run([0.5, 0.4, 0.6, 0.6, 0.1, 0.2, 0.9], patience=3)
    assert result.choices["m"].epoch == 3
    assert result.epochs == 6


def run_two(sampled, full, *, patience=None):
    """Two rankings that judge the same training, each by values of its own."""
    model, values = Ramp(), zip(sampled, full, strict=True)
    result = fit(
        model,
        [{"x": torch.tensor(1.0)}],
        budget=budget(len(sampled), 1, patience),
        learning_rate=0.1,
        evaluate=lambda: dict(zip(("sampled.m", "full.m"), next(values), strict=True), w=model.w.item()),
        select=["sampled.m", "full.m"],
    )
    return model, result


def test_each_ranking_chooses_its_own_epoch_in_one_training():
    """The sampled ranking is best at epoch 2, the full one at 4; each gets the weights of its epoch."""
    model, result = run_two([0.1, 0.6, 0.5, 0.4, 0.3], [0.1, 0.2, 0.3, 0.7, 0.2])
    assert {name: (choice.epoch, choice.best) for name, choice in result.choices.items()} == {
        "sampled.m": (2, 0.6),
        "full.m": (4, 0.7),
    }
    for metric, epoch in {"sampled.m": 2, "full.m": 4}.items():
        result.load(model, metric)
        assert model.w.item() == pytest.approx(result.curve[epoch - 1]["w"])
        alone, single = run([entry[metric] for entry in result.curve] + [0.0] * 15)  # chosen by this metric alone
        assert single.choices["m"].epoch == epoch
        assert torch.equal(model.w, alone.w)


def test_training_stops_when_the_patience_of_every_ranking_is_over():
    """The sampled ranking has waited two evaluations at epoch 3; the full one gains at 3 and has waited at 5."""
    _, result = run_two([0.5, 0.1, 0.1, 0.1, 0.1, 0.9], [0.1, 0.2, 0.3, 0.1, 0.1, 0.1], patience=2)
    assert result.epochs == 5


def test_one_copy_of_the_weights_serves_rankings_that_choose_the_same_epoch():
    _, result = run_two([0.1, 0.9, 0.2], [0.3, 0.8, 0.1])
    assert result.weights["sampled.m"] is result.weights["full.m"]


def test_evaluations_come_every_k_epochs_and_after_the_last():
    _, result = run([0.1, 0.2, 0.3], every=8)
    assert [e["epoch"] for e in result.curve] == [8, 16, 20]


def test_weights_that_do_not_score_as_in_their_epoch_are_refused():
    model, result = run([0.5, 0.9] + [0.7] * 18)
    result.check(model, {"m": 0.9004})  # sums of another order
    with pytest.raises(BenchError, match=r"Ramp with its weights of epoch 2 has the m 0\.7000, but had 0\.9000"):
        result.check(model, {"m": 0.7})


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
    assert (result.epochs, result.choices["m"].epoch, model.w.item()) == (0, 0, 1.0)
    assert result.curve == [{"epoch": 0, "m": 0.3, "w": 1.0}]
