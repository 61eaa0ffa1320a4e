"""Search spaces: what a model's fields declare, and what a job can be run with."""

import dataclasses

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from bench import registry
from bench.spec import Training, read
from bench.tune.space import encode, space
from tests.tune.searched import search, trial

TRAINED = [name for name, card in registry.cards().items() if not card.is_floor]


def test_the_space_of_ngcf():
    found = space(registry.cards()["NGCF"])
    assert found == {
        "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
        "sampling": CategoricalDistribution(['"user"', '"interaction"']),
        "layer_sizes": CategoricalDistribution(["[64]", "[64, 64]", "[64, 64, 64]", "[64, 64, 64, 64]"]),
        "reg_weight": FloatDistribution(1e-5, 1e-1, log=True),
        "message_dropout": FloatDistribution(0.0, 0.8),
    }


@pytest.mark.parametrize("model", TRAINED)
def test_proposals_of_every_model_are_settings_it_takes(model):
    card, found = registry.cards()[model], search(model)
    cls = registry.load(card)
    declared = {f.name for c in (Training, cls.Hyper) for f in dataclasses.fields(c) if f.metadata}
    for number in range(12):  # past the random start
        proposed = found.proposal()
        settings = registry.settings(card, "default", dataset="toy", hyper=proposed.job.hyper)
        training, _ = registry.split_settings(settings)
        registry.hyper(cls, settings)
        read(Training, training)
        assert set(proposed.job.hyper) == declared
        assert number == 0 or encode(proposed.job.hyper, found.space).keys() == declared  # inside its bounds
        found.enter(trial(proposed, 0.5 + number / 100))


def test_a_default_outside_its_space_is_tried_and_not_learnt_from():
    found = space(registry.cards()["LightGCN"])
    hyper = {"learning_rate": 0.01, "n_layers": 9, "reg_weight": 0.0}
    assert encode(hyper, found) == {"learning_rate": 0.01}
    assert encode({**hyper, "n_layers": 6}, found) == {"learning_rate": 0.01, "n_layers": "6"}
