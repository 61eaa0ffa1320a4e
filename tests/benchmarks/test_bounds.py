"""The work of operators and the bound of a step, by hand."""

import pytest
import torch
from torch.nn import functional as F

from benchmarks.bounds import Counter, Rates, Work, bound, rates, size, work_of_step
from benchmarks.gpu import tiny_ready


def work(call) -> Work:
    with Counter() as counter:
        call()
    return counter.work


TABLE, ROWS = torch.ones(100, 2), torch.tensor([4, 4, 9])


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        # (2, 3) @ (3, 4): 6 + 12 read and 8 written of four bytes, 2 * 2 * 3 * 4 operations
        (lambda: torch.ones(2, 3).mm(torch.ones(3, 4)), Work(1 + 2, 4 * 26 + 4 * 18, 48)),
        (lambda: TABLE.add(1), Work(1, 800 + 800, 0)),
        (lambda: TABLE.add_(0), Work(1, 800 + 800, 0)),  # read and written in place
        (lambda: TABLE.view(200).detach(), Work(0, 0, 0)),
        (lambda: torch.empty(5), Work(0, 0, 0)),
        # three rows of 8 bytes and three indices of 8 read, three rows written; not the table's other 98
        (lambda: TABLE[ROWS], Work(1, 24 + 24 + 24, 0)),
        (lambda: F.embedding(ROWS, TABLE), Work(1, 24 + 24 + 24, 0)),
    ],
)
def test_work_of_one_operator(call, expected):
    assert work(call) == expected


def test_work_of_a_weighted_bag():
    """Three rows of two numbers, each times a weight and added: 12 operations; two rows are written."""
    offsets, weights = torch.tensor([0, 1]), torch.ones(3)
    found = work(lambda: F.embedding_bag(ROWS, TABLE, offsets, mode="sum", per_sample_weights=weights))
    assert found == Work(1, 3 * 8 + 3 * 8 + 2 * 8 + 3 * 4 + 2 * 8, 12)


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_a_sparse_matrix_is_as_large_as_what_it_holds():
    """Two entries of 4 bytes in a matrix of a million: two indices of 8 for each, or a column's and 1,001 of rows."""
    entries, sure = torch.ones(2), {"check_invariants": True}
    by_pairs = torch.sparse_coo_tensor(torch.tensor([[3, 3], [0, 9]]), entries, (1000, 1000), **sure)
    starts = torch.tensor([0] * 4 + [2] * 997)
    by_rows = torch.sparse_csr_tensor(starts, torch.tensor([0, 9]), entries, (1000, 1000), **sure)
    assert (size(by_pairs), size(by_rows)) == (8 + 32, 8 + 16 + 8008)


def test_work_of_adam():
    """Parameter, gradient and two moments read, all but the gradient written, and the number of the step read."""
    parameter = torch.nn.Parameter(torch.ones(1000))
    optimizer = torch.optim.Adam([parameter], fused=True)
    parameter.grad = torch.ones(1000)
    optimizer.step()  # makes the moments
    found = work(optimizer.step)
    assert found.bytes == pytest.approx(4 * 1000 * (4 + 3), rel=0.01)


def test_the_largest_of_the_three_binds():
    """1,000 launches of 5 us are 5 ms, 2 GB at 1 TB/s 2 ms, 1 TFLOP at 50 TFLOP/s 20 ms; the step took 60."""
    machine = Rates(launch=5e-6, traffic=1e12, arithmetic=5e13)
    row = bound(Work(1000, 2e9, 1e12), machine, seconds=0.06)
    assert (row["launches ms"], row["memory traffic ms"], row["arithmetic ms"]) == (5, 2, 20)
    assert (row["bound by"], row["step over bound"]) == ("arithmetic", 3)
    assert bound(Work(1000, 2e9, 1e11), machine, seconds=0.06)["bound by"] == "launches"
    assert bound(Work(100, 2e9, 1e10), machine, seconds=0.06)["bound by"] == "memory traffic"


def test_the_work_of_a_step_does_not_hang_on_how_many_are_counted():
    assert work_of_step(tiny_ready("LATTICE:default"), steps=1) == work_of_step(tiny_ready("LATTICE:default"), steps=3)


def test_rates_are_measured():
    found = rates("cpu", n=32, mib=1, launches=10)
    assert min(found) > 0
    assert found.launch < 1


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_products_that_pytorch_s_own_counter_leaves_out():
    """A product of (2, 3) and (3, 4) added in place, and two inner products of 3 numbers."""
    a, b, out = torch.randn(2, 3), torch.randn(3, 4), torch.zeros(2, 4)
    pattern = torch.sparse_csr_tensor([0, 1, 2], [1, 0], [0.0, 0.0], (2, 2), check_invariants=False)
    with Counter() as counter:
        out.addmm_(a, b)
        torch.sparse.sampled_addmm(pattern, a, a.T, beta=0.0)
    assert counter.work.flops == 2 * 24 + 2 * 2 * 3
