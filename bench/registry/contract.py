"""The check that a class has what the harness needs of a model."""

import dataclasses
import math
from typing import get_type_hints

from bench.registry.source import GUIDE, Card
from bench.spec import BenchError, Training, read, unknown

NEEDED = ("calculate_loss", "represent", "score")


def check(model: type, card: Card) -> None:
    """Raise BenchError unless a class has what every model needs."""
    name = f"{card.name} in {card.file or card.module}"
    check_hyper(model.Hyper, name)
    check_declared(model.Hyper, card, name)
    methods = {method: getattr(model, method, None) for method in {*NEEDED, *dir(model)}}
    missing = [each for each, method in methods.items() if method is None and each in NEEDED or is_abstract(method)]
    if missing:
        raise BenchError(f"{name} does not write {', '.join(sorted(missing))} ({GUIDE})")


def check_hyper(hyper: type, name: str) -> None:
    """Refuse a class of settings that is no dataclass, and settings without a plain default or without a type."""
    if not dataclasses.is_dataclass(hyper):
        raise BenchError(f"Hyper of {name} is no dataclass; write @dataclass(frozen=True) above it")
    fields = {field.name: field for field in dataclasses.fields(hyper)}
    for setting, field in fields.items():
        if field.default is dataclasses.MISSING:
            why = f"gives {setting} no plain default; write one after =, a tuple such as (64, 64) for a list"
            raise BenchError(f"Hyper of {name} {why} ({GUIDE})")
    for setting, value in vars(hyper).items():
        if not (setting in fields or setting.startswith("_") or hasattr(value, "__get__")):  # methods have __get__
            why = f"gives {setting} no type, so that it is no setting; write {setting}: {type(value).__name__} = ..."
            raise BenchError(f"Hyper of {name} {why} ({GUIDE})")


def check_space(hyper: type, card: Card) -> None:
    """Refuse a search space that is empty, or that holds values which the type of its setting refuses."""
    types = get_type_hints(hyper, include_extras=True)
    for field in dataclasses.fields(hyper):
        why, values = "", []
        if "among" in field.metadata:
            among = field.metadata["among"]
            values = list(among) if isinstance(among, tuple | list) else []
            why = "" if values else "write among=(1, 2), with at least one value"
        elif "low" in field.metadata:
            low, high, is_log = (field.metadata[name] for name in ("low", "high", "log"))
            if not low <= high or is_log and low <= 0:
                why = f"{'log_uniform needs 0 <' if is_log else 'uniform needs'} low <= high, not {low} and {high}"
            values = [low, low + (high - low) / math.e, high]  # e: the one within is never whole
        alone = dataclasses.make_dataclass("Hyper", [(field.name, types[field.name])])  # beside it, others may differ
        try:
            for value in [] if why else values:
                read(alone, {field.name: value})
        except BenchError as error:
            why = f"{error}; for some values alone, write choice(..., among=(1, 2))"
        if why:
            raise BenchError(f"{field.name} of {card.name} in {card.file or card.module} cannot be searched: {why}")


def check_declared(hyper: type, card: Card, name: str) -> None:
    """Refuse names in ``training``, ``presets`` and ``per_dataset`` that are no settings."""
    of_training = [field.name for field in dataclasses.fields(Training)]
    known = [*of_training, *(field.name for field in dataclasses.fields(hyper))]
    declared = [("training", card.training, of_training)]
    declared += [(f"preset {preset}", values, known) for preset, values in card.presets.items()]
    declared += [(f"per_dataset {dataset}", values, known) for dataset, values in card.per_dataset.items()]
    for what, values, names in declared:
        for setting in values:
            if setting not in names:
                raise unknown(f"setting in {what} of {name}", setting, names)


def is_abstract(method: object) -> bool:
    return getattr(method, "__isabstractmethod__", False) is True
