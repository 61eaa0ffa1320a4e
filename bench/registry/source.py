"""Reads from a model's file, without importing it, the models it declares and a revision of their code."""

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

from pydantic import TypeAdapter

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
    """Return a card for each class with a ``Hyper`` in a file, or in the files of a package; none for other paths.

    Raises:
        BenchError: for a file that does not parse, or whose presets are not literal.
    """
    files = [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    texts = {file: read_text(file) for file in files}
    return [
        read_card(node, file, ".".join((module, *part.relative_to(path).parts)), tuple(texts.values()))
        for file, text in texts.items()
        for part in [path if file == path else file.with_suffix("")]
        for node in parse(text, file).body
        if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.ClassDef) and b.name == "Hyper" for b in node.body)
    ]


def no_model(path: Path, name: str, known: Sequence[str]) -> BenchError:
    """Return the error that says why ``name`` is no model of the file, whose models are ``known``."""
    if name in {node.name for node in parse(read_text(path), path).body if isinstance(node, ast.ClassDef)}:
        return BenchError(f"class {name} in {path} has no Hyper, which a model's settings are ({GUIDE})")
    if not known:
        return BenchError(f"{path} has no model, which is a class with a Hyper for its settings ({GUIDE})")
    return unknown(f"model in {path}", name, known) if name else BenchError(f"give the class too: {path}:{known[0]}")


def with_imports(card: Card, path: Path) -> Card:
    """Add to the code of ``card``, a model from outside, the code of all files that its file imports, directly or not:
    files beside it, in project folders along ``sys.path``, and in our packages. ENGINE stands for the code of bench.

    Raises:
        BenchError: for an import that would find another module than the one meant.
    """
    top = next(folder for folder in path.parents if not (folder / "__init__.py").exists())
    roots = [path.parent, top, *project_folders()] if card.file else [top]  # an installed package: not beside it
    texts, waiting, beside = {}, [path], set()
    while waiting:
        file = waiting.pop()
        texts[file] = read_text(file)
        is_ours = any(HOME / package in file.parents for package in OUR_PACKAGES)
        files = imported(parse(texts[file], file), file, () if is_ours else roots)
        beside |= {child.relative_to(path.parent).parts[0] for child in files if path.parent in child.parents}
        waiting += [child for child in files if child not in texts]
    names = {name.removesuffix(".py") for name in beside} - {"__init__", "bench", *OUR_PACKAGES}
    for name in sorted(names & sys.stdlib_module_names) if card.file else ():
        raise BenchError(f"{path} imports {name}, which is Python's own, and also lies beside it; rename the latter")
    places: dict[Path, list[Path]] = {}  # the files of one name below several roots, of which Python imports the first
    for root in dict.fromkeys(roots):
        for file in [file for file in texts if root in file.parents]:
            places.setdefault(file.relative_to(root), []).append(file)
    firsts = [texts[files[0]] for _, files in sorted(places.items()) if files[1:]]
    code = (*card.code, *(texts[file] for file in sorted(texts) if file != path), *firsts)
    return dataclasses.replace(card, code=code, beside=tuple(sorted(names)))


def project_folders() -> list[Path]:
    """Return the folders along ``sys.path`` that belong to no installation, so that their files may change."""
    standard = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders = [Path(entry).resolve() for entry in sys.path if Path(entry).is_dir()]
    is_installed = {"site-packages", "dist-packages"}.intersection
    return [path for path in folders if not (is_installed(path.parts) or standard & {path, *path.parents})]


def imported(tree: ast.Module, file: Path, roots: Sequence[Path]) -> list[Path]:
    """Return the files that ``file``, of syntax tree ``tree``, imports: by leading dots those of its own package, for
    ``OUR_PACKAGES`` those below ``HOME``, and else those below one of ``roots``."""
    files: set[Path] = set()
    for line, level, name in imports(tree):
        words = name.split(".")
        if level:
            files |= module_files(words, [file.parents[min(level, len(file.parents)) - 1]])
        elif words[0] in OUR_PACKAGES:
            base = HOME.joinpath(*words[:2])
            ours = {path for path in (base.with_suffix(".py"), *base.rglob("*.py")) if path.is_file()}
            if not ours:
                why = f"{' and '.join(OUR_PACKAGES)} are packages of MCLN-Bench, which have no {'.'.join(words[:2])}"
                raise BenchError(f"{file}:{line}: {why}; rename your own")
            files |= ours
        elif words[0] != "bench":
            files |= module_files(words, roots)
    return sorted(files)


def imports(tree: ast.Module) -> Iterator[tuple[int, int, str]]:
    """Yield line, number of leading dots and dotted name of each import, also of those within functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, 0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, node.level, ".".join(filter(None, (node.module, alias.name.strip("*"))))


def module_files(words: Sequence[str], roots: Sequence[Path]) -> set[Path]:
    """Return the files of the module whose dotted name has these ``words``, and of its packages, below any root."""
    bases = [root.joinpath(*words[:n]) for root in roots for n in range(1, len(words) + 1)]
    return {file for base in bases for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()}


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
    return hashlib.sha256(repr([outline(tree) for tree in trees]).encode()).hexdigest()[:12]


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
