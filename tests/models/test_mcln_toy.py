"""MCLN: the values of the worked toy, and what moves them."""

import numpy as np
import pytest
import torch

from models.mcln import MCLN
from tests.models.test_mcln import TINY, score
from tests.toy import TOY_ITEMS, TOY_USERS, as_dense, close, make, set_rows, toy_set

approx = pytest.approx
BATCH = {"user_id": [1, 2], "item_id": [1, 2], "neg_item_id": [[3, 3], [1, 1]]}  # negative, counterfactual
BATCH = {name: torch.tensor(ids) for name, ids in BATCH.items()}
HEAD = [[1, 0], [0, 1], [0.5, 0], [0, 0.5], [0.2, -0.1], [-0.1, 0.2]]
NEGATIVE_HEAD = [[0, 1], [1, 0], [0, 0.5], [0.5, 0], [-0.1, 0.2], [0.2, -0.1]]


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
