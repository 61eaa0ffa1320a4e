"""Clusters, codebooks and the quantised auto-encoder."""

import pytest
import torch

from models.causal_mmrec.quantise import (
    Codebook,
    Codes,
    QuantisedAutoEncoder,
    kmeans,
    kmeans_codes,
    learn_codes,
    merge_small,
    nearest_code,
    spread,
)


@pytest.fixture
def clouds():
    """Four tight clouds of 30 rows around the corners of a large square; (rows, corner of each)."""
    torch.manual_seed(0)
    corners = torch.tensor([[0.0, 0.0], [0.0, 10.0], [10.0, 0.0], [10.0, 10.0]])
    own = torch.arange(120) % 4
    return corners[own] + 0.1 * torch.randn(120, 2), own


@pytest.fixture
def net(clouds):
    out = QuantisedAutoEncoder(2, code_size=4, hidden=8)
    out.start_codes(clouds[0], 3, 2, batch=60)
    return out


def same_partition(a, b) -> bool:
    return len(set(zip(a.tolist(), b.tolist(), strict=True))) == len(a.unique()) == len(b.unique())


def test_spread_starts_reach_every_cloud(clouds):
    rows, own = clouds
    for seed in range(5):
        torch.manual_seed(seed)
        starts = spread(rows, 4)
        assert sorted(own[nearest_code(starts, rows)].tolist()) == [0, 1, 2, 3]


def test_spread_of_equal_rows_is_those_rows():
    assert torch.equal(spread(torch.ones(5, 2), 3), torch.ones(3, 2))


def test_kmeans_finds_the_clouds_and_their_means(clouds):
    rows, own = clouds
    codes, code = kmeans(rows, 4)
    assert same_partition(code, own)
    for k in range(4):
        assert torch.allclose(codes[k], rows[code == k].mean(0), atol=1e-5)


def test_spherical_centroids_have_unit_norm(clouds):
    codes, _ = kmeans(torch.nn.functional.normalize(clouds[0] + 1, dim=1), 3, spherical=True)
    assert torch.allclose(codes.norm(dim=1), torch.ones(3))


def test_kmeans_goes_on_from_given_centroids(clouds):
    start = torch.tensor([[0.0, 0.0], [100.0, 100.0]])
    codes, code = kmeans(clouds[0], 2, start=start, rounds=1)
    assert torch.equal(codes[1], start[1])  # a centroid without rows stays
    assert not code.any()


def test_two_levels_quantise_what_the_first_leaves(clouds):
    codes = kmeans_codes(clouds[0], 2, 2)
    left = clouds[0] - codes.coarse_codes[codes.coarse]
    assert torch.equal(codes.fine, nearest_code(left, codes.fine_codes))
    assert same_partition(codes.coarse * 2 + codes.fine, clouds[1])


def test_codewords_quantise_to_themselves(net):
    pairs = net.coarse.codes.unsqueeze(1) + 1e-3 * net.fine.codes
    assert net.coarse(net.coarse.codes).tolist() == [0, 1, 2]
    assert net.coarse(pairs.flatten(0, 1)).tolist() == [0, 0, 1, 1, 2, 2]


def test_gradient_passes_straight_through_and_stops_at_the_codes(net, clouds):
    points = net.encoder(clouds[0]).detach().requires_grad_()
    both = net.quantise(points)[3]
    z = points + (both - points).detach()
    (grad,) = torch.autograd.grad((z * torch.arange(4.0)).sum(), points)
    assert torch.equal(grad, torch.arange(4.0).expand_as(points))
    net.loss(clouds[0], follow=False).backward()
    assert [n for n, _ in net.named_parameters() if "codes" in n or "coarse" in n or "fine" in n] == []
    assert all(p.grad is not None for p in net.parameters())


def test_loss_by_definition(net, clouds):
    rows = clouds[0]
    points = net.encoder(rows)
    coarse = nearest_code(points, net.coarse.codes)
    first = net.coarse.codes[coarse]
    both = first + net.fine.codes[nearest_code(points - first, net.fine.codes)]
    square = lambda a, b: (a - b).square().sum(1)  # noqa: E731
    expected = square(net.decoder(both), rows) / 2 + 0.25 * (square(points, first) + square(points, both)) / 4
    assert torch.allclose(net.loss(rows, follow=False), expected.mean(), rtol=1e-5)


def test_one_full_batch_without_memory_gives_cluster_means(clouds):
    rows = clouds[0]
    book = Codebook(spread(rows, 4), torch.full((4,), 30.0), decay=0.0)
    code = book(rows)
    book.follow(rows, code)
    for k in range(4):
        assert torch.allclose(book.codes[k], rows[code == k].mean(0), rtol=1e-4)


def test_running_means_by_hand():
    book = Codebook(torch.tensor([[1.0], [9.0]]), torch.tensor([10.0, 10.0]), decay=0.9)
    book.follow(torch.tensor([[2.0], [4.0]]), torch.tensor([0, 0]))
    assert book.count.tolist() == pytest.approx([0.9 * 10 + 0.1 * 2, 9])
    assert book.codes[:, 0].tolist() == pytest.approx([(0.9 * 10 + 0.1 * 6) / 9.2, 9], rel=1e-4)


def test_a_code_that_nobody_uses_takes_a_row():
    book = Codebook(torch.tensor([[0.0], [50.0]]), torch.tensor([5.0, 1.0]))
    book.follow(torch.tensor([[0.5], [0.7]]), torch.tensor([0, 0]))
    assert book.codes[1].item() in (pytest.approx(0.5), pytest.approx(0.7))
    assert book.count[1] == 1


def test_small_cells_move_to_the_nearest_that_is_left():
    """Two rows at 9.0 are too few for the cell (1, 0): (0, 1) at 1.5 is nearer to them than (0, 0) at 0."""
    rows = torch.tensor([0.0] * 5 + [1.5] * 5 + [9.0] * 2).unsqueeze(1)
    coarse, fine = torch.tensor([0] * 10 + [1] * 2), torch.tensor([0] * 5 + [1] * 5 + [0] * 2)
    codes = Codes(torch.tensor([[0.0], [9.0]]), torch.tensor([[0.0], [1.5]]), rows, coarse, fine)
    merged = merge_small(codes, 5)
    assert merged[0].tolist() == [0] * 12
    assert merged[1].tolist() == [0] * 5 + [1] * 7
    assert [m.tolist() for m in merge_small(codes, 100)] == [coarse.tolist(), fine.tolist()]  # nowhere to go


def test_learnt_codes_part_the_clouds_and_the_loss_falls(clouds):
    torch.manual_seed(1)
    wide = clouds[0] @ torch.randn(2, 6) / 5
    codes, losses = learn_codes(wide, 4, 4, code_size=8, warm_steps=40, steps=100)
    assert len(losses) == 100
    assert sum(losses[-20:]) < sum(losses[:20])
    cell = codes.coarse * 4 + codes.fine
    purity = sum(torch.bincount(clouds[1][cell == c]).max().item() for c in cell.unique()) / 120
    assert purity >= 0.95
