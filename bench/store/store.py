"""The store of records: one JSON file per job, which names the files of its ranks."""

import re
import sys
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

import numpy as np
import pandas as pd

from bench.files import digest, locked, read_checked, try_writing, writing
from bench.spec import BenchError, Job, unknown
from bench.store import ranks as rank_files
from bench.store.places import Places
from bench.store.record import BROKEN, Record, read_record, twice, why, write_record

KEY = re.compile("[0-9a-f]{16}")


class Store(Places):
    """The records below one folder: ``<dataset>/<model>/<key>.json``, with ranks, log, lock and checkpoint beside it.

    A damaged record, whose file, key or ranks are not what was written, counts as missing: the next run of its job
    makes it again. It is named once on standard error. Unless jobs are locked, no other runner may use the folder.
    """

    def __init__(self, root: Path, *, is_locked: bool = True):
        super().__init__(root)
        self.is_locked = is_locked
        self.locked = locked if is_locked else lambda path: nullcontext(True)
        self.left_out: dict[Path, str] = {}  # the path of every damaged record that was met, with the reason

    def start_log(self, job: Job) -> Path:
        """Make the job's log an empty file and return its path."""
        with self.writing():
            self.log(job).unlink(missing_ok=True)  # if it is a link, the file that it points to is not ours to empty
            self.log(job).touch()
        return self.log(job)

    def lock(self, job: Job) -> AbstractContextManager[bool]:
        """Hold the lock of a job, as ``hold``."""
        return self.hold(self.path(job).with_suffix(".lock"))

    @contextmanager
    def hold(self, lock: Path) -> Iterator[bool]:
        """Hold a lock, and yield whether it is ours: False while another runner on this folder has it."""
        with ExitStack() as stack:
            with self.writing():
                is_ours = stack.enter_context(self.locked(lock))
            yield is_ours

    def check_writable(self) -> None:
        """Raise BenchError if the folder cannot be written, so that a run fails before its work and not after."""
        with self.writing():
            try_writing(self.root)

    def writing(self) -> AbstractContextManager[None]:
        """Return a context that turns a failure to write into a BenchError of one clear line."""
        remedy = "free it or choose another with --results, then start again: what is written stays"
        return writing(f"results folder {self.root}", remedy=remedy)

    def find(self, job: Job) -> Record | None:
        return self._checked(self.path(job))

    def paths(self) -> list[Path]:
        """Return all files that may be records; a leading dot marks the half-written file of a killed process."""
        return sorted(self.root.glob("*/*/[!.]*.json"))

    def records(self) -> list[Record]:
        """Return every record that passes ``check``, in the order of their paths."""
        return [record for record in map(self._checked, self.paths()) if record is not None]

    def by_key(self, key: str) -> Record:
        """Return the one record whose key starts with ``key``."""
        records = self.records()
        matches = [r for r in records if r.key.startswith(key)]
        if not records:
            raise BenchError(f"no records in {self.root}; give the folder that has them with --results")
        if not matches:
            raise unknown("key", key, [r.key for r in records])
        if len(matches) > 1:
            keys = ", ".join(record.key for record in matches)
            raise BenchError(f"key {key!r} is ambiguous, {len(matches)} records begin with it: {keys}")
        return matches[0]

    def _checked(self, path: Path) -> Record | None:
        """Return the record at ``path``; None where there is none, or, with a warning, where it is damaged."""
        try:
            record = twice(self.check, path)
            self.left_out.pop(path, None)  # it may have been damaged before, and made again since
            return record
        except BROKEN as error:
            reason = why(error)
            if path.stem not in reason:  # it names a file that several records share
                reason = f"{path}: {reason}"
            if self.left_out.get(path) != reason:
                self.left_out[path] = reason
                remedy = ", and the next run of its job makes it again" if KEY.fullmatch(path.stem) else ""
                print(f"warning: {reason}; left out{remedy}", file=sys.stderr)
            return None

    def check(self, path: Path) -> Record | None:
        """Return the record at ``path``; None where there is none. Raises one of BROKEN unless its file and its ranks
        are what was written, and its metrics follow from its ranks."""
        record = read_record(path)
        if record is None:
            return None
        if not record.key == record.job.key == path.stem or self.path(record.job) != path:
            raise BenchError(f"{path} holds the record of another job")
        contents = [read_checked(*file) for file in self.rank_files(record).items()]
        if record.metrics and contents:
            rank_files.check(record, contents[-1], path)
        return record

    def check_weights(self, record: Record) -> bool:
        """Return whether ``record`` names a file of weights that exists; raise one of BROKEN where it was changed."""
        path = self.weights(record.job)
        if "weights_sha256" not in record.facts or not path.exists():
            return False
        read_checked(path, record.facts["weights_sha256"])
        return True

    def has_weights(self, record: Record) -> bool:
        """Return whether the record's weights exist undamaged; if not, the next run that is to keep them makes them."""
        try:
            return self.check_weights(record)
        except BROKEN as error:
            print(f"warning: {why(error)}", file=sys.stderr)
            return False

    def write(self, record: Record, ranks: pd.DataFrame | None = None) -> Path:
        """Write the ranks, then the record that names them, so that the record on disk is whole at any moment.

        Without ``ranks``, those that ``record`` names stay. An unfinished record never replaces a finished one.
        """
        path, existing = self.path(record.job), self.find(record.job)
        if record.status != "done" and existing is not None and existing.status == "done":
            return path
        contents = ()
        if ranks is not None:
            contents = rank_files.encode(ranks[rank_files.CASE]), rank_files.encode(ranks.drop(columns=rank_files.CASE))
            cases_sha256, ranks_sha256 = map(digest, contents)
            record = record.model_copy(update={"cases_sha256": cases_sha256, "ranks_sha256": ranks_sha256})
        files = self.rank_files(record)
        with self.writing():
            for file, content in zip(files, contents, strict=False):  # without ranks there is nothing to write
                rank_files.write(file, content)
            write_record(record, path)
            for old in set(path.parent.glob(f"{record.key}.*.parquet")) - set(files):
                old.unlink(missing_ok=True)
        return path

    def ranks(self, job: Job) -> pd.DataFrame:
        """Return one row per test case: ``user``, ``target``, and for each ranking ``rank_...`` and ``ties_...``."""
        return pd.DataFrame(self.rank_columns(job))

    def rank_columns(self, job: Job) -> dict[str, np.ndarray]:
        """Return the columns of ``ranks`` as arrays, which is faster than a frame."""
        record = read_record(self.path(job))
        if record is None or not record.ranks_sha256:
            raise FileNotFoundError(f"no ranks of {self.path(job)}")
        cases, ranks = (rank_files.decode(read_checked(*file)) for file in self.rank_files(record).items())
        return cases | ranks

    def sweep(self, *, due: Collection[Job] = ()) -> None:
        """Remove what killed runners left behind: locks that no one holds, half-written files, and checkpoints of
        jobs that are done or skipped, unless they are ``due`` again. A file that cannot be removed stays."""
        keys = {job.key for job in due}
        for path in self.root.glob("*/*/*.lock") if self.is_locked else self._unlocked():
            with suppress(OSError), self.locked(path) as is_ours:
                if not is_ours:
                    continue
                sweep_halves(path)
                record = self._checked(path.with_suffix(".json"))
                is_over = record is not None and record.status != "failed"
                if is_over and record.key not in keys:  # killed before it removed its checkpoint
                    path.with_suffix(".checkpoint").unlink(missing_ok=True)

    def _unlocked(self) -> set[Path]:
        """Return where the locks would be of those jobs that left half-written files or a checkpoint."""
        halves = {path.with_name(path.name[1:].partition(".")[0] + ".lock") for path in self.root.glob("*/*/.?*")}
        return halves | {path.with_suffix(".lock") for path in self.root.glob("*/*/*.checkpoint")}


def sweep_halves(path: Path) -> None:
    """Remove the half-written files of the job with the record ``path``; its lock is held, and its process is dead.
    A file that cannot be removed stays."""
    for half in path.parent.glob(f".{path.stem}.*"):
        with suppress(OSError):
            half.unlink()
