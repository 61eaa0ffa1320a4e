"""Which models there are: walks models/ and baselines/, reads what a file declares, imports it only when asked."""

import ast
import dataclasses
import hashlib
import importlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bench.spec import PAPER_MODELS, BenchError, Training, read, unknown

HOUSES = ("baselines", "models")
GROUPS = {"all": False, "floors": True}  # words for many models; whether floors


@dataclasses.dataclass(frozen=True)
class Card:
    """What a model's file says of itself, read from its syntax tree."""

    name: str
    module: str
    presets: dict[str, dict[str, Any]]
    per_dataset: dict[str, dict[str, Any]]
    is_floor: bool  # a sanity floor: not among the models asked for by default
    source: str  # revision: hash of the tree without docstrings, so comments and wording do not count


@cache
def cards() -> dict[str, Card]:
    """Every model, in the paper's order, others after it by name."""
    found = {}
    for house in HOUSES:
        root = Path(importlib.import_module(house).__path__[0])
        for path in sorted(root.glob("[!_]*.py")):
            for card in read_cards(path, f"{house}.{path.stem}"):
                if card.name in found:
                    raise BenchError(
                        f"{path}: class {card.name} stands in {found[card.name].module} already; rename it"
                    )
                found[card.name] = card
    place = {name: i for i, name in enumerate(PAPER_MODELS)}
    return dict(sorted(found.items(), key=lambda entry: (place.get(entry[0], len(place)), entry[0])))


def read_cards(path: Path, module: str) -> list[Card]:
    """The classes of one file that hold a ``Hyper``."""
    try:
        tree = ast.parse(path.read_text())
    except SyntaxError as error:
        raise BenchError(f"{path}:{error.lineno}: {error.msg}; mend the file") from None
    source = revision(tree)
    out = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.ClassDef) and b.name == "Hyper" for b in node.body):
            declared = {t.id: b for b in node.body for t in assigned(b)}
            presets = literal(declared.get("presets"), path, default={"default": {}})
            per_dataset = literal(declared.get("per_dataset"), path, default={})
            is_floor = literal(declared.get("is_floor"), path, default=False)
            out.append(Card(node.name, module, {"default": {}, **presets}, per_dataset, is_floor, source))
    return out


def assigned(node: ast.stmt) -> list[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [t for t in targets if isinstance(t, ast.Name)]


def literal(node: ast.stmt | None, path: Path, *, default):
    if node is None:
        return default
    try:
        return ast.literal_eval(node.value)
    except ValueError:
        raise BenchError(f"{path}:{node.lineno}: presets and per_dataset must be literal dicts") from None


def revision(tree: ast.Module) -> str:
    """Hash of the code alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:12]


def find(text: str) -> tuple[Card, str]:
    """The card and preset of "Model" or "Model:preset"; case does not matter.

    Raises:
        BenchError: for a name or preset that is not there, near misses named.
    """
    name, _, preset = text.replace("++", "pp").partition(":")  # SVD++ is no Python name
    by_lower = {n.lower(): card for n, card in cards().items()}
    if name.lower() not in by_lower:
        raise unknown("model", name, cards())
    card = by_lower[name.lower()]
    preset = preset or "default"
    if preset not in card.presets:
        raise unknown(f"preset of {card.name}", preset, card.presets)
    return card, preset


def select(texts: Sequence[str] | None) -> list[tuple[Card, str]]:
    """Cards and presets of what was asked for; "all" is every model, "floors" the sanity floors; default: all."""
    out = []
    for text in texts or ["all"]:
        if text in GROUPS:
            out += [(card, "default") for card in cards().values() if card.is_floor is GROUPS[text]]
        else:
            out.append(find(text))
    return out


def load(card: Card) -> type:
    return getattr(importlib.import_module(card.module), card.name)


def settings(card: Card, preset: str, *, dataset: str, hyper: dict[str, Any]) -> dict[str, Any]:
    """Every setting of a job: defaults, then the data set's, then the preset's, then ``hyper``; strict."""
    model = load(card)
    defaults = {f.name: f.default for cls in (Training, model.Hyper) for f in dataclasses.fields(cls)}
    chosen = {**card.per_dataset.get(dataset.removesuffix("-sim"), {}), **card.presets[preset], **hyper}
    for key in chosen:
        if key not in defaults:
            raise unknown(f"setting of {card.name}", key, defaults)
    return {**defaults, **chosen}


def split_settings(model: type, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """``values`` parted into those of ``Training`` and those of ``model.Hyper``."""
    training = {f.name for f in dataclasses.fields(Training)}
    return (
        {k: v for k, v in values.items() if k in training},
        {k: v for k, v in values.items() if k not in training},
    )


def check(card: Card, values: dict[str, Any]) -> None:
    """Read ``values`` as a job will.

    Raises:
        BenchError: for a value of the wrong type.
    """
    model = load(card)
    read(Training, split_settings(model, values)[0])
    hyper(model, values)


def hyper(model: type, values: dict[str, Any]):
    """The ``Hyper`` of ``model`` in a job's settings."""
    return read(model.Hyper, split_settings(model, values)[1])
