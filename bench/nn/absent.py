"""Stand-ins for packages that RecBole imports only for its logs and searches, where they are not installed."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType

# package to the names of its modules that RecBole imports
WANTED = {
    "colorama": ["colorama"],
    "colorlog": ["colorlog"],
    "texttable": ["texttable"],
    "tensorboard": ["torch.utils.tensorboard"],
    "ray": ["ray", "ray.tune"],
}


class Absent(ModuleType):
    """A module from which every name can be imported, but none can be used."""

    __path__: list[str] = []

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)

        def use(*args, **kwargs):
            raise ImportError(f"RecBole needs {self.__name__} for this, and it is not installed")

        return use


@contextmanager
def stand_ins() -> Iterator[None]:
    """While RecBole is imported within this context, put a stand-in in the place of each missing package."""
    missing = [name for name in WANTED if name not in sys.modules and importlib.util.find_spec(name) is None]
    names = [module for package in missing for module in WANTED[package]]
    for name in names:
        sys.modules[name] = Absent(name)
        sys.modules[name].__spec__ = ModuleSpec(name, None)
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
