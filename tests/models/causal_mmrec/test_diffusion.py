"""The noise schedule, the samplers, and networks trained fold by fold."""

import pytest
import torch

from models.causal_mmrec.diffusion import Denoisers, add_noise, cross_fit, ddim, read_out, signal_shares
from models.causal_mmrec.latents import explained
from tests.models.causal_mmrec.test_latents import linked

approx = pytest.approx


@pytest.fixture(autouse=True, scope="module")
def _narrow():
    """Narrow networks: a tenth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.causal_mmrec.diffusion.HIDDEN", 64)
        yield


def test_linear_schedule_by_the_specification():
    shares = signal_shares(50)
    assert shares[0] == 1
    assert (shares.diff() < 0).all()
    expected = {1: 0.998, 10: 0.672951, 25: 0.069089, 40: 0.000714, 50: 8e-6}
    assert {t: shares[t].item() for t in expected} == {t: approx(v, abs=6e-7) for t, v in expected.items()}
    assert shares[50] < 1e-4


def test_noise_has_the_right_mean_and_variance():
    torch.manual_seed(0)
    clean, share = torch.tensor([2.0, -1.0]), torch.tensor(0.6)
    noised = add_noise(clean.expand(100_000, 2), torch.randn(100_000, 2), share.expand(100_000))
    assert torch.allclose(noised.mean(0), share.sqrt() * clean, atol=0.01)
    assert torch.allclose(noised.var(0), 1 - share, atol=0.01)


@pytest.mark.parametrize("n_steps", [1, 5, 10, 50])
def test_ddim_returns_what_an_oracle_knows(n_steps):
    clean = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    sample = ddim(lambda state, t: clean, torch.randn(7, 4), signal_shares(50), n_steps)
    assert torch.allclose(sample, clean, atol=1e-5)


def test_a_stack_of_networks_is_each_network_alone():
    torch.manual_seed(0)
    nets = Denoisers(3, source_size=4, target_size=2, n_steps=50)
    state, source, time = torch.randn(3, 6, 2), torch.randn(3, 6, 4), torch.randint(0, 51, (3, 6))
    w, b = nets.weights, nets.biases
    for n in range(3):
        x = torch.cat([state[n], source[n], nets.time[time[n]]], dim=1)
        hidden = torch.nn.functional.silu(x @ w[0][n] + b[0][n])
        hidden = hidden + torch.nn.functional.silu(hidden @ w[1][n] + b[1][n])
        assert torch.allclose(nets(state, time, source)[n], hidden @ w[2][n] + b[2][n], atol=1e-6)


def test_one_step_read_out_is_the_mean_over_noises():
    torch.manual_seed(0)
    nets, shares = Denoisers(2, source_size=3, target_size=2, n_steps=50), signal_shares(50)
    source, noise = torch.randn(2, 5, 3), torch.randn(4, 2, 5, 2)
    last = torch.full((2, 5), 50)
    expected = torch.stack([nets(e, last, source) for e in noise]).mean(0)
    assert torch.allclose(read_out(nets, source, noise, shares), expected, atol=1e-6)


@pytest.fixture(scope="module")
def learnt():
    source, target, fold, fits = linked()
    return target, fits, cross_fit(source, target, fold, fits, steps=300)


def test_the_loss_falls_and_a_linear_link_is_found(learnt):
    target, fits, (predicted, losses) = learnt
    assert sum(losses[-20:]) < 0.5 * sum(losses[:20])
    assert explained(target, predicted, fits).min() > 0.9


def test_strangers_predict_nothing():
    source, _, fold, fits = linked()
    strangers = torch.randn(300, 4, generator=torch.Generator().manual_seed(9))
    predicted, _ = cross_fit(source, strangers, fold, fits, steps=60)
    assert explained(strangers, predicted, fits).max() <= 0.02


@pytest.mark.parametrize("how", ["one_step", "ddim"])
def test_equal_seeds_give_equal_bits(how):
    runs = []
    for _ in range(2):
        source, target, fold, fits = linked(n=60)
        runs.append(cross_fit(source, target, fold, fits, steps=15, how=how)[0])
    assert torch.equal(*runs)


def test_a_target_does_not_reach_its_own_prediction():
    """Also where another fold's patience ends at another step."""
    runs = []
    for more in (0.0, 50.0):
        source, target, fold, fits = linked(n=60)
        target[7] += more
        torch.manual_seed(1)
        runs.append(cross_fit(source, target, fold, fits, steps=101)[0])
    assert torch.equal(runs[0][7], runs[1][7])
    assert not torch.equal(*runs)


def test_items_without_a_source_get_zero_and_without_a_target_a_prediction():
    source, target, fold, fits = linked(n=60)
    fold[3], fits[3], fits[5] = -1, False, False
    predicted, _ = cross_fit(source, target, fold, fits, steps=5)
    assert not predicted[3].any()
    assert predicted[5].any()


def test_too_few_items_predict_nothing():
    source, target, fold, fits = linked(n=12)
    predicted, losses = cross_fit(source, target, fold, fits, steps=5)
    assert not predicted.any()
    assert losses == []
