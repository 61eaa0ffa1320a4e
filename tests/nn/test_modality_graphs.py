"""What MMGCN and MGAT share: tables, starts, products, and the rows that a batch asks for."""

import pytest
import torch
from torch import nn

from baselines.mgat import MGAT
from baselines.mmgcn import MMGCN
from bench.nn.features import FeatureRows
from bench.nn.modality_graphs import ModalityGraph, hold, pick, two_products
from bench.spec import NotApplicable
from tests.toy import make, random_batch, random_set

SMALL = {"embedding_size": 4, "visual_size": 6, "other_size": 5}
SETTINGS = [{}, {"n_layers": 1}, {"n_layers": 3}]


@pytest.mark.parametrize("model", [MMGCN, MGAT])
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: str(s.get("n_layers", 2)))
def test_rows_of_a_batch_are_those_of_the_whole_graph(model, settings):
    """Loss terms and gradients of the rows asked for, against those of all rows, of which the same are taken."""
    model = make(model, random_set(), **SMALL, **settings).double()
    nodes = model.batch_nodes(random_batch(random_set()))
    some, every = model.node_rows(nodes), torch.cat(model.embed())[nodes]
    assert torch.allclose(some, every, atol=1e-12)
    slope = torch.randn_like(some)
    ours, theirs = (torch.autograd.grad(rows, tuple(model.parameters()), slope) for rows in (some, every))
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(ours, theirs, strict=True))


def test_batch_scores_by_hand():
    model = make(MMGCN, random_set(), **SMALL).double()
    batch = {k: torch.tensor(v) for k, v in (("user_id", [3, 5]), ("item_id", [2, 7]), ("neg_item_id", [9, 1]))}
    users, items = model.embed()
    positive, negative = model.batch_scores(model.batch_nodes(batch))
    assert positive.tolist() == pytest.approx([(users[3] @ items[2]).item(), (users[5] @ items[7]).item()])
    assert negative.tolist() == pytest.approx([(users[3] @ items[9]).item(), (users[5] @ items[1]).item()])


@pytest.mark.parametrize("nodes", [None, torch.tensor([4, 0, 4])], ids=["all", "some"])
def test_two_products(nodes):
    torch.manual_seed(0)
    x, weight, linear = torch.randn(5, 3), torch.randn(3, 3), nn.Linear(3, 2)
    wide, narrow = two_products(x, weight, linear, nodes)
    assert torch.allclose(wide, x @ weight, atol=1e-6)
    assert torch.allclose(narrow, linear(x)[slice(None) if nodes is None else nodes], atol=1e-6)


def test_start_by_hand():
    rows = torch.tensor([[0.0, 0.0], [3.0, 4.0]]).numpy()
    graph = ModalityGraph(FeatureRows(rows), 2, width=2, layers=list, squash=lambda x: -x)
    with torch.no_grad():
        graph.project.weight.copy_(torch.eye(2)), graph.project.bias.copy_(torch.tensor([0.0, 1.0]))
        graph.preference.copy_(torch.tensor([[0.0, 2.0], [-5.0, 0.0]]))
    start = torch.tensor([[0, 1], [-1, 0], [0, -1], [-3 / 34**0.5, -5 / 34**0.5]])  # two users, two items
    assert torch.allclose(graph.start(), start)


def test_a_frozen_table_is_a_buffer():
    module = nn.Module()
    hold(module, "free", 2, 3, frozen=False), hold(module, "fixed", 2, 3, frozen=True)
    assert [name for name, _ in module.named_parameters()] == ["free"]
    assert set(module.state_dict()) == {"free", "fixed"}


def test_pick():
    x = torch.arange(6.0).view(3, 2)
    assert pick(x, None) is x
    assert pick(x, torch.tensor([2, 0])).tolist() == [[4, 5], [0, 1]]


@pytest.mark.parametrize("model", [MMGCN, MGAT])
def test_a_set_without_content_is_refused_by_name(model):
    with pytest.raises(NotApplicable, match=model.__name__):
        make(model, random_set(modalities=()), **SMALL)
