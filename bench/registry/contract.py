"""Whether a class is a model, and what it lacks."""

import dataclasses

from bench.registry.source import GUIDE, Card
from bench.spec import BenchError, Training, unknown

NEEDED = ("calculate_loss", "represent", "score")


def check(model: type, card: Card) -> None:
    """Hold a model's class to the contract.

    Raises:
        BenchError: where its settings are no dataclass, where ``training`` names what is no setting of training, or
            where it does not write a method that every model needs.
    """
    where = card.file or card.module
    if not dataclasses.is_dataclass(model.Hyper):
        raise BenchError(f"Hyper of {card.name} in {where} is no dataclass; write @dataclass(frozen=True) above it")
    names = [field.name for field in dataclasses.fields(Training)]
    for name in card.training:
        if name not in names:
            raise unknown(f"setting in training of {card.name} in {where}", name, names)
    methods = {name: getattr(model, name, None) for name in {*NEEDED, *dir(model)}}
    missing = [name for name, one in methods.items() if one is None and name in NEEDED or is_abstract(one)]
    if missing:
        raise BenchError(f"{card.name} in {where} does not write {', '.join(sorted(missing))} ({GUIDE})")


def is_abstract(method: object) -> bool:
    return getattr(method, "__isabstractmethod__", False) is True
