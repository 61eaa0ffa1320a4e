"""MGAT: the values of the worked toy."""

import numpy as np
import pytest
import torch

from baselines.mgat import MGAT
from tests.toy import make, toy_batch, toy_set

IDS = [[0.1, 0.2], [-0.3, 0.4], [0.5, -0.1], [0.2, 0.3], [-0.4, 0.6]]  # u0 u1 i0 i1 i2
NODES = [1, 2, 4, 5, 6]  # the same; 0 and 3 are padding


def toy(**settings):
    """The toy of the spec in float64: identities for weights, no bias."""
    values = {"embedding_size": 2, "other_size": 2, "n_layers": 1, "reg_weight": 0.0}
    model = make(MGAT, toy_set(modalities=("textual",)), **{**values, **settings}).double()
    part = model.modalities["textual"]
    layer = part.layers[0]
    with torch.no_grad():
        model.ids[NODES] = torch.tensor(IDS).double()
        for bias in (part.project.bias, layer.own.bias, layer.merge.bias, layer.bias):
            bias.zero_()
        for weight in (part.project.weight, layer.transform, layer.own.weight, layer.merge.weight):
            weight.copy_(torch.eye(2))
        part.preference[1:] = torch.eye(2)
    return model


def close(values):
    return pytest.approx(np.array(values), abs=1.5e-6)


def attention_of(model):
    """Receiver by sender, of the nodes of the toy."""
    weight, dense = model.edges.attention(model.modalities["textual"].start()), torch.zeros(7, 7).double()
    dense[model.edges.receiver, model.edges.sender] = weight
    return dense[NODES][:, NODES].tolist()


def scores(model):
    users, items = model.embed()
    return (users[1:] @ items[1:].T).tolist()


def test_toy_attention_of_the_receiver_gate():
    model = toy()
    expected = np.zeros((5, 5))
    expected[0, 2:4], expected[1, 3:] = [0.608294, 0.391706], [0.661450, 0.338550]
    expected[2, 0], expected[3, :2], expected[4, 1] = 1, [0.338550, 0.661450], 1
    assert attention_of(model) == close(expected)
    start = model.modalities["textual"].start()
    assert model.edges.gather(model.edges.attention(start), start)[1].tolist() == close([0.430129, 0.821835])
    aggregate = model.modalities["textual"].layers[0].aggregate(start, model.edges)
    assert aggregate[1].tolist() == close([0.463705, 0.885989])


def test_toy_scores():
    model = toy()
    output = model.modalities["textual"](model.ids, model.edges)[-1][NODES].tolist()
    expected = [[1.563705, 1.085989], [0.155619, 2.290175], [2.207107, 0.607107], [0.655619, 2.190175]]
    assert output == close([*expected, [0.6, 1.6]])
    assert scores(model) == close([[4.110576, 3.403702, 2.675806], [1.733848, 5.117911, 3.757651]])


def test_toy_sender_gate():
    model = toy(gate_degree="sender")
    assert attention_of(model)[0][2:4] == close([0.616234, 0.383766])
    assert model.embed()[0][1].tolist() == close([1.569473, 1.082947])
    assert scores(model)[0] == close([4.121460, 3.400819, 2.674399])


@pytest.mark.parametrize(
    ("gate", "loss", "expected"),
    [
        ("receiver", "released", 0.356319),
        ("receiver", "batch", 0.123491),
        ("sender", "released", 0.352925),
        ("sender", "batch", 0.122315),
    ],
)
def test_toy_losses(gate, loss, expected):
    assert toy(gate_degree=gate, loss=loss).calculate_loss(toy_batch()).item() == pytest.approx(expected, abs=1e-6)


def test_regulariser_by_hand():
    """u1 twice, so its rows count twice; ids of users 1 1, of positives 1 2, of negatives 3 1."""
    batch = {k: torch.tensor(v) for k, v in (("user_id", [1, 1]), ("item_id", [1, 2]), ("neg_item_id", [3, 1]))}
    ranking, both = (toy(reg_weight=w).calculate_loss(batch).item() for w in (0.0, 0.1))
    ids = 2 * 0.05 + 0.26 + 0.13 + 0.52 + 0.26
    assert both - ranking == pytest.approx(0.1 * (ids + 2 * 1) / 2 / 2)
