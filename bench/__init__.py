"""MCLN-Bench: trustworthy benchmarks of multimodal recommenders."""

from importlib import import_module

__version__ = "0.1.0"
# name to the module that is imported when the name is first used
LAZY = {name: "bench.api" for name in ("load", "load_model", "Results")}
LAZY["dataset_from_frame"] = "bench.data.importing"


def __getattr__(name: str):
    """Import ``bench.load`` and the other names of ``LAZY``, and ``bench.run``, when they are first used."""
    if name == "run":
        return import_module("bench.run")  # a package that can be called: ``bench.run(datasets=[...])``
    if name in LAZY:
        return getattr(import_module(LAZY[name]), name)
    raise AttributeError(f"module 'bench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *LAZY, "run"])


def register() -> None:
    """Make RecBole find our models by name, and run under the installed versions of Python, NumPy, pandas and torch.

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
            # RecBole pickles the class into its checkpoints, and pickle finds a class by its module
            members = {"preset": preset, "__module__": module.__name__}
            setattr(module, name, type(name, (model,), members) if ":" in name else model)
            sys.modules[module.__name__] = module
