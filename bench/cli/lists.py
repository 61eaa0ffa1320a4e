"""The commands that list models with their presets and settings, data sets, and studies with their variants."""

from collections.abc import Iterable, Mapping
from typing import Any

from tabulate import tabulate

from bench import registry
from bench.cli.flags import Parser
from bench.run.studies import STUDIES, find
from bench.spec import DATA_SETS, row_name


def models_command(parser: Parser, argv: list[str]) -> None:
    """List the models and their presets, or the settings of those that are named."""
    parser.add_argument("models", nargs="*", metavar="MODEL[:PRESET]", help="default: all, without their settings")
    named = parser.parse_args(argv).models
    print("\n\n".join(map(settings, named)) if named else models())


def models() -> str:
    """Return the table of all models with their groups and presets."""
    members = {group: {card.name for card in registry.members(group)} for group in registry.GROUPS}
    rows = [
        (card.name, ", ".join(group for group in members if card.name in members[group]), ", ".join(card.presets))
        for card in registry.cards().values()
    ]
    return f"{grid(rows, ('model', 'groups', 'presets'))}\nThe settings of one: python -m bench models MODEL[:PRESET]"


def settings(text: str) -> str:
    """Return the table of the settings of a model's presets, or of the preset that is named."""
    card, preset = registry.find(text)
    presets = [preset] if registry.is_preset_named(text) else list(card.presets)
    by_preset = [registry.settings(card, preset, dataset="", hyper={}) for preset in presets]
    rows = [(name, *(as_text(values[name]) for values in by_preset)) for name in by_preset[0]]
    notes = [f"On {name}, unless a preset says otherwise: {as_text(hyper)}" for name, hyper in card.per_dataset.items()]
    return "\n".join([grid(rows, [card.name, *(row_name(card.name, preset) for preset in presets)]), *notes])


def data_command(parser: Parser, argv: list[str]) -> None:
    """List the data sets that have a name."""
    parser.parse_args(argv)
    from bench.data.sources import FOLDERS, MOVIELENS  # here, since pandas takes a second to import

    texts = {name: "the paper's, from its authors' release: downloaded, or read from --data-dir" for name in FOLDERS}
    texts[MOVIELENS] = "MovieLens 100k, which is part of RecBole"
    simulated = "simulated; it is known which part of the content bears on preference"
    rows = [(name, texts.get(name, simulated)) for name in DATA_SETS]
    print(f"{grid(rows, ('data set', 'what it is'))}\nAny folder is a data set, too: docs/adding-a-data-set.md")


def studies_command(parser: Parser, argv: list[str]) -> None:
    """List the studies, or the variants of those that are named."""
    parser.add_argument("studies", nargs="*", metavar="NAME", help="default: all, without their variants")
    named = parser.parse_args(argv).studies
    if not named:
        rows = [(s.name, s.title, ", ".join(s.models) or "any", len(s.variants) or "") for s in STUDIES.values()]
        print(grid(rows, ("study", "title", "models", "variants")))
    for study in find(named):
        rows = [(study.titles[variant.label], as_text(study.full(variant))) for variant in study.variants]
        print(grid(rows, (study.title, "settings")) if rows else f"{study.title}: its rows are models, not variants")


def as_text(value: Any) -> str:
    """Return a value as --set takes it, or settings separated by spaces."""
    if isinstance(value, Mapping):
        return " ".join(f"{name}={as_text(setting)}" for name, setting in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)


def grid(rows: Iterable, heads: Iterable[str]) -> str:
    return tabulate(rows, list(heads), disable_numparse=True)
