"""Planning and running jobs. ``bench.run(datasets=[...], models=[...])`` does from Python what ``run_all.py`` does."""

import sys
from importlib import import_module
from types import ModuleType


class _Run(ModuleType):
    def __call__(self, **request):
        return import_module("bench.api").run(**request)


sys.modules[__name__].__class__ = _Run
