"""What there is to run: models with their presets and settings, data sets, studies with their variants."""

from collections.abc import Iterable, Mapping
from typing import Any

from tabulate import tabulate

from bench import registry
from bench.cli.flags import Parser
from bench.run.studies import STUDIES, find
from bench.spec import DATA_SETS, row_name


def models_command(argv: list[str]) -> int:
    """List the models and their presets, or the settings of those that are named."""
    parser = Parser(prog="python -m bench models", description=models_command.__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL[:PRESET]", help="default: all, without their settings")
    named = parser.parse_args(argv).models
    print("\n\n".join(map(settings, named)) if named else models())
    return 0


def models() -> str:
    groups = {name: {card.name for card in registry.members(name)} for name in registry.GROUPS}
    rows = [
        (card.name, ", ".join(group for group, own in groups.items() if card.name in own), ", ".join(card.presets))
        for card in registry.cards().values()
    ]
    return f"{grid(rows, ('model', 'groups', 'presets'))}\nThe settings of one: python -m bench models MODEL[:PRESET]"


def settings(text: str) -> str:
    """The settings of a model's presets, or of the one that is named.

    Raises:
        BenchError: for an unknown name.
    """
    card, preset = registry.find(text)
    presets = [preset] if registry.is_preset_named(text) else list(card.presets)
    values = [registry.settings(card, one, dataset="", hyper={}) for one in presets]
    rows = [(name, *(said(own[name]) for own in values)) for name in values[0]]
    own = [f"On {name}, unless a preset says otherwise: {said(some)}" for name, some in card.per_dataset.items()]
    return "\n".join([grid(rows, [card.name, *(row_name(card.name, one) for one in presets)]), *own])


def data_command(argv: list[str]) -> int:
    """List the data sets that have a name."""
    Parser(prog="python -m bench data").parse_args(argv)
    from bench.data.sources import FOLDERS, MOVIELENS  # here, since torch takes seconds to import

    shown = {name: "the paper's, from its authors' release: downloaded, or read from --data-dir" for name in FOLDERS}
    shown[MOVIELENS] = "MovieLens 100k, which RecBole brings along"
    rows = [(name, shown.get(name, "simulated, with content whose part in preference is known")) for name in DATA_SETS]
    print(f"{grid(rows, ('data set', 'what it is'))}\nAny folder is a data set, too: docs/adding-a-data-set.md")
    return 0


def studies_command(argv: list[str]) -> int:
    """List the studies, or the variants of those that are named."""
    parser = Parser(prog="python -m bench studies", description=studies_command.__doc__)
    parser.add_argument("studies", nargs="*", metavar="NAME", help="default: all, without their variants")
    named = parser.parse_args(argv).studies
    if not named:
        rows = [(s.name, s.title, ", ".join(s.models) or "any", len(s.variants) or "") for s in STUDIES.values()]
        print(grid(rows, ("study", "title", "models", "variants")))
    for study in find(named):
        rows = [(one.title or one.label, said(study.full(one))) for one in study.variants]
        print(grid(rows, (study.title, "settings")) if rows else f"{study.title}: its rows are models, not variants")
    return 0


def said(value: Any) -> str:
    """A value as --set takes it, or settings apart by spaces."""
    if isinstance(value, Mapping):
        return " ".join(f"{name}={said(one)}" for name, one in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)


def grid(rows: Iterable, heads: Iterable[str]) -> str:
    return tabulate(rows, list(heads), disable_numparse=True)
