"""What a model's file declares, read from its syntax tree, without importing it."""

import ast
import dataclasses
import hashlib
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.spec import ENGINE, BenchError, Job, unknown

HOUSES = ("baselines", "models")  # the packages of our own models, which import nothing but bench
GUIDE = "docs/adding-a-model.md"


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
    beside: tuple[str, ...] = ()  # the modules that such a file, and what it imports, has from its own folder

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


def no_model(path: Path, name: str, known: Sequence[str]) -> BenchError:
    """Why ``name`` is no model of the file, whose models are ``known``."""
    if name in {node.name for node in parse(read_text(path), path).body if isinstance(node, ast.ClassDef)}:
        return BenchError(f"class {name} in {path} has no Hyper, which a model's settings are ({GUIDE})")
    if not known:
        return BenchError(f"{path} has no model, which is a class with a Hyper for its settings ({GUIDE})")
    return unknown(f"model in {path}", name, known) if name else BenchError(f"give the class too: {path}:{known[0]}")


def with_imports(card: Card, path: Path, home: Path) -> Card:
    """``card`` of a file outside, whose code is also what the file imports from beside it, from folders along
    ``sys.path`` that are no installation's, and from our models.

    Args:
        home: the folder of ``HOUSES`` and of ``bench``, whose code counts by its engine's number.

    Raises:
        BenchError: for an import that cannot mean what is written there.
    """
    top = next(place for place in path.parents if not (place / "__init__.py").exists())
    roots = [path.parent, top, *own_places()] if card.file else [top]  # an installed package does not look beside it
    texts, waiting, found = {}, [path], set()
    while waiting:
        file = waiting.pop()
        texts[file] = read_text(file)
        if not any(home / house in file.parents for house in HOUSES):
            own = imported(parse(texts[file], file), file, roots=roots, home=home)
            found |= {one.relative_to(path.parent).parts[0] for one in own if path.parent in one.parents}
            waiting += [one for one in own if one not in texts]
    names = {name.removesuffix(".py") for name in found} - {"__init__", "bench", *HOUSES}
    for name in sorted(names & sys.stdlib_module_names) if card.file else ():
        raise BenchError(f"{path} imports {name}, which is Python's own, and also lies beside it; rename the latter")
    code = (*card.code, *(texts[file] for file in sorted(texts) if file != path))
    return dataclasses.replace(card, code=code, beside=tuple(sorted(names)))


def own_places() -> list[Path]:
    """The folders along ``sys.path`` that no installation owns, such as that of a project: what is there may change."""
    standard = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    places = [Path(place).resolve() for place in sys.path if Path(place).is_dir()]
    is_installed = {"site-packages", "dist-packages"}.intersection
    return [one for one in places if not (is_installed(one.parts) or standard & {one, *one.parents})]


def imported(tree: ast.Module, file: Path, *, roots: Sequence[Path], home: Path) -> list[Path]:
    """The files that ``tree``, which is that of ``file``, imports: from one of ``roots``, from its own package, where
    dots lead there, and from ``home``."""
    found: set[Path] = set()
    for line, level, name in imports(tree):
        words = name.split(".")
        if level:
            found |= along(words, [file.parents[min(level, len(file.parents)) - 1]])
        elif words[0] in HOUSES:
            place = home.joinpath(*words[:2])
            own = {one for one in (place.with_suffix(".py"), *place.glob("*.py")) if one.is_file()}
            if not own:
                said = f"{' and '.join(HOUSES)} are packages of MCLN-Bench, which have no {'.'.join(words[:2])}"
                raise BenchError(f"{file}:{line}: {said}; rename your own")
            found |= own
        elif words[0] != "bench":
            found |= along(words, roots)
    return sorted(found)


def imports(tree: ast.Module) -> Iterator[tuple[int, int, str]]:
    """Line, number of leading dots and dotted name of each import, those within functions among them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, 0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, node.level, ".".join(filter(None, (node.module, alias.name.strip("*"))))


def along(words: Sequence[str], roots: Sequence[Path]) -> set[Path]:
    """The files of the packages and the module that ``words`` name, below any of ``roots``."""
    places = [root.joinpath(*words[:n]) for root in roots for n in range(1, len(words) + 1)]
    return {file for place in places for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()}


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
