"""Atomic writing of files, checked reading, locks, and clear errors where a file cannot be written."""

import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pooch

from bench.spec import BenchError


def expanded(path: str | Path) -> Path:
    """Return ``path`` with the home folder in the place of ~."""
    if "\0" in str(path):
        raise BenchError(f"{str(path)[:60]!r} is not a path")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise BenchError(f"{str(path)!r} names the home folder of a user who is not here") from None


def findable(path: str | Path) -> Path:
    """Return ``expanded(path)``; also refuse, as a BenchError, a name that is too long and a folder without access."""
    full = expanded(path)
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            full.stat()
    except OSError as error:
        raise BenchError(f"{str(path)[:60]!r} cannot be looked for ({error.strerror})") from None
    return full


def cache_folder() -> Path:
    """Return ``$MCLN_BENCH_CACHE``, or where that is not set the cache folder of the operating system."""
    return expanded(os.environ.get("MCLN_BENCH_CACHE") or pooch.os_cache("mcln-bench"))


def plain(text: str, *, is_line: bool = False) -> str:
    """Replace control characters, which could steer a terminal; ``is_line`` also makes ``text`` a single line."""
    text = re.sub(r"\s+", " ", text).strip() if is_line else text
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", text)


def digest(content: bytes) -> str:
    """Return the sha256 of ``content`` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def regular(path: Path) -> Path:
    """Return ``path``, unless it is a pipe or a device, which could block a reader or never end. A folder, or a path
    where nothing is, passes and fails when it is opened."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise BenchError(f"{path} is not a regular file")
    return path


def read_checked(path: Path, sha256: str) -> bytes:
    """Return the content of a file whose sha256 is kept elsewhere; raise ValueError where the content has another."""
    content = regular(path).read_bytes()
    if digest(content) != sha256:
        raise ValueError(f"{path} was changed after it was written")
    return content


def write_sealed(path: Path, content: bytes | memoryview, *, owner: str) -> None:
    """Write ``content`` behind a first line with its ``owner`` and a sha256 over owner and content."""
    write_whole(path, [seal(content, owner), content])


def read_sealed(path: Path, *, owner: str) -> bytes:
    """Return the content that ``write_sealed`` wrote for this ``owner``; raise ValueError where the file was
    changed."""
    head, _, content = regular(path).read_bytes().partition(b"\n")
    if head + b"\n" != seal(content, owner):
        raise ValueError(f"{path} is not what was written there")
    return content


def seal(content: bytes | memoryview, owner: str) -> bytes:
    sha256 = hashlib.sha256(owner.encode())
    sha256.update(content)
    return f"{owner} {sha256.hexdigest()}\n".encode()


def write_whole(
    path: Path, content: Sequence[bytes | memoryview] | Callable[[str], object], *, is_durable: bool = False
) -> None:
    """Write ``content``, the parts of a file or a function that fills the file whose name it is given, to a temporary
    file beside ``path``, then rename it: a reader finds the old file or the new one.

    ``is_durable`` waits until the disk has both the content and the name, so that a power cut loses neither.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{path.suffix}")
    try:
        if callable(content):
            content(str(temporary))
        else:
            with open(temporary, "wb") as file:
                file.writelines(content)
        if is_durable:
            flush(temporary)
        os.replace(temporary, path)
        if is_durable:
            flush(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str, *, is_durable: bool = False) -> None:
    """Write a text file as ``write_whole`` does."""
    write_whole(path, [text.encode()], is_durable=is_durable)


@contextmanager
def write_folder(target: Path, *, remedy: str) -> Iterator[Path]:
    """Yield a temporary folder to fill, and rename it ``target`` at the end: a reader finds all of it or nothing."""
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}")
    with writing(f"folder {target}", remedy=remedy):
        temporary.mkdir(parents=True)
        try:
            yield temporary
            os.replace(temporary, target)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def flush(path: Path) -> None:
    """Wait until the disk has the content of a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock file ``path`` and remove it at the end; yield False, without waiting, if another process holds it.

    The kernel frees the lock of a process that dies, so a file that stays behind blocks nobody. The package filelock
    is not used: some of its releases keep the file and some remove it, and this program counts on its removal.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # O_NOFOLLOW: the file that a link points to belongs to someone else, and must be neither emptied nor locked
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666), "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # a holder that ended just now removed the file that was opened here: there may be a new file at ``path``
            is_ours = os.fstat(handle.fileno()).st_ino == path.stat().st_ino
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
            remedy = "choose another with --results, or give --no-lock if no other run uses it"
            raise BenchError(f"folder {path.parent} is on a file system without locks; {remedy}") from None
        try:
            yield is_ours
        finally:
            if is_ours:
                with suppress(OSError):  # as on a disk that has become read-only: the error that counts is another
                    path.unlink()


@contextmanager
def writing(what: object, *, remedy: str) -> Iterator[None]:
    """Turn an error of writing, such as a full disk, into one clear line that names ``what`` and the ``remedy``, and
    the folder or link that has the place of a file."""
    try:
        yield
    except OSError as error:
        place = f": {error.filename2 or error.filename}" if error.errno in (errno.EISDIR, errno.ELOOP) else ""
        raise BenchError(f"{what} cannot be written ({error.strerror}{place}); {remedy}") from None


def writing_reports(folder: Path) -> AbstractContextManager[None]:
    """Return the context of ``writing`` for files below the folder of the reports."""
    return writing(f"reports folder {folder}", remedy="choose another with --reports")


def try_writing(folder: Path) -> None:
    """Make ``folder`` and a temporary file in it, so that a folder that cannot be written fails before any job runs."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
