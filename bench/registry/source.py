"""What a model's file declares, read from its syntax tree, without importing it."""

import ast
import dataclasses
import hashlib
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.spec import ENGINE, BenchError, Job

HOUSES = ("baselines", "models")  # the packages of our own models, which import nothing but bench


@dataclasses.dataclass(frozen=True)
class Card:
    """What a model's file declares, read from its syntax tree."""

    name: str
    module: str
    training: dict[str, Any]  # the model's own defaults of the fields of Training
    presets: dict[str, dict[str, Any]]
    per_dataset: dict[str, dict[str, Any]]
    is_floor: bool  # a sanity floor: not among the models asked for by default
    code: tuple[str, ...] = dataclasses.field(repr=False)  # the text of its file or, for a package, of all its files
    file: str = ""  # of a model from outside, which has no importable name

    @cached_property
    def source(self) -> str:
        """Revision of ``code``, part of the key of the model's jobs."""
        return revision(ast.parse(text) for text in self.code)

    def is_code_of(self, job: Job) -> bool:
        """Whether this code, and the harness's own, is that which ``job`` was planned for."""
        return (self.source, ENGINE) == (job.source, job.engine)


def read_cards(path: Path, module: str) -> list[Card]:
    """The classes with a ``Hyper`` in a file, or in any file of a package; nothing for a path that is neither.

    Raises:
        BenchError: for a file that does not parse, or whose presets are not literal.
    """
    files = [path] if path.suffix == ".py" else sorted(path.glob("*.py"))
    texts = {file: read_text(file) for file in files}
    return [
        read_card(node, file, module if file == path else f"{module}.{file.stem}", tuple(texts.values()))
        for file, text in texts.items()
        for node in parse(text, file).body
        if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.ClassDef) and b.name == "Hyper" for b in node.body)
    ]


def with_imports(card: Card, path: Path, home: Path) -> Card:
    """``card`` of a file outside, whose code is also what the file imports from beside it, and from our models.

    Args:
        home: the folder of ``HOUSES`` and of ``bench``, whose code counts by its engine's number.
    """
    texts, waiting = {}, [path]
    while waiting:
        file = waiting.pop()
        texts[file] = read_text(file)
        if not any(home / house in file.parents for house in HOUSES):
            waiting += [one for one in imported(parse(texts[file], file), file.parent, home) if one not in texts]
    return dataclasses.replace(card, code=(*card.code, *(texts[file] for file in sorted(texts) if file != path)))


def imported(tree: ast.Module, folder: Path, home: Path) -> list[Path]:
    """The files that ``tree``, of a file in ``folder``, imports from there, from its own package, and from ``home``."""
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module or ''}.{alias.name}".lstrip(".") for alias in node.names]
    top = next(place for place in (folder, *folder.parents) if not (place / "__init__.py").exists())
    found: set[Path] = set()
    for words in (name.split(".") for name in names):
        if words[0] in HOUSES:
            place = home.joinpath(*words[:2])
            found |= {place.with_suffix(".py"), *place.glob("*.py")}
        elif words[0] != "bench":
            places = [root.joinpath(*words[:n]) for root in (folder, top) for n in range(1, len(words) + 1)]
            found |= {file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")}
    return sorted(file for file in found if file.is_file())


def read_card(node: ast.ClassDef, file: Path, module: str, code: tuple[str, ...]) -> Card:
    declared = {target.id: statement for statement in node.body for target in assigned(statement)}
    return Card(
        name=node.name,
        module=module,
        training=literal(declared.get("training"), file, default={}),
        presets={"default": {}, **literal(declared.get("presets"), file, default={})},
        per_dataset=literal(declared.get("per_dataset"), file, default={}),
        is_floor=literal(declared.get("is_floor"), file, default=False),
        code=code,
    )


def read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # not UTF-8
        raise unreadable(file, error) from None


def parse(text: str, file: Path) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise BenchError(f"{file}:{error.lineno}: {error.msg}; mend the file") from None
    except (ValueError, RecursionError) as error:  # NUL bytes, nested without end
        raise unreadable(file, error) from None


def unreadable(file: Path, error: Exception) -> BenchError:
    return BenchError(f"{file} cannot be read as Python ({str(error).splitlines()[0][:80]}); mend the file")


def assigned(node: ast.stmt) -> list[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [t for t in targets if isinstance(t, ast.Name)]


def literal(node: ast.stmt | None, path: Path, *, default):
    if node is None:
        return default
    try:
        return ast.literal_eval(node.value)
    except ValueError:
        raise BenchError(f"{path}:{node.lineno}: training, presets and per_dataset must be literal dicts") from None


def revision(trees) -> str:
    """Hash of the code of some files: comments, docstrings and the version of Python do not count."""
    return hashlib.sha256(repr([outline(tree) for tree in trees]).encode()).hexdigest()[:12]


def outline(node: Any) -> Any:
    """A syntax tree as nested tuples, without docstrings, places and fields that are empty.

    ``ast.dump`` would do, but newer versions of Python print fields that older ones do not have.
    """
    if isinstance(node, list):
        return tuple(outline(part) for part in node)
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.JoinedStr):  # versions of Python cut the text of an f-string differently
        parts = [part for part in node.values if getattr(part, "value", None) != ""]
        runs = groupby(parts, key=lambda part: isinstance(part, ast.Constant))
        return "JoinedStr", *["".join(p.value for p in run) if text else outline(list(run)) for text, run in runs]
    parts = dict(ast.iter_fields(node))
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
        parts["body"] = node.body[1:]
    kept = [(name, outline(part)) for name, part in parts.items() if part is not None and part != []]
    return type(node).__name__, *kept
