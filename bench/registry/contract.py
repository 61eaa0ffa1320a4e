"""The check that a class has what the harness needs of a model."""

import dataclasses

from bench.registry.source import GUIDE, Card
from bench.spec import BenchError, Training, unknown

NEEDED = ("calculate_loss", "represent", "score")


def check(model: type, card: Card) -> None:
    """Raise BenchError unless a class has what every model needs."""
    where = card.file or card.module
    if not dataclasses.is_dataclass(model.Hyper):
        raise BenchError(f"Hyper of {card.name} in {where} is no dataclass; write @dataclass(frozen=True) above it")
    for field in dataclasses.fields(model.Hyper):
        if field.default is dataclasses.MISSING:
            why = f"gives {field.name} no plain default; write one after =, a tuple such as (64, 64) for a list"
            raise BenchError(f"Hyper of {card.name} in {where} {why} ({GUIDE})")
    fields = {field.name for field in dataclasses.fields(model.Hyper)}
    for name, value in vars(model.Hyper).items():
        if not (name in fields or name.startswith("_") or hasattr(value, "__get__")):  # methods have __get__
            why = f"gives {name} no type, so that it is no setting; write {name}: {type(value).__name__} = ..."
            raise BenchError(f"Hyper of {card.name} in {where} {why} ({GUIDE})")
    names = [field.name for field in dataclasses.fields(Training)]
    for name in card.training:
        if name not in names:
            raise unknown(f"setting in training of {card.name} in {where}", name, names)
    methods = {name: getattr(model, name, None) for name in {*NEEDED, *dir(model)}}
    missing = [name for name, method in methods.items() if method is None and name in NEEDED or is_abstract(method)]
    if missing:
        raise BenchError(f"{card.name} in {where} does not write {', '.join(sorted(missing))} ({GUIDE})")


def is_abstract(method: object) -> bool:
    return getattr(method, "__isabstractmethod__", False) is True
