"""The search space of a model: the fields of its ``Hyper`` and of ``Training`` that declare one."""

import dataclasses
import json
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench import registry
from bench.registry import Card
from bench.spec import Training

Space = dict[str, BaseDistribution]


def space(card: Card) -> Space:
    """Setting to distribution. A choice is stored as its JSON, since a storage holds no tuples."""
    found = {}
    for cls in (Training, registry.load(card).Hyper):
        for field in dataclasses.fields(cls):
            if "among" in field.metadata:
                found[field.name] = CategoricalDistribution([json.dumps(value) for value in field.metadata["among"]])
            elif "low" in field.metadata:
                found[field.name] = FloatDistribution(**field.metadata)
    return found


def default(card: Card, preset: str, *, dataset: str, space: Space) -> dict[str, Any]:
    """What the model's preset, on this data set, gives each searched setting."""
    settings = registry.settings(card, preset, dataset=dataset, hyper={})
    return json.loads(json.dumps({name: settings[name] for name in space}))


def encode(hyper: dict[str, Any], space: Space) -> dict[str, Any]:
    """``hyper`` as the storage has it; a default outside its space is left out, as no search can propose it."""
    coded = {k: json.dumps(v) if isinstance(space[k], CategoricalDistribution) else v for k, v in hyper.items()}
    return {k: v for k, v in coded.items() if is_inside(v, space[k])}


def is_inside(value: Any, distribution: BaseDistribution) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    return distribution.low <= value <= distribution.high


def decode(params: dict[str, Any], space: Space) -> dict[str, Any]:
    """A proposal as the settings of a job."""
    return {k: json.loads(v) if isinstance(space[k], CategoricalDistribution) else v for k, v in params.items()}
