"""A run that stops and goes on ends where one that never stopped ends, to the bit."""

import pytest
import torch

from baselines.bprmf import BPRMF
from baselines.dmrl import DMRL
from baselines.invrl import InvRL
from baselines.lightgcn import LightGCN
from baselines.mgat import MGAT
from baselines.mmgcn import MMGCN
from baselines.ngcf import NGCF
from baselines.svdpp import SVDPP
from baselines.vbpr import VBPR
from bench.spec import Budget
from bench.train import seed
from bench.train.batches import Batches
from bench.train.checkpoint import Checkpoint
from bench.train.fit import fit
from models.causal_mmrec import CausalMMRec
from models.mcln import MCLN
from tests.toy import make, random_set

MODELS = [BPRMF, SVDPP, NGCF, LightGCN, VBPR, MMGCN, MGAT, InvRL, DMRL, CausalMMRec, MCLN]


WAVES = {"sampled.m": torch.sin, "full.m": torch.cos}  # two metrics that follow the weights and peak apart


class Killed(BaseException):
    """What no handler of errors may hold up."""


def train(model_class, path, *, stop_after=None, every=2, epochs=6):
    """Six epochs, evaluated by a number that follows the weights, or cut at epoch ``stop_after``."""
    data = random_set()
    seed.seed_all(3, "init")
    model = make(model_class, data, seed=3)
    generator = seed.generator(3, "sampling", torch.device("cpu"))
    batches = Batches(
        data.user,
        data.item,
        draw_negatives=model.draw_negatives,
        n_negatives=model.n_negatives,
        size=64,
        sampling="interaction",
        generator=generator,
    )
    seed.seed_all(3, "train")

    def report(entry):
        if entry["epoch"] == stop_after:
            raise Killed

    result = fit(
        model,
        batches,
        budget=Budget(name="test", epochs=epochs, eval_every=1, patience=None),
        learning_rate=0.01,
        evaluate=lambda: {
            name: float(sum(f(p.detach()).sum() for p in model.parameters())) for name, f in WAVES.items()
        },
        select=list(WAVES),
        report=report,
        checkpoint=Checkpoint(path, every=every, generator=generator),
    )
    return model, result


def plain(result):
    """What must agree: everything but seconds."""
    curve = [{k: v for k, v in entry.items() if k != "seconds"} for entry in result.curve]
    return curve, result.choices, result.epochs


@pytest.mark.parametrize("model_class", MODELS, ids=lambda c: c.__name__)
def test_a_killed_run_ends_as_one_never_killed(model_class, tmp_path):
    whole, expected = train(model_class, tmp_path / "whole")
    path = tmp_path / "cut"
    with pytest.raises(Killed):
        train(model_class, path, stop_after=5)
    assert path.exists()  # of epoch 4
    resumed, found = train(model_class, path)
    assert plain(found) == plain(expected)
    for metric in WAVES:
        expected.load(whole, metric)
        found.load(resumed, metric)
        for name, value in whole.state_dict().items():
            assert torch.equal(value, resumed.state_dict()[name]), name


def test_it_goes_on_and_does_not_start_anew(tmp_path):
    with pytest.raises(Killed):
        train(BPRMF, tmp_path / "c", stop_after=5)
    epochs = []
    original = BPRMF.before_epoch
    BPRMF.before_epoch = lambda self, epoch: epochs.append(epoch)
    try:
        train(BPRMF, tmp_path / "c")
    finally:
        BPRMF.before_epoch = original
    assert epochs == [5, 6]


def test_a_checkpoint_holds_no_pickled_objects(tmp_path):
    with pytest.raises(Killed):
        train(BPRMF, tmp_path / "c", stop_after=3)
    state = torch.load(tmp_path / "c", weights_only=True)
    assert state["fit"]["epochs"] == 2


def test_a_cut_checkpoint_is_left_aside(tmp_path, capsys):
    expected = plain(train(BPRMF, tmp_path / "whole")[1])
    with pytest.raises(Killed):
        train(BPRMF, tmp_path / "c", stop_after=3)
    content = (tmp_path / "c").read_bytes()
    (tmp_path / "c").write_bytes(content[: len(content) // 2])
    assert plain(train(BPRMF, tmp_path / "c")[1]) == expected
    assert "starting anew" in capsys.readouterr().err


def test_none_is_written_where_none_is_asked_for(tmp_path):
    train(BPRMF, tmp_path / "c", every=0)
    assert not (tmp_path / "c").exists()


def test_a_checkpoint_of_another_kind_of_device_is_not_gone_on_from(tmp_path, capsys):
    checkpoint = Checkpoint(tmp_path / "state", every=1, generator=torch.Generator())
    checkpoint.save(1, {"x": 1})
    state = torch.load(checkpoint.path, weights_only=True)
    small = torch.zeros(16, dtype=torch.uint8)  # what a generator on a GPU has
    torch.save({**state, "random": {**state["random"], "batches": small, "cuda": small}}, checkpoint.path)
    assert checkpoint.load() is None
    assert "starting anew" in capsys.readouterr().err
