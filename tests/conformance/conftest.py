"""Every model and preset that the registry finds goes through the same suite."""

import pytest


def every_row():
    """ "Model:preset" of all models; a preset that is another's alias stands once."""
    from bench.registry import cards

    rows = []
    for card in cards().values():
        distinct = {str(values): preset for preset, values in reversed(card.presets.items())}
        rows += [f"{card.name}:{preset}" for preset in reversed(distinct.values()) if not card.is_floor]
    return rows


def pytest_generate_tests(metafunc):
    if "row" in metafunc.fixturenames:
        metafunc.parametrize("row", every_row())
    if "field" in metafunc.fixturenames:
        import dataclasses

        from bench.registry import cards, load

        pairs = [
            (c.name, f.name) for c in cards().values() if not c.is_floor for f in dataclasses.fields(load(c).Hyper)
        ]
        metafunc.parametrize(("model", "field"), pairs)


@pytest.fixture
def unchecked(monkeypatch):
    """Shapes are not checked, which takes a third of a long training: the same row's short ones check all of them."""
    import jaxtyping

    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture
def data():
    from tests.toy import random_set

    return random_set()


@pytest.fixture
def build(row, data):
    """build(seed=0, data=None, **settings): the model of this row, small."""
    from tests.conformance.rows import build_row

    return lambda **options: build_row(row, options.pop("data", data), **options)
