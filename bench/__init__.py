"""MCLN-Bench: trustworthy benchmarks of multimodal recommenders."""

__version__ = "0.1.0"


def dataset_from_frame(frame, *, out, **choices):
    """Write the interactions of a pandas frame as a data set, see ``bench.data.importing``."""
    from bench.data.importing import dataset_from_frame as write

    return write(frame, out=out, **choices)


def register() -> None:
    """Let RecBole find our models by name, and run under the versions of Python, NumPy, pandas and torch at hand.

    Afterwards ``recbole.utils.get_model("MCLN")``, ``get_model("MCLN:itemwise")``, ``get_model("SVD++")`` and RecBole's
    ``run_recbole`` take our models, with our defaults where the config says nothing. Where RecBole has a model of the
    same name, ours is found; RecBole's class stays importable from ``recbole.model.general_recommender``.

    Raises:
        BenchError: where RecBole is not installed.
    """
    import sys
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from bench import registry
    from bench.spec import SHOWN_MODELS

    registry.require_recbole()
    from bench.train.bridge import mend

    mend()
    for card in registry.cards().values():
        model = registry.load(card)
        names = {card.name: "default", SHOWN_MODELS.get(card.name, card.name): "default"}
        names |= {f"{card.name}:{preset}": preset for preset in card.presets}
        for name, preset in names.items():
            module = ModuleType(f"recbole.model.general_recommender.{name.lower()}")
            module.__spec__ = ModuleSpec(module.__name__, None)
            # a class that pickles, as RecBole's checkpoints ask, must say where it is found
            own = {"preset": preset, "__module__": module.__name__}
            setattr(module, name, type(name, (model,), own) if ":" in name else model)
            sys.modules[module.__name__] = module
