"""Closed forms against sums over every stratum and context."""

import pytest
import torch

from models.causal_mmrec.adjustment import BackDoor, FrontDoor, average_strata, project
from models.causal_mmrec.quantise import kmeans_codes

approx = pytest.approx

GATES = torch.tensor([[[1, 0.5], [1.5, 1]], [[0.5, 2], [1, 1]]])
OFFSETS = torch.tensor([[[0.1, 0], [0, 0.2]], [[-0.1, 0.1], [0.3, 0]]])
X = torch.tensor([[1.0, 0], [0, 1], [1, 1], [0.5, -1]])
STRATA = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 0])
PRIOR_COARSE, PRIOR_FINE = torch.tensor([0.75, 0.25]), torch.tensor([[2 / 3, 1 / 3], [1, 0]])
WORKED = {
    0.0: [[1.2333, 0.0667], [0.0667, 0.7333], [1.2333, 0.7333], [0.15, -1.9]],
    0.2: [[1.1917, 0.0683], [0.0583, 0.8017], [1.1917, 0.8017], [0.225, -1.705]],
    1.0: [[1.025, 0.075], [0.025, 1.075], [1.025, 1.075], [0.525, -0.925]],
}


def random_door(mix=0.2, n_items=21, size=6, n_coarse=3, n_fine=2):
    """Strata by k-means, random weights."""
    torch.manual_seed(0)
    door = BackDoor(n_items, size, n_coarse=n_coarse, n_fine=n_fine, code_size=4, mix=mix)
    door.set_strata(kmeans_codes(torch.randn(n_items - 1, 5), n_coarse, n_fine), smallest=1)
    with torch.no_grad():
        for parameter in door.parameters():
            parameter.normal_()
    return door


@pytest.mark.parametrize("mix", WORKED)
def test_worked_example(mix):
    gate, offset = (average_strata(t, PRIOR_COARSE, PRIOR_FINE, mix)[STRATA[0]] for t in (GATES, OFFSETS))
    assert torch.allclose(X * gate + offset, torch.tensor(WORKED[mix]), atol=5e-5)


def test_worked_example_as_observed():
    observed = X * GATES[STRATA] + OFFSETS[STRATA]
    assert torch.allclose(observed, torch.tensor([[1.1, 0], [0.1, 0.5], [1.5, 1.2], [0.15, -1.9]]))


