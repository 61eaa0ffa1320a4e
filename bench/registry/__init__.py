"""All models: finds those in models/ and baselines/, reads their declarations, and imports a file when it is needed."""

import dataclasses
import importlib.util
import os
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.files import expanded
from bench.registry import beside, contract
from bench.registry.imports import with_ours
from bench.registry.source import HOME, OUR_PACKAGES, Card, class_names, no_model, read_cards
from bench.spec import (
    CAUSAL_MODELS,
    INSTALL_RECBOLE,
    NEWER_MODELS,
    PAPER_MODELS,
    BenchError,
    Job,
    Training,
    read,
    row_name,
    unknown,
)

ENTRY_POINTS = "mcln_bench.models"  # the group of entry points by which an installed package may offer models
# groups with fixed members; "all" is every model but the sanity floors, and "floors" is the sanity floors
NAMED = {"paper": PAPER_MODELS, "newer": NEWER_MODELS, "causal": CAUSAL_MODELS}
GROUPS = ("all", *NAMED, "floors")
outside: dict[str, Card] = {}  # the models of files outside this repository that were asked for, by name


def cards() -> dict[str, Card]:
    """Return every model by name: those of the paper in its order, others by name, those of outside files last."""
    return {**standing_cards(), **outside}


def is_installed(job: Job) -> bool:
    """Whether the installed code is the code that ``job`` was planned with."""
    return job.model in cards() and cards()[job.model].is_code_of(job)


@cache
def standing_cards() -> dict[str, Card]:
    """Return the models of our packages and of installed packages."""
    all_cards: dict[str, Card] = {}
    for name in OUR_PACKAGES:
        for path in sorted(Path(our_package(name).__path__[0]).glob("[!_]*")):
            found = read_cards(path, f"{name}.{path.stem}")
            add_cards(all_cards, [with_ours(card, path) for card in found], path)
    for point in entry_points(group=ENTRY_POINTS):
        path = beside.file_of(point.module)
        if path is None:
            raise BenchError(f"entry point {point.name} of {ENTRY_POINTS}: no module {point.module}; install it again")
        add_cards(all_cards, [beside.card_in(path, point.module, point.attr)], path)
    place = {name: i for i, name in enumerate(PAPER_MODELS)}
    return dict(sorted(all_cards.items(), key=lambda entry: (place.get(entry[0], len(place)), entry[0])))


def add_cards(all_cards: dict[str, Card], new: Iterable[Card], path: Path | str) -> None:
    """Add the ``new`` cards, which are of the file ``path``. A name may be taken once, in whatever case it is written,
    since models are looked up without regard to case."""
    by_lower = {name.lower(): card for name, card in all_cards.items()}
    for card in new:
        if (other := by_lower.get(card.name.lower())) is not None:
            where = other.file or other.module
            raise BenchError(f"{path}: {where} already has a model named {other.name}; rename class {card.name}")
        by_lower[card.name.lower()] = all_cards[card.name] = card


def our_package(name: str) -> ModuleType:
    """Return our package ``models`` or ``baselines``, even if the working folder has a package of that name."""
    module = sys.modules.get(name)
    if module is None:
        init = HOME / name / "__init__.py"
        spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(init.parent)])
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    if Path(getattr(module, "__path__", [""])[0]).resolve() != HOME / name:
        where = f"{name} is imported already ({module.__file__})"
        raise BenchError(f"another package named {where}; import bench before it")
    return module


def is_of_file(text: str) -> bool:
    """Whether the text names a model by its file, as ``path/to/file.py:Class`` does."""
    return ".py:" in f"{text}:"


def from_outside(text: str) -> str:
    """Add the model of ``path/to/file.py:Class[:preset]`` to those that ``cards`` returns; return
    ``Class[:preset]``."""
    if not is_of_file(text):
        raise BenchError(f"{text!r} names no file; a model from outside is given as path/to/file.py:Class")
    name, _, rest = f"{text}:".partition(".py:")
    path = expanded(f"{name}.py").resolve()
    if not os.path.isfile(path):
        raise BenchError(f"{path} is not there; a model from outside is given as path/to/file.py:Class")
    card = beside.card_in(path, path.stem, rest.partition(":")[0], file=str(path))
    others = {name: other for name, other in outside.items() if other.file != str(path)}  # the file may have changed
    add_cards({**standing_cards(), **others}, [card], path)
    outside[card.name] = card
    return rest.removesuffix(":")


