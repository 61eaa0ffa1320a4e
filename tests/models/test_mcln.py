"""MCLN: worked toy values, the authors' own numbers, the naive oracle, and what must hold in any case."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.spec import BenchError
from models.mcln import MCLN, CounterfactualLayer
from tests import golden
from tests.oracles.mcln import NaiveMCLN
from tests.toy import TOY_ITEMS, TOY_USERS, as_dense, close, make, random_batch, random_set, set_rows, toy_set

approx = pytest.approx
GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("mcln_*.npz"))
BATCH = {"user_id": [1, 2], "item_id": [1, 2], "neg_item_id": [[3, 3], [1, 1]]}  # negative, counterfactual
BATCH = {name: torch.tensor(ids) for name, ids in BATCH.items()}
HEAD = [[1, 0], [0, 1], [0.5, 0], [0, 0.5], [0.2, -0.1], [-0.1, 0.2]]
NEGATIVE_HEAD = [[0, 1], [1, 0], [0, 0.5], [0.5, 0], [-0.1, 0.2], [0.2, -0.1]]
TINY = {"embedding_size": 4, "n_layers": 2}


def toy(**settings):
    """The toy of the spec, section 5, in float64."""
    toy_settings = {"embedding_size": 2, "n_layers": 2, "n_attention_layers": 1, **settings}
    model = make(MCLN, toy_set(), **toy_settings).double()
    set_rows(model.user_embedding.weight, TOY_USERS)
    set_rows(model.item_embedding.weight, TOY_ITEMS)
    layer, one = model.layers[0], torch.eye(6).double()
    with torch.no_grad():
        model.projections["visual"].copy_(torch.tensor([[0.1, 0], [0, 0.1], [0.1, -0.1]]))
        model.projections["textual"].copy_(torch.tensor([[0.2, 0], [0, -0.1]]))
        for name, weight in layer.weights.items():
            weight.copy_(2 * one if name == "counterfactual_key" else one)
        layer.expand.weight.copy_(torch.eye(24, 6)), layer.expand.bias.fill_(0.1)
        layer.contract.weight.copy_(0.5 * torch.eye(6, 24)), layer.contract.bias.fill_(-0.2)
        for head, values in zip(model.heads, (HEAD, NEGATIVE_HEAD), strict=False):
            head.copy_(torch.tensor(values))
    return model


def rows(model, *items):
    return model.embed()[1][torch.tensor(items)]


def weights_of(model, items, counterfactual=None):
    """A of the first layer: the attention of the identity."""
    layer, tokens = model.layers[0], model.tokens(rows(model, *items))
    others = counterfactual and layer.other(model.tokens(rows(model, *counterfactual)))
    return layer.attend(tokens, (layer.own(tokens)[0], torch.eye(len(items)).double()), others)


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


def test_toy_graph():
    def cells(model):
        a = as_dense(model.float().adjacency)
        return a[1, [1, 2, 4, 5, 6]].tolist(), a[4, 1].item()  # users 1 2, padding 3, items 4 5 6

    row, back = cells(toy())
    assert row == close([0.372041, 0, 0.437550, 0.372041, 0])
    assert back == close(0.455655)
    row, back = cells(toy(alpha=0.2))
    assert (row[2], back) == close([0.468954, 0.508568])


def test_toy_vectors():
    users, items = toy().embed()
    assert users[1:].tolist() == close([[0.230160, 0.178731], [-0.248261, 0.487510]])
    assert items[1:, :2].tolist() == close([[0.377352, 0.007495], [0.081321, 0.335634], [-0.345292, 0.537353]])
    assert items[1:, 2:4].tolist() == close([[0.3, -0.2], [0.1, 0], [0.2, 0.1]])
    assert items[1:, 4:].tolist() == close([[0.2, -0.1], [0, -0.2], [0.2, 0]])


def test_toy_attention():
    model = toy()
    assert weights_of(model, [1, 2], [3, 1]).tolist() == close([[0.414183, 0.585817], [0.566092, 0.433908]])
    assert weights_of(model, [3, 1]).tolist() == close([[0.555319, 0.444681], [0.462439, 0.537561]])
    probs = weights_of(toy(attn_diff="probs"), [1, 2], [3, 1])
    assert probs.tolist() == close([[-0.084902, 0.084902], [0.065919, -0.065919]])


def test_toy_logits():
    model = toy()
    layer, tokens = model.layers[0], model.tokens(rows(model, 1, 2))
    assert (layer.own(tokens)[0] @ tokens.T).tolist() == close([[0.131640, 0.033967], [0.033967, 0.069101]])
    query, key = layer.other(model.tokens(rows(model, 3, 1)))
    assert (query @ key.T).tolist() == close([[0.406595, -0.037779], [-0.037779, 0.263280]])


def test_toy_fused_and_losses():
    model = toy()
    positive, negative = model.fuse_pairs(rows(model, 1, 2), rows(model, 3, 1), rows(model, 3, 1))
    assert positive.tolist() == close([[2.008506, 0], [1.081858, 0.646299]])
    assert negative.tolist() == close([[1.345024, 0], [0, 1.573944]])
    ranking, regulariser = model.losses(BATCH)
    assert ranking.item() == close(0.620595 + 0.665420 + 0.697410 + 0.868425 + 1e-6)
    assert regulariser.item() == close(0.029697)
    assert model.calculate_loss(BATCH).item() == close(2.881547)


def test_toy_scores():
    model = toy()
    assert score(model, 1, 3, 1) == close([0.301733, 0.449081])
    assert score(model, 1, 3, 1, 2) == close([0.337840, 0.484533, 0.318360])
    assert score(model, 1, 3, 3, 1) == close([0.331527, 0.331527, 0.339929])
    assert score(model, 1, 1) == close([0.605165])
    assert score(model, 1, 1, 3) == approx(score(model, 1, 3, 1)[::-1])  # order moves nothing else


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


def test_the_target_exponent_is_a_half_on_both_sides():
    a = as_dense(toy().float().adjacency).double()[1:, 1:]
    degree = (a != 0).sum(1).double()
    assert not torch.allclose(a, a.T)
    assert torch.allclose(a * degree.sqrt().unsqueeze(1) * degree**0.4, (a != 0).double())


def test_rows_of_attention():
    items, counterfactual = [1, 2, 3], [2, 3, 1]
    sums = [weights_of(toy(attn_diff=diff), items, counterfactual).sum(1) for diff in ("logits", "probs")]
    assert torch.stack(sums).flatten().tolist() == approx([1, 1, 1, 0, 0, 0])
    model = toy()
    with torch.no_grad():
        model.layers[0].weights["counterfactual_key"].copy_(torch.eye(6))
    assert weights_of(model, items, items).flatten().tolist() == approx([1 / 3] * 9)


@pytest.mark.parametrize(
    ("name", "moves"),
    [("layers.0.weights.value", "+-s"), ("heads.1", "-"), ("layers.0.weights.counterfactual_query", "+s")],
)
def test_what_a_weight_moves(name, moves):
    def seen(model):
        fused = model.fuse_pairs(rows(model, 1, 2), rows(model, 3, 1), rows(model, 3, 1))
        return {"+": fused[0].tolist(), "-": fused[1].tolist(), "s": score(model, 1, 3, 1, 2)}

    model = toy()
    before, loss = seen(model), model.calculate_loss(BATCH)
    with torch.no_grad():
        dict(model.named_parameters())[name].mul_(torch.tensor([1.3, 0.7] * 3).double().unsqueeze(1))
    after = seen(model)
    assert "".join(k for k in before if before[k] != after[k]) == moves
    assert loss != model.calculate_loss(BATCH)


def test_lambda_m_scores_and_does_not_train():
    one, other = toy(lambda_m=0.3), toy(lambda_m=0.9)
    for model in (one, other):
        model.calculate_loss(BATCH).backward()
    assert all(torch.equal(p.grad, q.grad) for p, q in zip(one.parameters(), other.parameters(), strict=True))
    assert score(one, 1, 1, 2) != score(other, 1, 1, 2)


@pytest.mark.parametrize(("modalities", "n_terms"), [((), 2), (("visual",), 3), (("visual", "textual"), 4)])
def test_zero_weights(modalities, n_terms):
    model = make(MCLN, toy_set(modalities=modalities), **TINY)
    assert model.heads[0].shape == (4 * (n_terms - 1), 4)
    for p in model.parameters():
        torch.nn.init.zeros_(p)
    assert model.losses(BATCH)[0].item() == approx(n_terms * np.log(2))
    two_term = make(MCLN, toy_set(modalities=modalities), **TINY, loss="two_term")
    two_term.load_state_dict(model.state_dict())
    assert two_term.losses(BATCH)[0].item() == approx(2 * np.log(2))


def test_regulariser_of_ones(monkeypatch):
    model = toy(n_layers=0)
    for p in (model.user_embedding.weight, model.item_embedding.weight):
        torch.nn.init.ones_(p)
    ones = torch.ones(4, 6).double()
    monkeypatch.setattr(model, "embed", lambda: (torch.ones(3, 2).double(), ones))
    monkeypatch.setattr(model, "fuse_pairs", lambda *rows: (ones[:2, :2], ones[:2, :2]))
    assert model.losses(BATCH)[1].item() == approx(model.hyper.reg_weight * 4.5 * 2)


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
