"""Building a row ("Model:preset") small enough for tests."""

import dataclasses

from bench import registry
from bench.spec import Budget
from bench.train.fit import fit
from tests.toy import make, random_batch

SMALL = {"embedding_size": 8}


def build_row(row: str, data, *, seed: int = 0, **settings):
    """The model of ``row`` on ``data``; settings that the model does not have are left out of the small ones."""
    card, preset = registry.find(row)
    model = registry.load(card)
    names = {f.name for f in dataclasses.fields(model.Hyper)}
    small = {k: v for k, v in SMALL.items() if k in names}
    values = registry.settings(card, preset, dataset="", hyper={**small, **settings})
    hyper = registry.split_settings(values)[1]
    return make(model, data, seed=seed, **hyper)


def batch_for(model, data, *, size: int = 16, seed: int = 0):
    return random_batch(data, size=size, seed=seed, n_negatives=model.n_negatives)


def other_value(field: dataclasses.Field):
    """A value of ``field`` that is not its default."""
    default = field.default
    among = field.metadata.get("among") or getattr(field.type, "__args__", ())
    others = [v for v in among if v != default and not isinstance(v, type)]
    if others:
        return others[0]
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return 2 * default or 1  # a multiple, for models that split a width
    if isinstance(default, float):
        return default * 3 if default else 0.5
    raise TypeError(f"no other value known for {field.name}: give it choice(…, among=…)")


def fit_plainly(model, batches, *, epochs: int, **more):
    """Train without looking: one evaluation at the end, which says nothing. ``more`` goes to ``fit``."""
    budget = Budget(name="test", epochs=epochs, eval_every=epochs, patience=None)
    more = {"learning_rate": 0.02, "evaluate": lambda: {"x": 0.0}, "select": ["x"], **more}
    return fit(model, batches, budget=budget, **more)
