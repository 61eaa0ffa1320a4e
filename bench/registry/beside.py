"""What a model from outside imports comes from beside its own file, whatever else has that name in the process."""

import importlib.util
import sys
from collections.abc import Iterable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from bench.registry.source import Card
from bench.spec import BenchError


class Beside(MetaPathFinder):
    """Finds modules in the folder of the model that was loaded last; ``sys.path`` stays as it is.

    Only the names that belong to the model's key are found, so that no other code takes part in a run.
    """

    def __init__(self):
        self.folders: dict[str, str] = {}  # by the first part of a module's name

    def find_spec(
        self, name: str, path: Iterable[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or name not in self.folders:
            return None
        spec = PathFinder.find_spec(name, [self.folders[name]])
        if spec is not None and spec.loader is None:  # a package without __init__.py, which would look along sys.path
            spec.submodule_search_locations = list(spec.submodule_search_locations)
        return spec

    def make_way(self, card: Card) -> None:
        """Forget the modules of these names that other models brought, or an earlier version of this one.

        Raises:
            BenchError: where a name is that of a module which is in use here.
        """
        folder = Path(card.file).parent
        for name in card.beside:
            known = sys.modules.get(name)
            where = [getattr(known, "__file__", None) or "", *getattr(known, "__path__", ())]
            ours = {folder, Path(self.folders.get(name, folder))}
            if known is not None and ours.isdisjoint(parent for one in where for parent in Path(one).parents):
                taken = f"{card.file} imports {name} from beside it, and a module of that name is in use"
                raise BenchError(f"{taken} ({next(filter(None, where), 'built in')}); rename {folder / name}")
            for module in [one for one in sys.modules if one.partition(".")[0] == name]:
                del sys.modules[module]
            self.folders[name] = str(folder)


finder = Beside()


def load(card: Card) -> ModuleType:
    """The module of a model's file; it is imported once for each version of its code."""
    name = f"model_from_outside_{card.source}"
    if name not in sys.modules:
        if finder not in sys.meta_path:
            sys.meta_path.insert(0, finder)
        finder.make_way(card)
        spec = importlib.util.spec_from_file_location(name, card.file)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
