"""What a class lacks to be a model is said by name."""

import pytest

from bench import registry
from bench.registry import contract
from bench.spec import BenchError
from bench.tune import trials

HEAD = """
from dataclasses import dataclass, field

from bench.nn.recommender import EmbeddingRecommender, Recommender


"""
LOSS = "\n    def calculate_loss(self, interaction):\n        return 0\n"
HYPER = "    @dataclass(frozen=True)\n    class Hyper:\n        size: int = 8\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"class Mine(EmbeddingRecommender):\n{HYPER}", "Mine in .*own.py does not write calculate_loss, embed"),
        (f"class Mine(EmbeddingRecommender):\n{HYPER}{LOSS}", "Mine in .*own.py does not write embed"),
        (f"class Mine(Recommender):\n{HYPER}{LOSS}", "Mine in .*own.py does not write represent, score"),
        (f"class Mine:\n{HYPER}", "Mine in .*own.py does not write calculate_loss, represent, score"),
        (
            "class Mine(Recommender):\n    class Hyper:\n        size: int = 8\n",
            "write @dataclass.frozen=True. above it",
        ),
        (
            "class Mine(Recommender):\n    @dataclass(frozen=True)\n    class Hyper:\n        size: int\n",
            "Hyper of Mine in .*own.py gives size no plain default; write one after =",
        ),
        (
            f"class Mine(Recommender):\n{HYPER.replace('= 8', '= field(default_factory=int)')}",
            "Hyper of Mine in .*own.py gives size no plain default; write one after =",
        ),
        (
            f"class Mine(Recommender):\n{HYPER}        depth = 2\n",
            "Hyper of Mine in .*own.py gives depth no type, so that it is no setting; write depth: int = ",
        ),
        (
            f"class Mine(Recommender):\n    training = {{'learning_rat': 0.1}}\n{HYPER}",
            "unknown setting in training of Mine in .*own.py 'learning_rat'; did you mean learning_rate?",
        ),
        (
            f"class Mine(Recommender):\n    presets = {{'big': {{'sise': 9}}}}\n{HYPER}",
            "unknown setting in preset big of Mine in .*own.py 'sise'; did you mean size?",
        ),
        (
            f"class Mine(Recommender):\n    per_dataset = {{'beauty': {{'sise': 9}}}}\n{HYPER}",
            "unknown setting in per_dataset beauty of Mine in .*own.py 'sise'; did you mean size?",
        ),
    ],
)
def test_a_class_that_is_no_model(tmp_path, monkeypatch, text, said):
    monkeypatch.setattr(registry, "outside", {})
    (tmp_path / "own.py").write_text(HEAD + text)
    card, preset = registry.find(f"{tmp_path / 'own.py'}:Mine")
    with pytest.raises(BenchError, match=said.replace("?", r"\?")):
        registry.settings(card, preset, dataset="", hyper={})


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("Weight = log_uniform(1e-3, low=0.0, high=0.1)", "log_uniform needs 0 < low <= high, not 0.0 and 0.1$"),
        ("Weight = uniform(0.5, low=1.0, high=0.1)", "uniform needs low <= high, not 1.0 and 0.1$"),
        ("Weight = uniform(0.5, low=-1.0, high=0.1)", "setting size=-1.0: input should be greater than or equal to 0"),
        (
            "Count = uniform(2.0, low=1.0, high=4.0)",
            "setting size=1.0: input should be a valid integer; for some values",
        ),
        (
            "int = uniform(2.0, low=1.0, high=4.0)",
            r"setting size=2.1\d*: input should be a valid integer.*; for some values",
        ),
        ("Count = choice(2, among=(2, -1))", "setting size=-1: input should be greater than or equal to 0"),
        ("Count = choice(2, among=())", r"write among=\(1, 2\), with at least one value$"),
        ("Count = field(default=2, metadata={'among': 3})", r"write among=\(1, 2\), with at least one value$"),
    ],
)
def test_a_space_that_cannot_be_searched(tmp_path, monkeypatch, field, said):
    monkeypatch.setattr(registry, "outside", {})
    names = "from bench.spec import Count, Weight, choice, log_uniform, uniform\n"
    hyper = HYPER.replace("int = 8", field)
    (tmp_path / "own.py").write_text(f"{names}{HEAD}class Mine(EmbeddingRecommender):\n{hyper}{LOSS}")
    card, _ = registry.find(f"{tmp_path / 'own.py'}:Mine")
    with pytest.raises(BenchError, match=f"size of Mine in .*own.py cannot be searched: {said}"):
        trials.space(card)


def test_every_model_of_ours_is_whole():
    for card in registry.standing_cards().values():
        contract.check(registry.load(card), card)
        contract.check_space(registry.load(card).Hyper, card)
