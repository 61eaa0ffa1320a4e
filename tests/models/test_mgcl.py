"""MGCL: the reference's arrays, the spaces and their contrast by hand, the released denominators."""

import math

import pytest
import torch

from baselines.mgcl import MGCL, RELEASED_DENOMINATORS
from tests.models.reference import files, worst
from tests.toy import make, random_batch, random_set


def small(data=None, **settings):
    return make(MGCL, data or random_set(), **{"embedding_size": 4, **settings})


@pytest.mark.parametrize("path", files("mgcl"))
def test_reference(path):
    assert worst(path) < 1e-5


def test_spaces_are_layers_of_the_graph():
    model = small(n_layers=3)
    start = {name: torch.cat(pair) for name, pair in model.start().items()}
    spaces = {name: torch.cat(pair) for name, pair in model.spaces(model.start()).items()}
    a = model.adjacency
    assert torch.allclose(spaces["ids"], a(a(a(start["ids"]))), atol=1e-6)
    assert torch.allclose(spaces["visual"], a(start["visual"]), atol=1e-6)


@pytest.mark.parametrize(("weighed", "textual"), [("visual", 1.0), ("all", 0.4)])
def test_the_score_adds_the_spaces(weighed, textual):
    model = small(weighed=weighed).eval()
    scores = model.score_all(model.represent(), torch.arange(model.n_users))
    parts = {name: users @ items.T for name, (users, items) in model.spaces(model.start()).items()}
    assert torch.allclose(scores, parts["ids"] + 0.4 * parts["visual"] + textual * parts["textual"], atol=1e-6)


def test_contrast_of_orthonormal_rows():
    """Three spaces of the same n orthonormal rows: an anchor has two others, each ln(exp(1/t) + n - 1) - 1/t."""
    model = small(temperature=0.2)
    found = model.contrast({name: torch.eye(4) for name in ("ids", "visual", "textual")}, {})
    expected = 2 * (math.log(math.exp(5) + 3) - 5)
    assert all(value.item() == pytest.approx(expected, rel=1e-4) for value in found.values())
    assert len(found) == 3


def test_released_denominators_by_hand():
    """For items, the textual anchor's two terms have the cosines of text with content, then of text with text."""
    torch.manual_seed(0)
    unit = {n: torch.nn.functional.normalize(torch.randn(5, 4)) for n in ("ids", "visual", "textual")}
    model, t = small(temperature=0.5), unit["textual"]
    expected = 0.0
    for other, below in (("ids", "visual"), ("visual", "textual")):
        above = (t * unit[other]).sum(1) / 0.5
        expected += (torch.log(torch.exp(t @ unit[below].T / 0.5).sum(1)) - above).mean()
    wrong, right = model.contrast(unit, RELEASED_DENOMINATORS), model.contrast(unit, {})
    assert wrong["textual"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert wrong["ids"].item() == pytest.approx(right["ids"].item())
    assert wrong["textual"].item() != pytest.approx(right["textual"].item(), rel=1e-3)


def test_contrast_does_not_see_the_length_of_a_row():
    data = random_set()
    model, batch = small(data), random_batch(random_set())
    before = model.terms(batch)["contrast_ids"].item()
    with torch.no_grad():
        model.user_content["visual"] *= torch.rand(model.n_users, 1) + 0.5
        model.item_embedding.weight *= 7
    assert model.terms(batch)["contrast_ids"].item() == pytest.approx(before, rel=1e-5)


def test_l2_is_on_layer_zero_and_a_tenth_for_content():
    data = random_set()
    model, batch = small(data, reg_weight=2.0), random_batch(random_set())
    expected = 0.0
    for name, (users, items) in model.start().items():
        rows = users[batch["user_id"]], items[batch["item_id"]], items[batch["neg_item_id"]]
        expected += (1.0 if name == "ids" else 0.1) * sum(r.square().sum().item() for r in rows) / 16
    assert model.terms(batch)["reg"].item() == pytest.approx(expected, rel=1e-5)


def test_an_item_without_content_has_finite_terms():
    data = random_set()
    data.item_features["visual"][:] = 0
    assert torch.isfinite(small(data).calculate_loss(random_batch(data)))
