"""MCLN: the authors' own numbers, the naive oracle, and what must hold in any case."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.spec import BenchError
from models.mcln import MCLN, CounterfactualLayer
from tests import golden
from tests.oracles.mcln import NaiveMCLN
from tests.toy import as_dense, make, random_batch, random_set, toy_set

approx = pytest.approx
GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("mcln_*.npz"))
TINY = {"embedding_size": 4, "n_layers": 2}


def score(model, user, *items):
    with torch.no_grad():
        return model.score(model.represent(), torch.tensor([user]), torch.tensor([items]))[0].tolist()


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_the_authors_own_numbers(path):
    found = golden.differences(str(path))
    assert len(found) > 40
    assert max(found.values()) < 1e-5


def test_golden_fails_in_one_line(tmp_path, capsys):
    (tmp_path / "garbled.npz").write_bytes(b"PK\x03\x04 no archive")
    stored = dict(np.load(GOLDEN[0]))
    np.savez(tmp_path / "short.npz", **{k: v for k, v in stored.items() if k != "cf"})
    np.savez(tmp_path / "other.npz", **{**stored, "g/w1_v:0": 1.001 * stored["g/w1_v:0"]})
    for name in ("missing", "garbled", "short"):
        assert not golden.check(str(tmp_path / f"{name}.npz"))
        assert capsys.readouterr().out.count("\n") == 1
    assert not golden.check(str(tmp_path / "other.npz"))
    assert capsys.readouterr().out.count("ABOVE") == 1


def test_no_layers():
    model = make(MCLN, toy_set(), **{**TINY, "n_layers": 0, "n_attention_layers": 0})
    users, items = model.embed()
    assert torch.equal(users, model.user_embedding.weight)
    assert torch.equal(items[:, :4], model.item_embedding.weight)
    assert model.heads[0].shape == (12, 4)
    assert len(score(model, 1, 1, 2)) == 2


def test_base_is_lightgcn():
    settings = {"modalities": "none", "use_cl": False, "alpha": 0.0, "self_loop": False}
    model = make(MCLN, toy_set(), **TINY, **settings)
    a = as_dense(model.adjacency)
    degree = (a != 0).sum(1).float()
    assert torch.allclose(a, a.T)
    assert torch.allclose(a @ degree.sqrt(), degree.sqrt())
    e = torch.cat([model.user_embedding.weight, model.item_embedding.weight])
    mean = (e + a @ e + a @ a @ e) / 3
    assert score(model, 2, 1, 2, 3) == approx((mean[2] @ mean[4:].T).tolist(), abs=1e-6)


def oracle_pair(data, preset, **settings):
    torch.manual_seed(0)
    model = make(MCLN, data, **{**MCLN.presets[preset], **TINY, **settings})
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.4)
    model = model.double() if settings else model  # the presets themselves are held to 1e-5 in float32
    return model, NaiveMCLN(data, model.hyper, model.state_dict())


MODALITIES = [("textual",), ("visual", "textual"), ("visual", "textual", "acoustic")]
VARIANTS = [("released", {}), ("paper", {}), ("itemwise", {})]
VARIANTS += [("released", {"attn_diff": "none"}), ("paper", {"n_attention_layers": 3, "use_id": False})]


@pytest.mark.parametrize("modalities", MODALITIES, ids=len)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize(("preset", "settings"), VARIANTS)
def test_equals_the_oracle(preset, settings, sparse, modalities):
    data = random_set(sparse=sparse, modalities=modalities)
    model, oracle = oracle_pair(data, preset, **settings)
    batch = random_batch(data, n_negatives=2)
    for ours, theirs in zip(
        model.losses(batch),
        oracle.losses(batch["user_id"], batch["item_id"], *batch["neg_item_id"].T),
        strict=True,
    ):
        assert ours.item() == approx(theirs.item(), rel=1e-5)
        ours.backward(retain_graph=True), theirs.backward(retain_graph=True)
    for name, p in model.named_parameters():
        expected = oracle.state[name].grad
        assert (p.grad - expected).abs().max() <= 1e-5 * expected.abs().max(), name


@pytest.mark.parametrize(("preset", "settings"), VARIANTS)
def test_scores_equal_the_oracle(preset, settings):
    data = random_set()
    model, oracle = oracle_pair(data, preset, **settings)
    user, item = torch.tensor([3, 9, 3]), torch.randint(1, 41, (3, 7))
    with torch.no_grad():
        ours = model.score(model.represent(), user, item)
        for row, u, i in zip(ours, user, item, strict=True):
            assert row.tolist() == approx(oracle.scores(u, i).tolist(), rel=1e-4, abs=1e-4)


def test_blocks_of_users_do_not_show(monkeypatch):
    model, _ = oracle_pair(random_set(), "released")
    user, item = torch.arange(1, 7), torch.randint(1, 41, (6, 5))
    shared = model.represent()
    whole = model.score(shared, user, item)
    monkeypatch.setattr("models.mcln.model.SCORED_ROWS", 10)
    assert torch.allclose(whole, model.score(shared, user, item), atol=1e-5)


@pytest.mark.parametrize("preset", ["released", "paper"])
def test_full_ranking_is_refused(preset):
    model, _ = oracle_pair(random_set(), preset)
    assert model.is_candidate_dependent
    with pytest.raises(BenchError, match="so it cannot rank all items"):
        model.full_sort_predict({"user_id": torch.tensor([1])})


def test_itemwise_scores_stand_alone():
    model, _ = oracle_pair(random_set(), "itemwise")
    every = model.full_sort_predict({"user_id": torch.tensor([2, 5])}).view(2, -1)
    assert not model.is_candidate_dependent
    assert score(model, 5, 7, 7, 1) == approx(every[1, [7, 7, 1]].tolist(), rel=1e-5)
    alone = model.predict({"user_id": torch.tensor([5, 2]), "item_id": torch.tensor([7, 9])})
    assert alone.tolist() == approx([every[1, 7].item(), every[0, 9].item()], rel=1e-5)


def test_itemwise_scores_know_no_other_item():
    model, _ = oracle_pair(random_set(), "itemwise", n_layers=0)
    before = score(model, 5, 7)
    with torch.no_grad():
        model.item_embedding.weight[8:] += 1
    assert score(model, 5, 7) == before


SWITCHES = {
    **{"lambda_m_on": "all_content", "modalities": "visual", "use_intra": False, "use_cl": False, "use_id": False},
    **{"attention": "modalities", "attn_linear": False, "ffn_second_relu": False, "head_relu": False, "alpha": 0.4},
    **{"share_heads": True, "neg_branch": "counterfactual", "loss": "two_term", "self_loop": False, "lambda_m": 0.8},
    **{"n_layers": 3, "n_attention_layers": 1, "reg_weight": 0.5, "embedding_size": 3},
}
CHANGES = [*SWITCHES.items(), ("attn_diff", "probs"), ("attn_diff", "none")]
CHANGES += [("modalities", "textual"), ("modalities", "none")]


def test_every_switch_is_tried():
    assert {name for name, _ in CHANGES} == set(MCLN.Hyper.__dataclass_fields__)


@pytest.mark.parametrize(("name", "value"), CHANGES)
def test_every_switch_matters(name, value):
    data, found = random_set(), []
    for settings in ({}, {name: value}):
        model, _ = oracle_pair(data, "released", **settings)
        loss = model.calculate_loss(random_batch(data, n_negatives=2)).item()
        found.append([loss, *score(model, 3, 4, 9, 2)])
    assert found[0] != approx(found[1], rel=1e-4)


@pytest.mark.parametrize("preset", MCLN.presets)
def test_presets_learn(preset):
    data = random_set()
    model = make(MCLN, data, **MCLN.presets[preset], embedding_size=8)
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=1e-2), []
    for _ in range(8):
        optimizer.zero_grad()
        losses.append(model.calculate_loss(random_batch(data, n_negatives=2)))
        losses[-1].backward()
        optimizer.step()
    assert all(p.grad.any() for p in model.parameters())
    assert losses[-1] < losses[0] - 0.05


def test_one_negative_a_row_is_completed():
    data = random_set()
    model = make(MCLN, data, **TINY)
    batch = random_batch(data)
    assert batch["neg_item_id"].ndim == 1
    assert model.calculate_loss(batch).isfinite()


def test_settings_that_cannot_be():
    with pytest.raises(BenchError, match="offers textual"):
        make(MCLN, toy_set(modalities=("textual",)), modalities="visual")
    with pytest.raises(BenchError, match="needs a token"):
        make(MCLN, toy_set(), modalities="none", use_id=False)


def test_initial_weights():
    model = make(MCLN, random_set(), embedding_size=8)
    layer = CounterfactualLayer(16, model.hyper)
    limit = (6 / (16 + 64)) ** 0.5
    assert 0.9 * limit < layer.expand.weight.abs().max() <= limit
    assert not layer.expand.bias.any()
    assert layer.attention_norm.eps == layer.output_norm.eps == 1e-12
    assert model.user_embedding.weight.abs().max() <= (6 / (31 + 8)) ** 0.5
    other = make(MCLN, random_set(), embedding_size=8)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), other.parameters(), strict=True))
