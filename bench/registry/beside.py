"""Models whose files are not ours: how they are found, and imported together with the modules beside their files.

Those modules are imported whatever else has their names.
"""

import dataclasses
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from traceback import extract_tb
from types import CodeType, ModuleType

from bench.registry.imports import with_imports
from bench.registry.source import Card, no_model, read_cards
from bench.spec import BenchError


def card_in(path: Path, module: str, name: str, *, file: str = "") -> Card:
    """Return the card of a model whose file is not ours; its code includes that of all that the file imports. ``file``
    is ``path`` again, for a file that is no importable module."""
    in_file = {card.name: card for card in read_cards(path, module)}
    if name not in in_file:
        raise no_model(path, name, list(in_file))
    return with_imports(dataclasses.replace(in_file[name], file=file), path)


class FromSource(SourceFileLoader):
    """Runs the text that the model's key covers.

    Python's own loader takes a compiled file for current where the source has the same size and time, in seconds.
    """

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class BesideFinder(MetaPathFinder):
    """A finder of modules in the folder of the model that was loaded last; ``sys.path`` stays as it is.

    It finds only the modules whose code is part of the model's key, so that no other code takes part in a run.
    """

    def __init__(self):
        self.folders: dict[str, str] = {}  # by the first part of a module's name

    def find_spec(
        self, name: str, path: Iterable[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        folder = self.folders.get(name.partition(".")[0])
        if folder is None:
            return None
        spec = PathFinder.find_spec(name, [folder] if path is None else path)
        if spec is None:
            return None
        if isinstance(spec.loader, SourceFileLoader):
            spec.loader = FromSource(spec.loader.name, spec.loader.path)
        elif spec.loader is None:  # a package without __init__.py; a list keeps it off sys.path
            spec.submodule_search_locations = list(spec.submodule_search_locations)
        return spec

    def take_names(self, card: Card) -> None:
        """Forget modules that other models, or an earlier version of this one, imported by the names in its folder."""
        folder = Path(card.file).parent
        for name in card.beside:
            loaded = sys.modules.get(name)
            paths = [getattr(loaded, "__file__", None) or "", *getattr(loaded, "__path__", ())]
            allowed = {folder, Path(self.folders.get(name, folder))}
            if loaded is not None and allowed.isdisjoint(parent for path in paths for parent in Path(path).parents):
                taken = f"{card.file} imports {name} from beside it, and a module of that name is in use"
                raise BenchError(f"{taken} ({next(filter(None, paths), 'built in')}); rename {folder / name}")
            for module in [module for module in sys.modules if module.partition(".")[0] == name]:
                del sys.modules[module]
            self.folders[name] = str(folder)


finder = BesideFinder()


def load(card: Card) -> ModuleType:
    """Return the module of a model's file, which is imported once for each version of its code."""
    name = f"model_from_outside_{card.source}"
    if name not in sys.modules:
        if finder not in sys.meta_path:
            sys.meta_path.insert(0, finder)
        finder.take_names(card)
        spec = importlib.util.spec_from_file_location(name, card.file, loader=FromSource(name, card.file))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


@contextmanager
def importing(card: Card) -> Iterator[None]:
    """Raise a BenchError that names the line where the import of a model's file fails or ends the program."""
    try:
        yield
    except (KeyboardInterrupt, BenchError):
        raise
    except BaseException as error:
        file = card.file or str(file_of(card.module))
        if isinstance(error, SystemExit):  # the end of one job, and not of the run that asks for its settings
            remedy = 'put what ends it under `if __name__ == "__main__":`'
            raise BenchError(f"{file} ends the program when it is imported; {remedy}") from error
        lines = [f", line {part.lineno}" for part in extract_tb(error.__traceback__) if part.filename == file]
        why = f"{type(error).__name__}: {error}"
        raise BenchError(f"{file}{''.join(lines[-1:])}: the file cannot be imported ({why})") from error


def file_of(module: str) -> Path | None:
    """Return the file of an installed module; None where the module, or a package that it lies in, is missing."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError as error:
        if not module.startswith(f"{error.name}."):  # the package is there, and lacks another one
            raise
        return None
    return Path(spec.origin) if spec and spec.origin else None
