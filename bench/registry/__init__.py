"""Which models there are: walks models/ and baselines/, reads what a file declares, imports it only when asked."""

import dataclasses
import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.registry import beside, contract
from bench.registry.source import HOUSES, Card, no_model, read_cards, with_imports
from bench.spec import (
    CAUSAL_MODELS,
    INSTALL_RECBOLE,
    NEWER_MODELS,
    PAPER_MODELS,
    BenchError,
    Job,
    Training,
    read,
    unknown,
)

HOME = Path(__file__).resolve().parents[2]  # where the houses are, in a checkout and where the wheel puts them
ENTRY_POINTS = "mcln_bench.models"  # under which an installed package may offer models
# words for many models, with their names; "all" is every model but the sanity floors, which "floors" are
NAMED = {"paper": PAPER_MODELS, "newer": NEWER_MODELS, "causal": CAUSAL_MODELS}
GROUPS = ("all", *NAMED, "floors")
outside: dict[str, Card] = {}  # models that files from outside brought, by name


def cards() -> dict[str, Card]:
    """Every model: in the paper's order, others after it by name, those of files from outside last."""
    return {**standing_cards(), **outside}


def is_installed(job: Job) -> bool:
    """Whether the code that ``job`` was planned for is here."""
    return job.model in cards() and cards()[job.model].is_code_of(job)


@cache
def standing_cards() -> dict[str, Card]:
    """The models of the houses and of installed packages."""
    found: dict[str, Card] = {}
    for name in HOUSES:
        for path in sorted(Path(house(name).__path__[0]).glob("[!_]*")):
            enter(found, read_cards(path, f"{name}.{path.stem}"), path)
    for point in entry_points(group=ENTRY_POINTS):
        spec = importlib.util.find_spec(point.module)
        if spec is None or not spec.origin:
            raise BenchError(f"entry point {point.name} of {ENTRY_POINTS}: no module {point.module}; install it again")
        own = [with_imports(card, Path(spec.origin), HOME) for card in read_cards(Path(spec.origin), point.module)]
        enter(found, [card for card in own if card.name == point.attr], spec.origin)
    place = {name: i for i, name in enumerate(PAPER_MODELS)}
    return dict(sorted(found.items(), key=lambda entry: (place.get(entry[0], len(place)), entry[0])))


def enter(found: dict[str, Card], own: Iterable[Card], path: Path | str) -> None:
    """Put cards among those found.

    Raises:
        BenchError: where a name is taken already, whatever its case: case does not matter when a name is looked up.
    """
    by_lower = {name.lower(): card for name, card in found.items()}
    for card in own:
        if (other := by_lower.get(card.name.lower())) is not None:
            where = other.file or other.module
            raise BenchError(f"{path}: class {card.name} stands in {where} already, as {other.name}; rename it")
        by_lower[card.name.lower()] = found[card.name] = card


def house(name: str) -> ModuleType:
    """Our own package ``models`` or ``baselines``, whatever package of that name the working folder has.

    Raises:
        BenchError: where another one is imported already.
    """
    module = sys.modules.get(name)
    if module is None:
        init = HOME / name / "__init__.py"
        spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(init.parent)])
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    if Path(getattr(module, "__path__", [""])[0]).resolve() != HOME / name:
        raise BenchError(
            f"another package named {name} is imported already ({module.__file__}); import bench before it"
        )
    return module


def from_outside(text: str) -> str:
    """The name, and the preset if any, of ``path/to/file.py:Class[:preset]``, whose models can be found from now on.

    Raises:
        BenchError: where the file has no such model, or one whose name stands already.
    """
    name, _, rest = f"{text}:".partition(".py:")
    path = Path(f"{name}.py").expanduser().resolve()
    if not os.path.isfile(path):
        raise BenchError(f"{path} is not there; a model from outside is given as path/to/file.py:Class")
    cards_there = [dataclasses.replace(card, file=str(path)) for card in read_cards(path, path.stem)]
    own = {card.name: with_imports(card, path, HOME) for card in cards_there}
    wanted, rest = rest.partition(":")[0], rest.removesuffix(":")
    if wanted not in own:
        raise no_model(path, wanted, [*own])
    if (known := outside.get(wanted)) is None or (known.file, known.source) != (str(path), own[wanted].source):
        others = {name: card for name, card in outside.items() if card.file != str(path)}  # the file may have changed
        enter({**standing_cards(), **others}, [own[wanted]], path)
        outside[wanted] = own[wanted]
    return rest


