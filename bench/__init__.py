"""MCLN-Bench: trustworthy benchmarks of multimodal recommenders."""

__version__ = "0.1.0"


def register() -> None:
    """Let ``recbole.utils.get_model`` find our models by name.

    Where RecBole has a model of the same name, ``get_model`` then gives ours; RecBole's class stays importable from
    ``recbole.model.general_recommender``.
    """
    import importlib
    import sys

    from bench.registry import cards

    importlib.import_module("recbole.model.general_recommender")  # binds RecBole's own classes first
    for card in cards().values():
        name = f"recbole.model.general_recommender.{card.name.lower()}"
        sys.modules[name] = importlib.import_module(card.module)
