"""A run that stops and goes on ends where one that never stopped ends, to the bit."""

from io import BytesIO
from pathlib import Path

import pytest
import torch

from baselines.bm3 import BM3
from baselines.bprmf import BPRMF
from baselines.dmrl import DMRL
from baselines.freedom import FREEDOM
from baselines.invrl import InvRL
from baselines.lattice import LATTICE
from baselines.lgmrec import LGMRec
from baselines.lightgcn import LightGCN
from baselines.mgat import MGAT
from baselines.mmgcn import MMGCN
from baselines.ngcf import NGCF
from baselines.svdpp import SVDPP
from baselines.vbpr import VBPR
from bench.files import read_sealed, write_sealed
from bench.spec import Budget
from bench.train import seed
from bench.train.batches import Batches
from bench.train.checkpoint import Checkpoint, Stopped
from bench.train.fit import fit
from models.causal_mmrec import CausalMMRec
from models.mcln import MCLN
from tests.toy import make, random_set

MODELS = [BPRMF, SVDPP, NGCF, LightGCN, VBPR, MMGCN, MGAT, InvRL, DMRL, CausalMMRec, MCLN]
MODELS += [BM3, FREEDOM, LATTICE, LGMRec]  # whose steps draw noise or graphs, or keep a graph for an epoch


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

    def report(entry, fit):
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


@pytest.mark.parametrize(("every", "stop_after", "left"), [(2, 5, [5, 6]), (1, 2, [2, 3, 4, 5, 6])])
def test_it_goes_on_and_does_not_start_anew(tmp_path, every, stop_after, left):
    """An epoch whose report ends the run, as the pruning of a trial does, is not behind it: it ends it again."""
    with pytest.raises(Killed):
        train(BPRMF, tmp_path / "c", stop_after=stop_after, every=every)
    epochs = []
    original = BPRMF.before_epoch
    BPRMF.before_epoch = lambda self, epoch: epochs.append(epoch)
    try:
        train(BPRMF, tmp_path / "c")
    finally:
        BPRMF.before_epoch = original
    assert epochs == left


def test_a_checkpoint_holds_no_pickled_objects(tmp_path):
    with pytest.raises(Killed):
        train(BPRMF, tmp_path / "c", stop_after=3)
    state = torch.load(BytesIO(read_sealed(tmp_path / "c", owner="c")), weights_only=True)
    assert state["fit"]["epochs"] == 2


DAMAGE = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "a bit flipped in the state": lambda whole: whole[:-900] + bytes([whole[-900] ^ 1]) + whole[-899:],
    "a bit flipped in the seal": lambda whole: bytes([whole[0] ^ 1]) + whole[1:],
    "without its seal": lambda whole: whole.partition(b"\n")[2],
    "longer": lambda whole: whole + b"x",
    "of others": lambda whole: b"PK\x03\x04 an archive",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_checkpoint_that_is_not_what_was_written_is_left_aside(tmp_path, capsys, damage):
    path = tmp_path / "c"
    checkpoint = Checkpoint(path, every=1, generator=torch.Generator().manual_seed(1))
    checkpoint.save(1, {"x": torch.arange(300.0)})
    assert checkpoint.load()["x"].tolist() == list(range(300))
    before = torch.get_rng_state()
    path.write_bytes(damage(path.read_bytes()))
    assert checkpoint.load() is None
    said = capsys.readouterr().err
    assert said == f"{path} cannot be used ({path} is not what was written there); starting anew\n"
    assert torch.equal(torch.get_rng_state(), before)


def test_a_checkpoint_of_another_job_is_left_aside(tmp_path, capsys):
    other = Checkpoint(tmp_path / "other.checkpoint", every=1, generator=torch.Generator())
    other.save(1, {"x": 1})
    other.path.rename(tmp_path / "own.checkpoint")
    assert Checkpoint(tmp_path / "own.checkpoint", every=1, generator=torch.Generator()).load() is None
    assert "starting anew" in capsys.readouterr().err


def test_objects_are_not_unpickled_even_behind_a_seal(tmp_path, capsys):
    content = BytesIO()
    torch.save({"x": Path("/")}, content)  # of a class that torch's reader of weights does not know
    write_sealed(tmp_path / "c", content.getvalue(), owner="c")
    assert Checkpoint(tmp_path / "c", every=1, generator=torch.Generator()).load() is None
    assert "starting anew" in capsys.readouterr().err


def test_a_run_whose_checkpoint_was_cut_ends_as_one_that_began_anew(tmp_path, capsys):
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


def test_none_is_written_of_the_last_epoch(tmp_path):
    train(BPRMF, tmp_path / "c", every=6)
    assert not (tmp_path / "c").exists()


def test_a_checkpoint_of_another_kind_of_device_is_not_gone_on_from(tmp_path, capsys):
    checkpoint = Checkpoint(tmp_path / "state", every=1, generator=torch.Generator())
    checkpoint.save(1, {"x": 1})
    state = torch.load(BytesIO(read_sealed(checkpoint.path, owner="state")), weights_only=True)
    small = torch.zeros(16, dtype=torch.uint8)  # what a generator on a GPU has
    content = BytesIO()
    torch.save({**state, "random": {**state["random"], "batches": small, "cuda": small}}, content)
    write_sealed(checkpoint.path, content.getvalue(), owner="state")
    assert checkpoint.load() is None
    assert "starting anew" in capsys.readouterr().err


def test_a_run_that_is_stopped_says_whether_its_state_is_kept(tmp_path, monkeypatch):
    one = Checkpoint(tmp_path / "kept", every=0, generator=torch.Generator(), stop=lambda: True)
    with pytest.raises(Stopped, match="^$"):
        one.save(1, {"a": 1})
    assert one.path.exists()

    def full(*args, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench.train.checkpoint.write_sealed", full)
    lost = Checkpoint(tmp_path / "lost", every=0, generator=torch.Generator(), stop=lambda: True)
    with pytest.raises(Stopped, match="^its state could not be written$"):
        lost.save(1, {"a": 1})
