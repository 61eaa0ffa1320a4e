"""Latents and their linear prediction."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from models.causal_mmrec.latents import CLIP, draw_folds, explained, principal_latents, ridge_cross_fit


def linked(n=300, noise=0.0, seed=0):
    """Source, target = source A + noise, folds, all usable."""
    g = torch.Generator().manual_seed(seed)
    source = torch.randn(n, 6, generator=g)
    target = source @ torch.randn(6, 4, generator=g) + noise * torch.randn(n, 4, generator=g)
    torch.manual_seed(seed)
    fits = torch.ones(n, dtype=torch.bool)
    return source, target, draw_folds(fits, 5), fits


def test_latents_are_scaled_principal_components(rng):
    rows = (rng.normal(size=(50, 8)) * np.arange(1, 9)).astype(np.float32)
    y = principal_latents(rows, 3, np.ones(50, dtype=bool)).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(rows.T, bias=True))
    expected = (rows - rows.mean(0)) @ vectors[:, ::-1][:, :3] / np.sqrt(values[::-1][:3].mean())
    assert np.allclose(np.abs(y), np.abs(expected), atol=1e-4)
    assert np.square(y).sum(1).mean() == pytest.approx(3, rel=1e-5)  # mean variance one


def test_the_largest_component_of_a_direction_is_positive():
    rows = np.array([[-3.0, 0], [3, 0], [-1, 0.1], [1, -0.1]], dtype=np.float32)
    assert principal_latents(rows, 1, np.ones(4, dtype=bool))[1, 0] > 0


def test_missing_rows_and_missing_columns_are_zero(rng):
    rows = rng.normal(size=(9, 2)).astype(np.float32)
    rows[[0, 4]] = 0
    known = np.arange(9) % 4 > 0
    y = principal_latents(rows, 5, known)
    assert not y[~known].any()
    assert not y[:, 2:].any()
    assert np.abs(y[known].mean(0)).max() < 1e-6


@pytest.mark.parametrize("is_sparse", [False, True])
def test_wide_rows_give_the_same_latents(rng, monkeypatch, is_sparse):
    rows = (rng.normal(size=(60, 40)) * (rng.random((60, 40)) < 0.5)).astype(np.float32)
    known = np.ones(60, dtype=bool)
    whole = principal_latents(rows, 5, known)
    monkeypatch.setattr("models.causal_mmrec.latents.DENSE_WIDTH", 4)
    assert np.allclose(principal_latents(sp.csr_matrix(rows) if is_sparse else rows, 5, known), whole, atol=1e-4)


def test_far_rows_are_clipped():
    rows = np.eye(300, 2, dtype=np.float32) * 100
    assert np.abs(principal_latents(rows, 2, np.ones(300, dtype=bool))).max() == CLIP


def test_folds_are_even_and_leave_out_what_is_not_usable():
    usable = torch.arange(23) != 3
    fold = draw_folds(usable, 5)
    assert fold[3] == -1
    assert sorted(torch.bincount(fold[usable]).tolist()) == [4, 4, 4, 5, 5]


def test_ridge_finds_a_linear_link_and_nothing_between_strangers():
    source, target, fold, fits = linked()
    predicted = ridge_cross_fit(source, target, fold, fits, penalty=1e-3)
    assert explained(target, predicted, fits).min() > 0.9
    strangers = torch.randn(300, 4, generator=torch.Generator().manual_seed(9))
    assert explained(strangers, ridge_cross_fit(source, strangers, fold, fits), fits).max() <= 0.02


def test_a_target_does_not_reach_its_own_prediction():
    source, target, fold, fits = linked(noise=0.5)
    before = ridge_cross_fit(source, target, fold, fits)
    target = target.clone()
    target[7] += 5
    after = ridge_cross_fit(source, target, fold, fits)
    assert torch.equal(before[7], after[7])
    assert not torch.equal(before, after)


def test_explained_by_hand():
    target = torch.tensor([[1.0, 5.0], [3.0, 5.0], [9.0, 0.0]])
    predicted = torch.tensor([[1.0, 5.0], [2.0, 5.0], [0.0, 0.0]])
    r2 = explained(target, predicted, torch.tensor([True, True, False]))
    assert r2.tolist() == [1 - 1 / 2, 0]  # the second does not vary
