"""Stage A of CausalMMRec: the confounder, for any number of modalities."""

import numpy as np
import pytest
import torch

from bench.spec import NotApplicable
from models.causal_mmrec.model import CausalMMRec
from models.causal_mmrec.stages import LEAST_R2
from tests.models.causal_mmrec.made import SMALL, linked_set, scores, train
from tests.toy import make, random_set

approx = pytest.approx
pytestmark = pytest.mark.usefixtures("narrow")


def test_linked_modalities_share_a_confounder_and_strangers_none():
    linked, strangers = (make(CausalMMRec, linked_set(400, strangers=s), **SMALL) for s in (False, True))
    assert linked.r2[1, :6].mean() > 0.9  # textual is a function of visual, but for the norms of the rows
    assert (strangers.r2[:, :6] > LEAST_R2).float().mean() <= 0.05
    assert strangers.confounders.norm() < 0.05 * linked.confounders.norm()


def test_diffusion_agrees_with_ridge_on_a_linear_link():
    model = make(CausalMMRec, linked_set(400), **SMALL)
    ridge = model.r2.clone()
    model.pretrain(None, epochs=30)
    assert model.r2[1].max() > 0.7
    assert not torch.equal(ridge, model.r2)


def test_equal_seeds_give_equal_confounders():
    models = [make(CausalMMRec, linked_set(), **SMALL) for _ in range(2)]
    for model in models:
        torch.manual_seed(4)
        model.pretrain(None, epochs=1)
    assert torch.equal(models[0].confounders, models[1].confounders)


def test_unexplained_dimensions_are_zero():
    model = make(CausalMMRec, linked_set(strangers=True), **SMALL)
    rows = model.confounders.view(model.n_items, 2, -1)
    for m in range(2):
        assert not rows[:, m, model.r2[m] <= LEAST_R2].any()


def test_stages_are_scaled_with_the_budget():
    model = make(CausalMMRec, linked_set(), **SMALL)
    model.pretrain(None, epochs=1)
    assert {k: len(v) for k, v in model.stage_losses.items()} == {"visual": 10, "textual": 10, "vq": 7}


def test_every_loss_goes_down():
    data = linked_set()
    model = make(CausalMMRec, data, **SMALL)
    model.pretrain(None, epochs=15)
    main = train(model, data, steps=60, lr=0.02)
    for name, losses in {**model.stage_losses, "main": main}.items():
        tenth = max(1, len(losses) // 10)
        assert np.mean(losses[-tenth:]) < 0.9 * np.mean(losses[:tenth]), name


def test_one_modality_is_stratified_by_its_latents():
    data = linked_set(modalities=1)
    model, switched = (make(CausalMMRec, data, **SMALL, no_diffusion=n) for n in (False, True))
    assert torch.equal(model.confounders, model.latents[0])
    assert torch.equal(scores(model), scores(switched))
    model.pretrain(None, epochs=1)
    assert list(model.stage_losses) == ["vq"]
    assert len(model.topology.near_residual) == 0


def test_three_modalities_have_three_channels():
    model = make(CausalMMRec, linked_set(modalities=3), **SMALL)
    assert model.modalities == ["visual", "acoustic", "textual"]
    assert model.confounders.shape[1] == 3 * model.latents.shape[2]
    assert model.topology.shares == approx([0.1, 0.45, 0.45])
    model.pretrain(None, epochs=1)
    assert set(model.stage_losses) == {"visual", "acoustic", "textual", "vq"}


def test_without_content_the_method_does_not_apply():
    with pytest.raises(NotApplicable, match="has none"):
        make(CausalMMRec, random_set(modalities=()), **SMALL)


def test_missing_rows_predict_nothing_and_have_no_neighbour():
    data = linked_set()
    data.item_features["visual"][5] = 0
    model = make(CausalMMRec, data, **SMALL)
    size = model.latents.shape[2]
    assert not model.latents[0, 5].any()
    assert not model.confounders[5, size:].any()  # textual of a missing visual row
    assert model.confounders[5, :size].any()  # visual is predicted from what there is
    for near in (model.topology.near[0], model.topology.near_residual[0]):  # a prediction alone is no residual
        assert near[5].unique().tolist() == [5]
        assert (near == 5).sum() == near.shape[1]
