"""Finds the files that a model imports, without importing them: their code is part of the model's key."""

import ast
import dataclasses
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.registry.source import HOME, OUR_PACKAGES, Card, files_of, parse, read_text
from bench.spec import BenchError


def with_ours(card: Card, path: Path) -> Card:
    """Add to the code of ``card``, a model of ours whose file or package is ``path``, that of the other models of ours
    that it imports, directly or not."""
    own = files_of(path)
    others = sorted(import_graph(own, ()).keys() - set(own))
    return dataclasses.replace(card, code=(*card.code, *map(read_text, others)))


def with_imports(card: Card, path: Path) -> Card:
    """Add to the code of ``card``, a model from outside, the code of all files that its file imports, directly or not:
    files beside it, in project folders along ``sys.path``, and in our packages. ENGINE stands for the code of bench."""
    top = next(folder for folder in path.parents if not (folder / "__init__.py").exists())
    roots = [path.parent, top, *project_folders()] if card.file else [top]  # an installed package: not beside it
    graph = import_graph([path], roots)
    children = {child for files in graph.values() for child in files if path.parent in child.parents}
    beside = {child.relative_to(path.parent).parts[0].removesuffix(".py") for child in children}
    names = beside - {"__init__", "bench", *OUR_PACKAGES}
    for name in sorted(names & sys.stdlib_module_names) if card.file else ():
        raise BenchError(f"{path} imports {name}, which is Python's own, and also lies beside it; rename the latter")
    code = (*card.code, *(read_text(file) for file in sorted(graph) if file != path))
    return dataclasses.replace(card, code=code, beside=tuple(sorted(names)))


def import_graph(files: Iterable[Path], roots: Sequence[Path]) -> dict[Path, list[Path]]:
    """Return, for each of the ``files`` and of those that they import, directly or not, the files that it imports."""
    graph: dict[Path, list[Path]] = {}
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        is_ours = any(HOME / package in file.parents for package in OUR_PACKAGES)
        graph[file] = imported(parse(read_text(file), file), file, () if is_ours else roots)
        waiting += [child for child in graph[file] if child not in graph]
    return graph


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
    """Return the files of the module whose dotted name has these ``words``, and of its packages, below the first root
    that has any, which is where Python finds it."""
    for root in roots:
        bases = [root.joinpath(*words[:n]) for n in range(1, len(words) + 1)]
        files = {file for base in bases for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()}
        if files:
            return files
    return set()
