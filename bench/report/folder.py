"""The folder of the reports, as far as it matters before there is one."""

from contextlib import AbstractContextManager
from pathlib import Path

from bench.files import try_writing, writing

PAGE = "report.html"


def check_writable(folder: Path) -> None:
    """Fail before any work is done, not after.

    Raises:
        BenchError: where nothing can be written.
    """
    with writing_to(folder):
        try_writing(folder)


def writing_to(folder: Path) -> AbstractContextManager[None]:
    """A context in which a failure to write is one clear line."""
    return writing(f"reports folder {folder}", remedy="choose another with --reports")
