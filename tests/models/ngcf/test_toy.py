"""NGCF: the values of the worked toy."""

import torch

from baselines.ngcf import NGCF
from tests.models.ngcf.test_model import PAPER, PLAIN, nodes_of, scores
from tests.toy import TOY_ITEMS, TOY_USERS, close, make, set_rows, toy_batch, toy_set


def toy(**settings):
    """The toy of the spec, section 5, in float64: one layer, no bias, no dropout."""
    model = make(NGCF, toy_set(), **{**PLAIN, "embedding_size": 2, "layer_sizes": (2,), "bias": False, **settings})
    model.double()
    set_rows(model.user_embedding.weight, TOY_USERS)
    set_rows(model.item_embedding.weight, TOY_ITEMS)
    with torch.no_grad():
        model.sums[0].weight.copy_(torch.tensor([[1, 0.5], [0, 1]]).T)  # nn.Linear multiplies by the transpose
        model.products[0].weight.copy_(torch.eye(2) / 2)
    return model


def test_toy_norm():
    model = toy()
    s = model.adjacency(torch.cat([model.user_embedding.weight, model.item_embedding.weight]))
    expected = [[0.266667, 0.133333], [-0.166667, 0.433333], [0.3, 0.05], [0, 0.3], [-0.35, 0.5]]
    assert s[[1, 2, 4, 5, 6]].tolist() == close(expected)
    expected = [[0.28, 0.28], [-0.008333, 0.436667], [0.375, 0.1995], [0, 0.345], [0, 0.475]]
    assert nodes_of(toy(normalise="none"), slice(2, None)) == close(expected)
    expected = [[0.707107, 0.707107], [-0.019080, 0.999818], [0.882841, 0.469672], [0, 1], [0, 1]]
    assert nodes_of(model, slice(2, None)) == close(expected)


def test_toy_norm_scores_and_loss():
    assert scores(toy()) == close([[0.986371, 0.787107, 0.787107], [0.262741, 1.059818, 1.359818]])
    assert toy().calculate_loss(toy_batch()).item() == close(0.485239)
    assert toy(reg_weight=0.01).calculate_loss(toy_batch()).item() == close(0.485239 + 0.018675)


def test_toy_mean_plus_i():
    expected = [[0.4725, 0.555], [-0.02, 0.82], [0.75, 0.399], [0.11, 0.74], [0, 0.95]]
    assert nodes_of(toy(adj="mean_plus_I", normalise="none"), slice(2, None)) == close(expected)
    expected = [[0.959921, 0.928469, 0.841431], [0.258006, 1.045252, 1.359703]]
    assert scores(toy(adj="mean_plus_I")) == close(expected)


def test_toy_paper():
    expected = [[0.576231, 0.563995], [-0.091083, 0.847696], [0.588388, 0.319706], [0.09, 0.695]]
    expected.append([-0.113941, 0.661630])
    assert nodes_of(toy(**PAPER), slice(2, None)) == close(expected)
    expected = [[0.549360, 0.523837, 0.387499], [0.027421, 0.640951, 0.931239]]
    assert scores(toy(**PAPER)) == close(expected)
    expected = [[0.991897, 0.865465, 0.648044], [0.190829, 1.032324, 1.357984]]
    assert scores(toy(**{**PAPER, "normalise": "output"})) == close(expected)
