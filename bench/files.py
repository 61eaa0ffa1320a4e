"""Files written whole or not at all, and what is said where they cannot be."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pooch

from bench.spec import BenchError


def cache_folder() -> Path:
    """``$MCLN_BENCH_CACHE``, else the cache folder of the operating system."""
    return Path(os.environ.get("MCLN_BENCH_CACHE") or pooch.os_cache("mcln-bench"))


def write_whole(path: Path, write: Callable[[str], object]) -> None:
    """Write beside ``path``, then rename: a reader finds the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    try:
        write(name)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def writing(what: object, *, remedy: str) -> Iterator[None]:
    """A full disk or a folder turned read-only is one clear line, which names ``what`` and the ``remedy``."""
    try:
        yield
    except OSError as error:
        raise BenchError(f"{what} cannot be written ({error.strerror}); {remedy}") from None


def try_writing(folder: Path) -> None:
    """Make ``folder`` and a file in it that goes at once: fails before any work is done, not after."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
