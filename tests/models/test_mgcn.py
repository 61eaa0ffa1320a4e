"""MGCN: the reference's arrays, gates and fuser by hand, what the contrast's weight reaches."""

import pytest
import torch

from baselines.lightgcn import LightGCN
from baselines.mgcn import MGCN
from bench.nn.graph import SparseMatrix
from tests.models.reference import files, worst
from tests.toy import make, random_batch, random_set


def small(data=None, **settings):
    return make(MGCN, data or random_set(), **{"embedding_size": 4, "n_neighbours": 3, **settings})


def zero(*linears):
    for linear in linears:
        for parameter in linear.parameters():
            torch.nn.init.zeros_(parameter)


@pytest.mark.parametrize("path", files("mgcn"))
def test_reference(path):
    assert worst(path) < 1e-4


def test_open_gates_and_graphs_that_do_nothing():
    """Gates at 1/2 and S = I: every modality's items are Q / 2, so K = Q / 2 and D = K / 3."""
    model = small()
    zero(*model.gate.values())
    for modality in model.item_graph:
        model.item_graph[modality] = SparseMatrix(torch.eye(model.n_items).numpy())
    behaviour, side = model.views()
    ids = model.item_embedding.weight
    assert torch.allclose(side[model.n_users :], ids / 6)
    assert torch.allclose(side[: model.n_users], model.gather(ids / 6), atol=1e-7)


def test_fuser_by_hand():
    """Equal shares and preferences at 1/2: D = (sum of (Z_m - K) / 2 + K) / 3 with K the mean of the views."""
    model = small()
    zero(model.query, *model.prefer.values())
    z = list(model.modality_views().values())
    common = (z[0] + z[1]) / 2
    expected = ((z[0] - common) / 2 + (z[1] - common) / 2 + common) / 3
    assert torch.allclose(model.views()[1], expected, atol=1e-7)


def test_the_share_follows_the_query():
    """A query of 0 for one view and of ln 3 for the other: shares 1/4 and 3/4."""
    model = small(embedding_size=1)
    nodes = model.n_users + model.n_items
    model.modality_views = lambda: {"visual": torch.zeros(nodes, 1), "textual": torch.ones(nodes, 1)}
    zero(*model.prefer.values())
    first, _, last = model.query
    with torch.no_grad():
        first.weight.fill_(50.0)
        first.bias.zero_()
        last.weight.fill_(torch.log(torch.tensor(3.0)))
    common = torch.tensor(0.75)
    expected = ((0 - common) / 2 + (1 - common) / 2 + common) / 3
    assert torch.allclose(model.views()[1], expected)


def test_behaviour_is_lightgcn():
    data = random_set()
    model = small(data, n_layers=2)
    plain = make(LightGCN, data, embedding_size=4, n_layers=2)
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if k.endswith("embedding.weight")})
    assert torch.allclose(model.views()[0], torch.cat(plain.embed()), atol=1e-7)


def test_terms_add_up_and_l2_is_on_the_final_vectors():
    data = random_set()
    model, batch = small(data, reg_weight=0.5), random_batch(random_set())
    terms = model.terms(batch)
    users, items = model.embed()
    rows = [users[batch["user_id"]], items[batch["item_id"]], items[batch["neg_item_id"]]]
    assert terms["reg"].item() == pytest.approx(0.25 * sum(r.square().sum().item() for r in rows) / 16, rel=1e-5)
    assert model.calculate_loss(batch).item() == pytest.approx(sum(terms.values()).item())
