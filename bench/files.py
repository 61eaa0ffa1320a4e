"""Files written whole or not at all, locks on files, and what is said where a file cannot be written."""

import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pooch

from bench.spec import BenchError


def cache_folder() -> Path:
    """``$MCLN_BENCH_CACHE``, else the cache folder of the operating system."""
    return Path(os.environ.get("MCLN_BENCH_CACHE") or pooch.os_cache("mcln-bench")).expanduser()


def plain(text: str, *, is_line: bool = False) -> str:
    """``text`` without the characters by which it could steer a terminal; as one line, if it is to be one."""
    text = re.sub(r"\s+", " ", text).strip() if is_line else text
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", text)


def digest(content: bytes) -> str:
    """What names and vouches for a content."""
    return hashlib.sha256(content).hexdigest()


def regular(path: Path) -> Path:
    """``path``, unless it is a pipe or a device, which could block the reader or never end; a folder fails when opened.

    Raises:
        BenchError: where it is.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise BenchError(f"{path} is not a regular file")
    return path


def read_checked(path: Path, sha256: str) -> bytes:
    """The content of a file whose digest is kept elsewhere.

    Raises:
        BenchError, OSError: where it cannot be read.
        ValueError: where it is not what was written.
    """
    content = regular(path).read_bytes()
    if digest(content) != sha256:
        raise ValueError(f"{path} was changed after it was written")
    return content


def write_sealed(path: Path, content: bytes | memoryview, *, owner: str) -> None:
    """Write ``content`` behind a line that names its ``owner`` and vouches for both."""

    def write(name: str) -> None:
        with open(name, "wb") as file:
            file.write(seal(content, owner))
            file.write(content)

    write_whole(path, write)


def read_sealed(path: Path, *, owner: str) -> bytes:
    """What ``write_sealed`` wrote for this ``owner``.

    Raises:
        BenchError, OSError: where it cannot be read.
        ValueError: where it is not what was written, or another's.
    """
    head, _, content = regular(path).read_bytes().partition(b"\n")
    if head + b"\n" != seal(content, owner):
        raise ValueError(f"{path} is not what was written there")
    return content


def seal(content: bytes | memoryview, owner: str) -> bytes:
    found = hashlib.sha256(owner.encode())
    found.update(content)
    return f"{owner} {found.hexdigest()}\n".encode()


def write_whole(path: Path, write: Callable[[str], object], *, is_durable: bool = False) -> None:
    """Let ``write`` fill a file beside ``path``, then rename it: a reader finds the old file or the new one.

    ``is_durable`` waits until the disk has both the content and the name, so that a power cut loses neither.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{secrets.token_hex(4)}{path.suffix}")
    try:
        write(str(half))
        if is_durable:
            flush(half)
        os.replace(half, path)
        if is_durable:
            flush(path.parent)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str, *, is_durable: bool = False) -> None:
    """``write_whole`` of a text."""
    write_whole(path, lambda name: Path(name).write_text(text, encoding="utf-8"), is_durable=is_durable)


@contextmanager
def write_folder(target: Path, *, remedy: str) -> Iterator[Path]:
    """A folder to fill, which takes the name ``target`` at the end: a reader finds all of it or nothing.

    Raises:
        BenchError: when it cannot be written, or ``target`` holds something.
    """
    half = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}")
    with writing(f"folder {target}", remedy=remedy):
        half.mkdir(parents=True)
        try:
            yield half
            os.replace(half, target)
        except BaseException:
            shutil.rmtree(half, ignore_errors=True)
            raise


def flush(path: Path) -> None:
    """Wait until the disk has the file, or the names in the folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock file ``path`` and remove it at the end; yields False, without waiting, if another process holds it.

    The kernel frees the lock of a process that dies, so a file that stays behind blocks nobody. The package filelock
    is not used: some of its releases keep the file and some remove it, and this program counts on its removal.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # what a link names is another's, and is neither emptied nor locked
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666), "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # a holder that ended just now has removed the file that was opened here: another may stand in its place
            is_ours = os.fstat(handle.fileno()).st_ino == path.stat().st_ino
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
            raise BenchError(
                f"folder {path.parent} is on a file system without locks; choose another with --results, or give "
                "--no-lock if no other run uses it"
            ) from None
        try:
            yield is_ours
        finally:
            if is_ours:
                path.unlink(missing_ok=True)


@contextmanager
def writing(what: object, *, remedy: str) -> Iterator[None]:
    """Turn a full disk or a read-only folder into one clear line that names ``what`` and the ``remedy``.

    Raises:
        BenchError: in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise BenchError(f"{what} cannot be written ({error.strerror}); {remedy}") from None


def writing_reports(folder: Path) -> AbstractContextManager[None]:
    """``writing`` of what goes below the folder of the reports."""
    return writing(f"reports folder {folder}", remedy="choose another with --reports")


def try_writing(folder: Path) -> None:
    """Make ``folder`` and a temporary file in it, so that a folder that cannot be written fails before any work."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
