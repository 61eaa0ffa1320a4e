"""Reads from a model's file, without importing it, the models it declares and a revision of their code."""

import ast
import dataclasses
from collections.abc import Sequence
from functools import cache, cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bench.files import digest
from bench.spec import ENGINE, BenchError, Job, unknown

HOME = Path(__file__).resolve().parents[2]  # the folder of bench, models and baselines, in a checkout or installed
OUR_PACKAGES = ("baselines", "models")  # the packages of our own models, which import no project's code but bench
GUIDE = "docs/adding-a-model.md"
DICTS = TypeAdapter(dict[str, dict[str, Any]])
DECLARED = {  # what a model's class may declare besides its code, and the type of each
    "training": TypeAdapter(dict[str, Any]), "presets": DICTS, "per_dataset": DICTS, "is_floor": TypeAdapter(bool)
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Card:
    """The declarations of one model, read from the syntax tree of its file."""

    name: str
    module: str
    code: tuple[str, ...] = dataclasses.field(repr=False)  # the text of its file or, for a package, of all its files
    presets: dict[str, dict[str, Any]]
    training: dict[str, Any] = dataclasses.field(default_factory=dict)  # its own defaults of the fields of Training
    per_dataset: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    is_floor: bool = False  # a sanity floor, which does not run unless it is asked for
    file: str = ""  # the path of a model from outside, whose module has no importable name
    beside: tuple[str, ...] = ()  # modules in the folder of such a file that the file imports, directly or not

    @cached_property
    def source(self) -> str:
        """The revision of ``code``, which is part of the key of the model's jobs."""
        return revision(ast.parse(text) for text in self.code)

    def is_code_of(self, job: Job) -> bool:
        """Whether this code and the harness are those that ``job`` was planned with."""
        return (self.source, ENGINE) == (job.source, job.engine)


def read_cards(path: Path, module: str) -> list[Card]:
    """Return a card for each class with a ``Hyper`` in a file, or in the files of a package; none for other paths."""
    texts = {file: read_text(file) for file in files_of(path)}
    return [
        read_card(node, file, ".".join((module, *part.relative_to(path).parts)), tuple(texts.values()))
        for file, text in texts.items()
        for part in [path if file == path else file.with_suffix("")]
        for node in parse(text, file).body
        if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.ClassDef) and b.name == "Hyper" for b in node.body)
    ]


def files_of(path: Path) -> list[Path]:
    """Return the files of a model: the file itself, or all files of a package."""
    return [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))


def no_model(path: Path, name: str, known: Sequence[str]) -> BenchError:
    """Return the error that says why ``name`` is no model of the file, whose models are ``known``."""
    if name in class_names(path):
        return BenchError(f"class {name} in {path} has no Hyper, which a model's settings are ({GUIDE})")
    if not known:
        return BenchError(f"{path} has no model, which is a class with a Hyper for its settings ({GUIDE})")
    return unknown(f"model in {path}", name, known) if name else BenchError(f"give the class too: {path}:{known[0]}")


def class_names(path: Path) -> set[str]:
    return {node.name for node in parse(read_text(path), path).body if isinstance(node, ast.ClassDef)}


def read_card(node: ast.ClassDef, file: Path, module: str, code: tuple[str, ...]) -> Card:
    """Return the card of the model's class ``node`` in ``file``."""
    statements = {target.id: statement for statement in node.body for target in assigned(statement)}
    values = {name: literal(statements[name], file, kind) for name, kind in DECLARED.items() if name in statements}
    presets = {"default": {}, **values.pop("presets", {})}
    return Card(name=node.name, module=module, code=code, presets=presets, **values)


def read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # not UTF-8
        raise unreadable(file, error) from None


@cache
def parse(text: str, file: Path) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise BenchError(f"{file}:{error.lineno}: {error.msg}; mend the file") from None
    except (ValueError, RecursionError) as error:  # NUL bytes, code that is nested too deeply
        raise unreadable(file, error) from None


def unreadable(file: Path, error: Exception) -> BenchError:
    return BenchError(f"{file} cannot be read as Python ({str(error).splitlines()[0][:80]}); mend the file")


def assigned(node: ast.stmt) -> list[ast.Name]:
    """Return the names that an assignment sets; none for another statement."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target for target in targets if isinstance(target, ast.Name)]


def literal(node: ast.stmt, path: Path, kind: TypeAdapter) -> Any:
    """Return the value of the assignment ``node``, which must be a literal of this ``kind``."""
    try:
        return kind.validate_python(ast.literal_eval(node.value), strict=True)
    except (TypeError, ValueError):  # pydantic's own errors are ValueErrors
        why = "training, presets and per_dataset must be literal dicts, the latter two of dicts, and is_floor a bool"
        raise BenchError(f"{path}:{node.lineno}: {why}") from None


def revision(trees) -> str:
    """Return a hash of syntax trees that comments, docstrings and the version of Python do not change."""
    return digest(repr([outline(tree) for tree in trees]).encode())[:12]


def outline(node: Any) -> Any:
    """Return a syntax tree as nested tuples, without docstrings, positions and empty fields.

    ``ast.dump`` does not serve, since newer versions of Python print fields that older ones do not have.
    """
    if isinstance(node, list):
        return tuple(outline(part) for part in node)
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.JoinedStr):  # versions of Python divide the text of an f-string differently
        parts = [part for part in node.values if getattr(part, "value", None) != ""]
        runs = groupby(parts, key=lambda part: isinstance(part, ast.Constant))
        return "JoinedStr", *["".join(p.value for p in run) if text else outline(list(run)) for text, run in runs]
    parts = dict(ast.iter_fields(node))
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
        parts["body"] = node.body[1:]
    fields = [(name, outline(part)) for name, part in parts.items() if part is not None and part != []]
    return type(node).__name__, *fields
