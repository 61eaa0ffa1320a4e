"""What a training step may round, and that nothing else is rounded."""

import contextlib

import pytest
import torch

from bench import registry
from bench.nn.exact import ExactFunction
from bench.nn.precision import check, forward_pass, matrix_products
from bench.run import job, plan
from bench.spec import BenchError, Budget
from bench.store.store import Store
from bench.train.fit import fit
from bench.tune.trials import space

CPU, GPU = torch.device("cpu"), torch.device("cuda")
FINE = 1 + 2**-9  # bfloat16 has 8 bits, so this is 1 there


class Product(torch.nn.Module):
    """loss = 2 * x @ w, whose gradient in w is 2 x; ``seen`` are the products, of training and of evaluation."""

    max_epochs = None

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.full((1, 1), FINE))
        self.seen = []

    def pretrain(self, batches, *, epochs):
        self.look()

    def before_epoch(self, epoch):
        pass

    def look(self):
        with torch.no_grad():
            self.seen.append((torch.ones(1, 1) @ self.w).item())
        return {"m": 0.0}

    def calculate_loss(self, batch):
        return 2 * (batch["x"] @ self.w).sum()


def trained(precision):
    """Two batches x = 1 by Adam, which goes by the learning rate, 1/4: w is FINE, FINE - 1/4 and FINE - 1/2."""
    model, batches = Product(), [{"x": torch.ones(1, 1)}] * 2
    budget = Budget(name="test", epochs=1, eval_every=1, patience=None)
    more = {"learning_rate": 0.25, "evaluate": model.look, "select": ["m"]}
    return model, fit(model, batches, budget=budget, precision=precision, **more)


@pytest.mark.parametrize(("precision", "products"), [("highest", (FINE, FINE - 0.25)), ("bf16", (1.0, 0.75))])
def test_products_of_a_step_by_hand(precision, products):
    """bfloat16 rounds both weights; the second product shows that it is made of the weights after the first step."""
    model, result = trained(precision)
    assert result.curve[0]["loss"] == pytest.approx(2 * sum(products) / 2, abs=1e-6)
    assert model.w.dtype == torch.float32


@pytest.mark.parametrize("precision", ["highest", "bf16"])
def test_what_comes_before_and_after_the_epochs_is_in_float32(precision):
    model, _ = trained(precision)
    assert model.seen == pytest.approx([FINE, FINE - 0.5], abs=1e-6)


@pytest.mark.parametrize(("name", "inside"), [("highest", "highest"), ("bf16", "highest"), ("tf32", "high")])
def test_what_was_set_before_is_set_again(name, inside):
    torch.set_float32_matmul_precision("medium")
    try:
        with contextlib.suppress(KeyError), matrix_products(name):
            assert torch.get_float32_matmul_precision() == inside
            raise KeyError
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("name", ["highest", "tf32"])
def test_only_bf16_changes_the_forward_pass(name):
    with forward_pass(name, CPU):
        assert not torch.is_autocast_enabled("cpu")


def test_tf32_is_refused_where_it_would_do_nothing(monkeypatch):
    for name in ("highest", "bf16"):
        check(name, CPU)
    with pytest.raises(BenchError, match="tf32 exists on GPUs alone"):
        check("tf32", CPU)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    with pytest.raises(BenchError, match="Tesla T4 does not have it"):
        check("tf32", GPU)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    check("tf32", GPU)


def planned(folder, **hyper):
    request = plan.Request(datasets=[str(folder)], models=["VBPR"], budget="smoke", protocols=["clean"], hyper=hyper)
    (one,) = plan.jobs(request)
    return one


def test_a_job_s_row_and_key_name_its_precision(folder):
    usual, rounded = planned(folder).job, planned(folder, precision="bf16").job
    assert (usual.run, rounded.run) == ("VBPR", "VBPR (precision=bf16)")
    assert usual.key != rounded.key


def test_a_job_trains_in_its_precision_or_says_why_not(folder, tmp_path):
    store = Store(tmp_path / "results")
    usual, rounded, refused = (
        job.run(planned(folder, **hyper), store, device="cpu")
        for hyper in ({}, {"precision": "bf16"}, {"precision": "tf32"})
    )
    assert rounded.status == "done"
    assert rounded.settings["precision"] == "bf16"
    assert rounded.curve[0]["loss"] == pytest.approx(usual.curve[0]["loss"], rel=1e-2)
    assert rounded.curve[0]["loss"] != usual.curve[0]["loss"]
    assert (refused.status, refused.reason[:14]) == ("failed", "precision=tf32")


def test_searches_leave_the_precision_alone():
    assert "precision" not in space(registry.find("VBPR")[0])


def test_an_exact_function_multiplies_in_float32_in_both_passes():
    seen = []

    class Twice(ExactFunction):
        @staticmethod
        def forward(ctx, x):
            seen.append(torch.get_float32_matmul_precision())
            return 2 * x

        @staticmethod
        def backward(ctx, grad):
            seen.append(torch.get_float32_matmul_precision())
            return 2 * grad

    x = torch.ones(3, requires_grad=True)
    with matrix_products("tf32"):
        Twice.apply(x).sum().backward()
        assert torch.get_float32_matmul_precision() == "high"
    assert seen == ["highest", "highest"]
    assert x.grad.tolist() == [2.0] * 3
