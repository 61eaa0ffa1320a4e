"""Files are written whole or not at all; a lock has one holder."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bench import registry
from bench.data import sources
from bench.files import (
    findable,
    locked,
    plain,
    read_checked,
    read_sealed,
    try_writing,
    write_sealed,
    write_text,
    write_whole,
    writing,
)
from bench.spec import BenchError
from bench.store.store import Store
from tests.store.made import job


@pytest.mark.parametrize("is_durable", [False, True])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, is_durable):
    path = tmp_path / "a.json"
    write_whole(path, lambda name: Path(name).write_text("old"), is_durable=is_durable)

    def broken(name):
        Path(name).write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, broken, is_durable=is_durable)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_umask_decides_who_may_read(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", lambda name: Path(name).write_text("x"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_content_and_name_are_on_the_disk_before_a_durable_write_returns(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.readlink(f"/proc/self/fd/{handle}")))
    write_whole(tmp_path / "a", lambda name: Path(name).write_text("x"))
    assert synced == []
    write_whole(tmp_path / "a", lambda name: Path(name).write_text("x"), is_durable=True)
    assert [Path(name).name[:3] for name in synced] == [".a.", tmp_path.name[:3]]


def test_a_lock_has_one_holder_and_leaves_no_file(tmp_path):
    path = tmp_path / "new" / "a.lock"
    with locked(path) as first, locked(path) as second:
        assert (first, second) == (True, False)
    assert not path.exists()
    with locked(path) as again:
        assert again


def test_the_lock_of_a_killed_process_blocks_nobody(tmp_path):
    path = tmp_path / "a.lock"
    lines = ["import os, pathlib, sys", "from bench.files import locked", "held = locked(pathlib.Path(sys.argv[1]))"]
    code = "; ".join([*lines, "assert held.__enter__()", "os.kill(os.getpid(), 9)"])
    assert subprocess.run([sys.executable, "-c", code, str(path)]).returncode == -9
    assert path.exists()
    with locked(path) as is_ours:
        assert is_ours


def test_who_waited_for_a_lock_that_was_removed_does_not_hold_it(tmp_path, monkeypatch):
    """Between opening the file and locking it, its holder may remove it and another process may make a new one."""
    path, real, others = tmp_path / "a.lock", open, []

    def open_late(name, *args, **kwargs):
        handle = real(name, *args, **kwargs)
        if not others:
            others.append(None)
            path.unlink()
            others.append(locked(path))
            assert others[1].__enter__()
        return handle

    monkeypatch.setattr("builtins.open", open_late)
    with locked(path) as is_ours:
        assert not is_ours
    assert path.exists()
    others[1].__exit__(None, None, None)
    assert not path.exists()


def test_what_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match=r"the folder cannot be written \(.*\); take another$"):
        with writing("the folder", remedy="take another"):
            try_writing(tmp_path / "file" / "below")
    try_writing(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_folder_or_a_link_in_the_place_of_a_file_is_named(tmp_path):
    (tmp_path / "a.json").mkdir()
    (tmp_path / "b.lock").symlink_to(tmp_path / "a.json")
    with pytest.raises(BenchError, match=r"all cannot be written \(Is a directory: .*/a\.json\); free it$"):
        with writing("all", remedy="free it"):
            write_text(tmp_path / "a.json", "")
    with pytest.raises(BenchError, match=r"all cannot be written \(.*: .*/b\.lock\); free it$"):
        with writing("all", remedy="free it"), locked(tmp_path / "b.lock"):
            pass


def test_a_lock_that_cannot_be_removed_hides_no_other_error(tmp_path, monkeypatch):
    """As on a disk that becomes read-only while a job is at work."""

    def refuse(self, missing_ok=False):
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    with pytest.raises(BenchError, match="the record cannot be written"), locked(tmp_path / "lock"):
        raise BenchError("the record cannot be written")
    with locked(tmp_path / "lock") as is_ours:
        assert is_ours


def test_a_file_system_without_locks_is_one_line_with_its_remedy(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(BenchError, match="is on a file system without locks.*--no-lock"), locked(tmp_path / "lock"):
        pass
    with Store(tmp_path, is_locked=False).lock(job()) as is_ours:
        assert is_ours


def test_a_sealed_file_is_believed_under_its_name_alone(tmp_path):
    path = tmp_path / "a"
    write_sealed(path, b"content\n", owner="job")
    assert read_sealed(path, owner="job") == b"content\n"
    with pytest.raises(ValueError, match="a is not what was written there"):
        read_sealed(path, owner="other")


def test_what_is_no_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "a")
    for read in (lambda: read_checked(tmp_path / "a", ""), lambda: read_sealed(tmp_path / "a", owner="x")):
        with pytest.raises(BenchError, match="a is not a regular file"):
            read()


@pytest.mark.parametrize(
    ("text", "shown"), [("a\tb\nc", "a\tb\nc"), ("\x1b[2J\x9bx\r\0", "\ufffd[2J\ufffdx\ufffd\ufffd"), ("é ü", "é ü")]
)
def test_plain_text_steers_no_terminal(text, shown):
    assert plain(text) == shown
    assert "\n" not in plain(text, is_line=True)


@pytest.mark.parametrize("read", [sources.find, registry.find])
def test_the_home_folder_of_nobody_is_one_clear_line(read):
    with pytest.raises(BenchError, match=r"'~no-such-user/a\.py' names the home folder of a user who is not here"):
        read("~no-such-user/a.py" + ":Mine" * (read is registry.find))


@pytest.mark.parametrize("path", ["a\0b", "x" * 300, "x/" * 5000])
def test_what_can_be_no_path_is_one_clear_line(path):
    with pytest.raises(BenchError, match="is not a path|cannot be looked for") as caught:
        findable(path)
    assert len(str(caught.value)) < 120