def test_priors_of_the_worked_example():
    door = BackDoor(5, 2, n_coarse=2, n_fine=2, code_size=1, mix=0.2)
    codes = kmeans_codes(torch.tensor([[0.0], [0.0], [1.0], [9.0]]), 2, 2)._replace(coarse=STRATA[0], fine=STRATA[1])
    door.set_strata(codes, smallest=1)
    assert torch.equal(door.prior_coarse, PRIOR_COARSE)
    assert torch.allclose(door.prior_fine, PRIOR_FINE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mix", [0.0, 0.2, 1.0])
def test_back_door_is_the_sum_over_all_strata(mix, dtype):
    door = random_door(mix).to(dtype)
    x = torch.randn(21, 6, dtype=dtype)
    gate, offset = door.tables()
    for i in range(1, 21):
        total = torch.zeros(6, dtype=dtype)
        for a in range(3):
            for b in range(2):
                own = (1 - mix) * float(a == door.coarse[i]) + mix * door.prior_coarse[a]
                total = total + door.prior_fine[a, b] * own * (x[i] * gate[a, b] + offset[a, b])
        assert torch.allclose(door.adjust(x)[i], total, rtol=1e-4 if dtype == torch.float32 else 1e-10, atol=1e-6)


@pytest.mark.parametrize("keep", [False, True])
def test_front_door_is_the_sum_over_all_contexts(keep):
    torch.manual_seed(0)
    door = FrontDoor(9, 4, n_contexts=3, keep_direct=keep).double()
    with torch.no_grad():
        [p.normal_() for p in door.parameters()]
    rows = torch.nn.functional.normalize(torch.randn(9, 4, dtype=torch.float64), dim=1)
    door.set_contexts(rows, torch.arange(9) > 0, start=True)
    m = torch.randn(9, 4, dtype=torch.float64)
    total = 0
    for k in range(3):
        direct = door.contexts[k] @ door.offset.weight.T
        total = total + door.shares[k] * (m * 2 * door.gate(door.contexts[k]).sigmoid() + (direct if keep else 0))
    assert torch.allclose(door.adjust(m), total, rtol=1e-10)
    assert door.shares.sum() == approx(1)
    own = door.contexts[door.own[2]]
    assert torch.allclose(door.observe(m, torch.arange(9))[2], m[2] * 2 * door.gate(own).sigmoid() + door.offset(own))


def test_both_doors_start_as_the_identity():
    door, x = random_door(), torch.randn(21, 6)
    fresh = BackDoor(21, 6, n_coarse=3, n_fine=2, code_size=4, mix=0.2)
    fresh.load_state_dict(
        {**door.state_dict(), **{k: v for k, v in fresh.state_dict().items() if "weight" in k or "bias" in k}}
    )
    assert torch.allclose(fresh.adjust(x)[1:], x[1:], atol=1e-6)
    assert torch.allclose(fresh.observe(x[1:], torch.arange(1, 21)), x[1:], atol=1e-6)
    front = FrontDoor(5, 6, n_contexts=2, keep_direct=True)
    front.set_contexts(torch.randn(5, 6), torch.ones(5, dtype=torch.bool), start=True)
    assert torch.allclose(front.adjust(x), x, atol=1e-6)
    assert torch.allclose(front.observe(x[:5], torch.arange(5)), x[:5], atol=1e-6)


def test_priors_sum_to_one():
    door = random_door()
    assert door.prior_coarse.sum() == approx(1)
    assert door.prior_fine.sum(1).tolist() == approx([1.0 if p > 0 else 0.0 for p in door.prior_coarse.tolist()])


def test_full_mixing_forgets_the_own_stratum():
    door, x = random_door(mix=1.0), torch.randn(21, 6)
    before = door.adjust(x)
    door.coarse.copy_(door.coarse[torch.randperm(21)]), door.fine.copy_(door.fine[torch.randperm(21)])
    assert torch.equal(before, door.adjust(x))


@pytest.mark.parametrize("mix", [0.0, 0.2, 1.0])
def test_one_stratum_has_nothing_to_adjust(mix):
    door, x = random_door(mix, n_coarse=1, n_fine=1), torch.randn(21, 6)
    assert torch.allclose(door.adjust(x)[1:], door.observe(x[1:], torch.arange(1, 21)), atol=1e-6)


def test_matched_category_without_styles_has_nothing_to_adjust():
    door, x = random_door(0.0, n_fine=1), torch.randn(21, 6)
    assert torch.allclose(door.adjust(x)[1:], door.observe(x[1:], torch.arange(1, 21)), atol=1e-6)


def test_strata_vectors_are_scaled_over_the_items():
    door = random_door()
    own = door.vectors[door.coarse[1:], door.fine[1:]]
    assert own.var(0, correction=0).mean().item() == approx(1, rel=1e-4)


def test_projection_keeps_the_distances_that_principal_directions_hold():
    torch.manual_seed(0)
    points = torch.randn(30, 2).double() @ torch.randn(2, 7).double()
    flat = project(points - points.mean(0), points, 3)
    centred = points - points.mean(0)
    assert torch.allclose(flat @ flat.T, centred @ centred.T)
    assert torch.equal(project(points, points, 9)[:, :7], points)


def test_a_constant_in_every_offset_moves_every_item_alike():
    """So that each user's scores shift by one constant, and no ranking changes."""
    more = torch.tensor([0.7, -2.0])
    shifted = average_strata(OFFSETS + more, PRIOR_COARSE, PRIOR_FINE, 1.0)
    assert torch.allclose(shifted, average_strata(OFFSETS, PRIOR_COARSE, PRIOR_FINE, 1.0) + more)