def require_recbole() -> None:
    """Raise a BenchError with the command that installs RecBole, where it is missing."""
    if importlib.util.find_spec("recbole") is None:
        raise BenchError(f"RecBole is not installed, and every model builds on it; run: {INSTALL_RECBOLE}")


def find(text: str, *, prefer: str = "default") -> tuple[Card, str]:
    """The card and preset of "Model", "Model:preset" or "path/to/file.py:Model"; case does not matter.

    A preset that sets nothing is the default one by another name, and no other job.

    Args:
        prefer: the preset of a model that is named without one, where it has it.

    Raises:
        BenchError: for a name or preset that is not there, near misses named, or for a group.
    """
    if ".py:" in f"{text}:":
        text = from_outside(text)
    name, _, preset = text.replace("++", "pp").partition(":")  # SVD++ is no Python name
    by_lower = {n.lower(): card for n, card in cards().items()}
    if name.lower() in GROUPS:
        raise BenchError(f"{text!r}: {name} stands for many models and has no presets; name one model")
    if name.lower() not in by_lower:
        raise unknown("model", name, [*cards(), *GROUPS])
    card = by_lower[name.lower()]
    preset = preset or (prefer if prefer in card.presets else "default")
    if preset not in card.presets:
        raise unknown(f"preset of {card.name}", preset, card.presets)
    return card, preset if card.presets[preset] else "default"


def is_preset_named(text: str) -> bool:
    """Whether a model as asked for, which may be in a file, has a preset beside its name."""
    return ":" in text.replace(".py:", "")


def select(texts: Sequence[str] | None, *, prefer: str = "default") -> list[tuple[Card, str]]:
    """Cards and presets of what was asked for, a model or a group each; default: "all". ``prefer`` as for ``find``."""
    out = []
    for text in texts or ["all"]:
        names = [card.name for card in members(text.lower())] if text.lower() in GROUPS else [text]
        out += [find(name, prefer=prefer) for name in names]
    return out


def members(group: str) -> list[Card]:
    """The models of one of ``GROUPS``; a name whose file is not there is left out, and models from outside, which are
    asked for by their files, belong to none."""
    if group in NAMED:
        return [cards()[name] for name in NAMED[group] if name in cards()]
    return [card for card in standing_cards().values() if card.is_floor is (group == "floors")]


def load(card: Card) -> type:
    """The class of a card."""
    if not card.file:
        if card.module.partition(".")[0] in HOUSES:
            house(card.module.partition(".")[0])
        return getattr(importlib.import_module(card.module), card.name)
    return getattr(beside.load(card), card.name)


def settings(card: Card, preset: str, *, dataset: str, hyper: dict[str, Any]) -> dict[str, Any]:
    """Every setting of a job: defaults, then the model's own of training, the data set's, the preset's, ``hyper``.

    Raises:
        BenchError: for a class that is no model, an unknown setting, near misses named, or one not true or false.
    """
    model = load(card)
    contract.check(model, card)
    defaults = {f.name: f.default for cls in (Training, model.Hyper) for f in dataclasses.fields(cls)} | card.training
    chosen = {**card.per_dataset.get(dataset.removesuffix("-sim"), {}), **card.presets[preset], **hyper}
    for key in chosen:
        if key not in defaults:
            raise unknown(f"setting of {card.name}", key, defaults)
        if isinstance(defaults[key], bool) and not isinstance(chosen[key], bool):
            raise BenchError(f"setting {key}={chosen[key]}: it is true or false")
        if isinstance(defaults[key], float) and type(chosen[key]) is int:
            chosen[key] = float(chosen[key])  # 1 and 1.0 are one setting
    return {**defaults, **chosen}


def split_settings(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """``values`` parted into those of ``Training`` and those of ``model.Hyper``."""
    training = {f.name: values[f.name] for f in dataclasses.fields(Training) if f.name in values}
    return training, {name: value for name, value in values.items() if name not in training}


def check(card: Card, values: dict[str, Any]) -> None:
    """Read ``values`` as a job will.

    Raises:
        BenchError: for a value of the wrong type.
    """
    read(Training, split_settings(values)[0])
    hyper(load(card), values)


def hyper(model: type, values: dict[str, Any]):
    """The ``Hyper`` of ``model`` in a job's settings."""
    return read(model.Hyper, split_settings(values)[1])
