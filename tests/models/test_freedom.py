"""FREEDOM: the reference's arrays, a worked toy, LightGCN where it reduces to it, what draws may and may not move."""

import pytest
import torch

from baselines.freedom import FREEDOM
from baselines.lightgcn import LightGCN
from tests.models.reference import files, worst
from tests.toy import TOY_ITEMS, TOY_USERS, as_dense, make, random_batch, random_set, set_rows, toy_batch, toy_set


def small(data=None, **settings):
    return make(FREEDOM, data or random_set(), **{"embedding_size": 4, "n_neighbours": 3, **settings})


@pytest.mark.parametrize("path", files("freedom"))
def test_reference(path):
    assert worst(path) < 1e-5


def test_toy_graph_and_vectors():
    """Visual cosines: .632 of items 0 and 1, .4 of 0 and 2, .316 of 1 and 2; textual: .707 of 0 and 1, .707 of 0 and 2.

    With two neighbours, the item among them, the visual lists are 01, 10, 20 and the textual ones 01, 10, 20.
    """
    model = small(toy_set(), embedding_size=2, n_neighbours=2, n_layers=1).eval()
    assert torch.allclose(
        as_dense(model.item_graph)[1:, 1:], torch.tensor([[0.5, 0.5, 0], [0.5, 0.5, 0], [0.5, 0, 0.5]])
    )
    set_rows(model.user_embedding.weight, TOY_USERS)
    set_rows(model.item_embedding.weight, TOY_ITEMS)
    users, items = model.embed()
    root = 0.5**0.5  # of the degrees 1 and 2; 2 and 2 give 1/2
    expected = [(0.1 + root * 0.5 + 0.5 * 0.2) / 2, (0.2 - root * 0.1 + 0.5 * 0.3) / 2]
    assert users[1].tolist() == pytest.approx(expected)
    expected = [(0.5 + root * 0.1) / 2 + (0.5 + 0.2) / 2, (-0.1 + root * 0.2) / 2 + (-0.1 + 0.3) / 2]
    assert items[1].tolist() == pytest.approx(expected)


def test_shares_of_the_modalities():
    """Each list weighs its modality's share of 1/k: the visual one alpha, the others the rest."""
    data = random_set(modalities=("visual", "textual", "acoustic"))
    alone = {m: as_dense(small(random_set(modalities=(m,))).item_graph) for m in ("visual", "textual", "acoustic")}
    data.item_features = {m: random_set(modalities=(m,)).item_features[m] for m in alone}
    mixed = as_dense(small(data, visual_weight=0.4).item_graph)
    assert torch.allclose(mixed, 0.4 * alone["visual"] + 0.3 * alone["textual"] + 0.3 * alone["acoustic"], atol=1e-6)
    assert torch.allclose(mixed.sum(1), torch.ones(len(mixed)), atol=1e-5)


def test_without_graph_and_content_it_is_lightgcn():
    data, weights = random_set(), {"embedding_size": 4, "n_layers": 2}
    model = small(data, n_layers=2, content_weight=1e-12)
    plain = make(LightGCN, data, **weights, reg_weight=1e-12)
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if "embedding" in k}, strict=False)
    model.item_graph.forward_values.zero_()
    batch = random_batch(data)
    assert model.calculate_loss(batch).item() == pytest.approx(plain.calculate_loss(batch).item(), abs=1e-6)
    for ours, theirs in zip(model.embed(), plain.embed(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_an_evaluation_does_not_see_the_draws():
    model = small(drop_rate=0.5)
    before = model.eval().embed()
    model.train().before_epoch(1)
    drawn = model.embed()
    assert not torch.equal(drawn[0], before[0])
    assert all(torch.equal(a, b) for a, b in zip(model.eval().embed(), before, strict=True))


def test_a_projection_learns_from_its_weight_alone():
    data = toy_set()
    model = small(data, embedding_size=2, content_weight=1e-3)
    terms = model.terms(toy_batch())
    assert set(terms) == {"bpr", "visual", "textual"}
    grads = torch.autograd.grad(terms["bpr"], list(model.content.parameters()), allow_unused=True)
    assert grads == (None,) * 4


def test_content_loss_by_hand():
    """u = (1, 0), W = identity on the first two columns: the visual term is softplus of the rows' difference."""
    model = small(toy_set(modalities=("visual",)), embedding_size=2, content_weight=1.0, n_layers=1)
    with torch.no_grad():
        model.content["visual"].linear.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]))
    users = model.embed()[0]
    user, gap = users[1:3], torch.tensor([[2 - 1.0, 1 - 0.0], [1 - 0.0, 0 - 1.0]])  # rows of -2 +0, -0 +1
    expected = torch.nn.functional.softplus((user * gap).sum(1)).mean()
    assert model.terms(toy_batch())["visual"].item() == pytest.approx(expected.item())
