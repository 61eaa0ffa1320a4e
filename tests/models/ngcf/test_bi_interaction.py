"""Every fused function against the plain composition of torch's operators, in float64, gradients included."""

import pytest
import scipy.sparse as sp
import torch
from torch import nn
from torch.nn import functional as F

from baselines.ngcf.bi_interaction import aggregate_and_take, bi_interaction, keep, margins
from bench.nn.graph import SparseMatrix
from bench.nn.rows import normalize
from tests.toy import as_dense

SLOPE = 0.2


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(3)


def drawn(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def agree(found, expected, inputs):
    """Same values, and same gradients of a random projection of them."""
    weights = [torch.randn_like(x) for x in expected]
    slopes = [
        torch.autograd.grad(sum((x * w).sum() for x, w in zip(side, weights, strict=True)), inputs)
        for side in (found, expected)
    ]
    for one, other in zip((*found, *slopes[0]), (*expected, *slopes[1]), strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-10)


def branches(n_in, n_out, bias):
    return nn.Linear(n_in, n_out, bias=bias).double(), nn.Linear(n_in, n_out, bias=bias).double()


def layer(neighbours, own, first, second):
    return F.leaky_relu(first(neighbours), SLOPE) + F.leaky_relu(second(neighbours * own), SLOPE)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_bi_interaction(bias, rate):
    neighbours, own, both = drawn(7, 4), drawn(7, 4), branches(4, 3, bias)
    expected = layer(neighbours, own, *both)
    if rate:
        torch.manual_seed(8)
        kept, factor = keep(torch.empty(7, 3, dtype=torch.float64), rate)
        assert 0 < kept.sum() < kept.numel()
        expected = expected * kept * factor
    torch.manual_seed(8)
    found = bi_interaction(neighbours, own, both, slope=SLOPE, rate=rate)
    agree([found], [expected], [neighbours, own, *both[0].parameters(), *both[1].parameters()])


def test_bi_interaction_by_hand():
    """S = 3, E = -2: LeakyReLU(3 * 2 + 1) + LeakyReLU(-6 * 5 - 1) = 7 - 0.2 * 31."""
    both = branches(1, 1, True)
    with torch.no_grad():
        for p, value in zip((*both[0].parameters(), *both[1].parameters()), (2, 1, 5, -1), strict=True):
            p.fill_(value)
    s, e = (torch.full((1, 1), x, dtype=torch.float64) for x in (3.0, -2.0))
    assert bi_interaction(s, e, both, slope=SLOPE).item() == pytest.approx(0.8)


def test_gradients_are_derivatives():
    both, nodes = branches(2, 2, True), torch.tensor([2, 0])
    matrix = SparseMatrix(sp.random(3, 3, density=0.7, random_state=1)).double()

    def of(x):
        neighbours, own = aggregate_and_take(matrix, x, nodes, only=True)
        return margins(normalize(bi_interaction(neighbours, own, both, slope=SLOPE)), torch.tensor([0, 1, 1, 0, 0, 1]))

    assert torch.autograd.gradcheck(of, drawn(3, 2))


def test_keep_drops_at_the_rate():
    kept, factor = keep(torch.empty(100_001), 0.1)  # not a multiple of four
    assert kept.unique().tolist() == [0, 1]
    assert kept.mean().item() == pytest.approx(0.9, abs=0.005)
    assert factor == pytest.approx(1 / 0.9, rel=1e-4)
    assert keep(torch.empty(9), 0.0)[0].tolist() == [1] * 9


@pytest.mark.parametrize("only", [True, False])
def test_aggregate_and_take(only):
    matrix = SparseMatrix(sp.random(9, 9, density=0.3, random_state=0)).double()
    assert not torch.equal(as_dense(matrix), as_dense(matrix).T)
    x, nodes = drawn(9, 4), torch.tensor([8, 0, 3, 5])
    product = as_dense(matrix) @ x
    found = aggregate_and_take(matrix, x, nodes, only=only)
    agree(found, [product[nodes] if only else product, x[nodes]], [x])


def test_aggregate_and_take_all():
    matrix, x = SparseMatrix(sp.random(5, 5, density=0.4, random_state=0)).double(), drawn(5, 2)
    agree(aggregate_and_take(matrix, x, None), [as_dense(matrix) @ x, x], [x])


def test_rows_without_entries():
    matrix, x, nodes = SparseMatrix(sp.csr_matrix((3, 3))).double(), drawn(3, 2), torch.tensor([1])
    found = aggregate_and_take(matrix, x, nodes, only=True)
    agree(found, [torch.zeros_like(x)[nodes] * x[nodes], x[nodes]], [x])


def test_margins():
    table, index = drawn(6, 4), torch.tensor([0, 1, 1, 2, 3, 1, 4, 4, 0])  # repeats; row 5 is not met
    u, i, j = table[index].chunk(3)
    agree([margins(table, index)], [(u * i).sum(1) - (u * j).sum(1)], [table])


def test_a_retained_graph_gives_the_same_gradients_again():
    neighbours, own, both = drawn(5, 3), drawn(5, 3), branches(3, 3, True)
    out = bi_interaction(neighbours, own, both, slope=SLOPE, rate=0.5).square().sum()
    first, second = (torch.autograd.grad(out, [neighbours, own], retain_graph=True) for _ in range(2))
    assert all(torch.equal(x, y) for x, y in zip(first, second, strict=True))