def require_recbole() -> None:
    """Raise a BenchError with the command that installs RecBole, where it is missing."""
    if importlib.util.find_spec("recbole") is None:
        raise BenchError(f"RecBole is not installed, and every model builds on it; run: {INSTALL_RECBOLE}")


def find(text: str, *, prefer: str = "default") -> tuple[Card, str]:
    """Return the card and preset of "Model", "Model:preset" or "path/to/file.py:Model"; case does not matter.

    A preset that sets nothing equals the default one, and is returned as "default". A model that is named without a
    preset has the preset ``prefer`` where there is one of that name.
    """
    if is_of_file(text):
        text = from_outside(text)
    name, _, preset = text.replace("++", "pp").partition(":")  # SVD++ is no Python name
    by_lower = {n.lower(): card for n, card in cards().items()}
    if name.lower() in GROUPS:
        raise BenchError(f"{text!r}: {name} stands for many models and has no presets; name one model")
    if name.lower() not in by_lower:
        for path in (file for package in OUR_PACKAGES for file in sorted((HOME / package).rglob("*.py"))):
            if name in class_names(path):
                raise no_model(path, name, ())
        raise unknown("model", name, [*cards(), *GROUPS])
    card = by_lower[name.lower()]
    preset = preset or (prefer if prefer in card.presets else "default")
    if preset not in card.presets:
        raise unknown(f"preset of {card.name}", preset, card.presets)
    return card, preset if card.presets[preset] else "default"


def row_of(text: str, rows: Callable[[], Collection[str]]) -> str:
    """Return the row of the model that ``text`` names as for ``find``; where no model has the name, return ``text``
    itself if it is one of ``rows``, such as "MCLN (tuned)"."""
    try:
        card, preset = find(text)
    except BenchError:
        if text in rows():
            return text
        raise
    return row_name(card.name, preset)


def is_preset_named(text: str) -> bool:
    """Whether the text that names a model, perhaps as ``path/to/file.py:Class``, also names a preset."""
    return ":" in f"{text}:".rpartition(".py:")[2][:-1]


def select(texts: Sequence[str] | None, *, prefer: str = "default") -> list[tuple[Card, str]]:
    """Return the cards and presets of the models and groups ``texts``, or of "all"; ``prefer`` as for ``find``."""
    selected = []
    for text in texts or ["all"]:
        names = [card.name for card in members(text.lower())] if text.lower() in GROUPS else [text]
        selected += [find(name, prefer=prefer) for name in names]
    return selected


def members(group: str) -> list[Card]:
    """Return the models of one of ``GROUPS``: those whose files are there. Models from outside belong to no group."""
    if group in NAMED:
        return [cards()[name] for name in NAMED[group] if name in cards()]
    return [card for card in standing_cards().values() if card.is_floor is (group == "floors")]


def load(card: Card) -> type:
    """Import the class of a card."""
    with beside.importing(card):
        if card.file:
            return getattr(beside.load(card), card.name)
        if (package := card.module.partition(".")[0]) in OUR_PACKAGES:
            our_package(package)
        return getattr(importlib.import_module(card.module), card.name)


def settings(card: Card, preset: str, *, dataset: str, hyper: dict[str, Any]) -> dict[str, Any]:
    """Return every setting of a job; later ones win: defaults, ``training``, the data set's, the preset's,
    ``hyper``."""
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
    """Divide ``values`` into those of ``Training`` and those of ``model.Hyper``."""
    training = {f.name: values[f.name] for f in dataclasses.fields(Training) if f.name in values}
    return training, {name: value for name, value in values.items() if name not in training}


def check(card: Card, values: dict[str, Any]) -> None:
    """Check the settings ``values`` of a model as a job will."""
    read(Training, split_settings(values)[0])
    hyper(load(card), values)


def hyper(model: type, values: dict[str, Any]):
    """Return the ``Hyper`` of ``model`` with the values from a job's settings."""
    return read(model.Hyper, split_settings(values)[1])
